/**
 * Blocks: the distilled data on the GPU, a block for each inner step, each where a view may start.
 *
 * Networks read images as [C, H, V, N] and labels as [K, N], images innermost and padded to a
 * multiple of four; the rest of the world has [N, C, H, V] and [N, K]. Padding is zero.
 */
import { type Device, type Tensor, VIEW_FLOATS } from "../gpu/mod.ts";
import { padded } from "../layers/op.ts";

/** `blocks` arrays of [rows, images], each block padded to where a view may start. */
export class Blocks implements Disposable {
  /** All blocks, one after the other with padding between them. */
  readonly all: Tensor;
  /** One view [rows, images] a block. */
  readonly each: readonly Tensor[];
  /** Floats from one block to the next. */
  readonly stride: number;
  readonly #rows: number;
  readonly #count: number;
  readonly #label: string;

  /**
   * Allocates zeros.
   *
   * @param label what `Device.count` calls the bytes, and messages the data.
   * @param rows numbers that an image has.
   * @param count images in a block, without padding.
   */
  constructor(device: Device, label: string, blocks: number, rows: number, count: number) {
    this.#rows = rows;
    this.#count = count;
    this.#label = label;
    const shape = [rows, padded(count)];
    this.stride = Math.ceil(rows * padded(count) / VIEW_FLOATS) * VIEW_FLOATS;
    this.all = device.tensor([blocks * this.stride], label);
    this.each = Array.from({ length: blocks }, (_, i) => this.all.view(i * this.stride, shape));
  }

  /** Numbers in all blocks, padding left out. */
  get length(): number {
    return this.each.length * this.#count * this.#rows;
  }

  /** Writes [blocks · count, rows], images outermost. @throws RangeError for another length. */
  write(data: ArrayLike<number>): void {
    if (data.length !== this.length) {
      throw new RangeError(
        `Cannot write ${this.#label}: got ${data.length} numbers, expected ${this.length}`,
      );
    }
    const words = new Float32Array(this.all.size);
    this.#forEach((inner, outer) => words[inner] = data[outer]!);
    this.all.write(words);
  }

  /** Reads [blocks · count, rows], images outermost. */
  async read(): Promise<Float32Array<ArrayBuffer>> {
    const words = await this.all.read();
    const data = new Float32Array(this.length);
    this.#forEach((inner, outer) => data[outer] = words[inner]!);
    return data;
  }

  #forEach(visit: (inner: number, outer: number) => void): void {
    const images = padded(this.#count);
    for (let block = 0; block < this.each.length; block++) {
      for (let n = 0; n < this.#count; n++) {
        const outer = (block * this.#count + n) * this.#rows;
        const inner = block * this.stride + n;
        for (let i = 0; i < this.#rows; i++) visit(inner + i * images, outer + i);
      }
    }
  }

  /** Frees all blocks. */
  [Symbol.dispose](): void {
    this.all[Symbol.dispose]();
  }
}
