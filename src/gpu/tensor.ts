/** Tensor: a shape and a GPU buffer of 32-bit words that frees itself (`using`). */
import type { Device } from "./device.ts";

/** Where a view may start in a tensor: WebGPU's default `minStorageBufferOffsetAlignment`. */
export const VIEW_FLOATS = 64;

let nextId = 0;

/** What the CPU may write. */
export type Words = Float32Array<ArrayBuffer> | Uint32Array<ArrayBuffer> | Uint8Array<ArrayBuffer>;

/** A GPU array of 32-bit words (f32 unless the kernel that reads it says otherwise). */
export class Tensor implements Disposable {
  /** Number of words: the product of the shape. */
  readonly size: number;
  /** Bytes that a binding covers: whole vec4s, since kernels read rows of f32 as vec4f. */
  readonly bytes: number;
  /** Names the tensor for life. */
  readonly id = nextId++;
  readonly #buffer: GPUBuffer | undefined;
  /** What a view is a part of. */
  readonly #whole: Tensor | undefined;
  /** What is to be called before the buffer is freed; the same for all views of it. @internal */
  readonly users: Set<() => void>;
  #freed = false;

  private constructor(
    readonly device: Device,
    readonly shape: readonly number[],
    buffer: GPUBuffer | undefined,
    /** Where the tensor starts in its buffer, in bytes: not 0 for a view. */
    readonly offset: number,
    whole?: Tensor,
  ) {
    this.size = sizeOf(shape);
    this.bytes = bytesOf(this.size);
    this.#buffer = buffer;
    this.#whole = whole;
    this.users = whole?.users ?? new Set();
  }

  /**
   * Allocates zeros; where the device only counts (`Device.count`), no buffer.
   *
   * @throws RangeError when the shape is empty or takes more bytes than a binding holds.
   */
  static create(device: Device, shape: readonly number[], label: string): Tensor {
    const [size, bytes] = [sizeOf(shape), bytesOf(sizeOf(shape))];
    const most = device.info.limits.maxStorageBufferBindingSize!;
    if (!(size >= 1) || !Number.isInteger(size) || bytes > most) {
      throw new RangeError(
        `Cannot allocate ${label}: got shape [${shape.join(", ")}] of ${bytes} bytes, expected ` +
          `1 to ${most} bytes on this adapter; use a smaller batch or fewer networks`,
      );
    }
    if (!device.allocate(bytes, label)) return new Tensor(device, shape, undefined, 0);
    const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_SRC |
      GPUBufferUsage.COPY_DST;
    return new Tensor(device, shape, device.gpu.createBuffer({ size: bytes, usage, label }), 0);
  }

  /** The buffer that the tensor lies in. @throws TypeError where it was only counted. */
  get buffer(): GPUBuffer {
    if (this.#buffer) return this.#buffer;
    throw new TypeError("Cannot use a tensor that was only counted: expected an allocated one");
  }

  /** The part of this tensor that starts at word `start`, a multiple of 64; it owns nothing. */
  view(start: number, shape: readonly number[]): Tensor {
    if (!(start >= 0 && start % VIEW_FLOATS === 0 && start + sizeOf(shape) <= this.size)) {
      throw new RangeError(
        `Cannot view a tensor of ${this.size} words: got start ${start} and shape ` +
          `[${shape.join(", ")}], expected a multiple of ${VIEW_FLOATS} and an end within it`,
      );
    }
    const offset = this.offset + start * 4;
    return new Tensor(this.device, shape, this.#buffer, offset, this.#whole ?? this);
  }

  /** Copies words from the CPU before the next submitted command buffer. */
  write(words: Words): this {
    if (words.byteLength > this.size * 4 || words.byteLength % 4) {
      throw new RangeError(
        `Cannot write to a tensor [${this.shape.join(", ")}]: got ${words.byteLength} bytes, ` +
          `expected a multiple of 4, at most ${this.size * 4}`,
      );
    }
    if (this.#buffer && words.byteLength > 0) {
      this.device.gpu.queue.writeBuffer(this.#buffer, this.offset, words);
    }
    return this;
  }

  /** Waits for the GPU and copies the words back. @throws Error what went wrong on the GPU. */
  async read(): Promise<Float32Array<ArrayBuffer>> {
    const { gpu } = this.device;
    const usage = GPUBufferUsage.COPY_DST | GPUBufferUsage.MAP_READ;
    const staging = gpu.createBuffer({ size: this.size * 4, usage, label: "read" });
    try {
      const encoder = gpu.createCommandEncoder();
      encoder.copyBufferToBuffer(this.buffer, this.offset, staging, 0, this.size * 4);
      gpu.queue.submit([encoder.finish()]);
      await staging.mapAsync(GPUMapMode.READ).catch(async (error) => {
        await new Promise((resolve) => setTimeout(resolve)); // a lost device says so a turn later
        await this.device.settle(); // the GPU's own account of the failure comes first
        throw error;
      });
      this.device.pacing.rest();
      await this.device.settle();
      return new Float32Array(staging.getMappedRange().slice(0));
    } finally {
      staging.destroy();
    }
  }

  /** Frees the buffer, unless this is a view. */
  [Symbol.dispose](): void {
    if (this.#freed || this.#whole || !this.#buffer) return;
    this.#freed = true;
    [...this.users].forEach((forget) => forget());
    this.#buffer.destroy();
    this.device.release(this.bytes);
  }
}

const sizeOf = (shape: readonly number[]) => shape.reduce((product, n) => product * n, 1);
const bytesOf = (size: number) => Math.ceil(size / 4) * 16;
