/**
 * Real: batches of real images on the GPU. Bytes go up; a kernel normalises them into the layout
 * that networks read. A batch too large for one binding, or for the caches, runs in parts.
 */
import type { Recorder, Tensor } from "../gpu/mod.ts";
import type { Net } from "../nets/net.ts";
import { Workspace } from "../nets/workspace.ts";
import { padded, sizeOf } from "../ops/op.ts";
import { pack } from "../ops/pack.ts";
import type { RealPart } from "./unroll.ts";

/** Pixel statistics and bytes of a batch. */
export interface Normalization {
  readonly mean: readonly number[];
  readonly std: readonly number[];
}

/**
 * Images of `count` that `networks` copies of `net` take at once: a multiple of four, such that each
 * activation fits a binding and all of them together WORKSPACE_BYTES.
 */
export function partOf(
  net: Net,
  networks: number,
  count: number,
  passes: "forward" | "grad",
): number {
  const largest = Math.max(...net.ops.map((op) => sizeOf(op.output)));
  const { limits, profile } = net.device.info;
  const fits = Math.min(
    limits.maxStorageBufferBindingSize! / (networks * largest * 4),
    WORKSPACE_BYTES / (networks * Workspace.bytesPerImage(net, passes)),
  );
  const wanted = profile === "software" ? SOFTWARE_PART : padded(count);
  return Math.max(4, Math.floor(Math.min(fits, wanted, padded(count)) / 4) * 4);
}

/** Most that the activations of a part may take: far less than a GPU has, enough to keep it busy. */
const WORKSPACE_BYTES = 512 * 2 ** 20;

/** Past this a software adapter's activations outgrow the processor's caches. */
const SOFTWARE_PART = 256;

/** Buffers for a batch of `count` images in parts of `part`. */
export class RealBatch implements Disposable {
  readonly parts: readonly RealPart[];
  readonly #net: Net;
  readonly #count: number;
  readonly #part: number;
  readonly #bytes: readonly Tensor[];
  readonly #scale: Tensor;
  readonly #owned: DisposableStack;

  constructor(net: Net, count: number, part: number, { mean, std }: Normalization) {
    const { device, input, classes } = net;
    using owned = new DisposableStack();
    const own = (shape: number[], label: string) => owned.use(device.tensor(shape, label));
    this.#net = net;
    this.#count = count;
    this.#part = part;
    const starts = Array.from({ length: Math.ceil(count / part) }, (_, i) => i * part);
    const words = Math.ceil(part * sizeOf(input) / 4);
    this.#bytes = starts.map(() => own([words], "real bytes"));
    this.parts = starts.map(() => ({
      x: own([sizeOf(input), padded(part)], "real images"),
      y: own([classes, padded(part)], "real labels"),
    }));
    const pairs = Float32Array.from(mean.flatMap((m, c) => [m, std[c]!]));
    this.#scale = own([pairs.length], "scale").write(pairs);
    this.#owned = owned.move();
  }

  /** Records the upload of `images` [count, C, H, W] and one-hot labels of classes [count]. */
  load(record: Recorder, images: Uint8Array, labels: Uint8Array): void {
    const { input } = this.#net;
    this.parts.forEach(({ x, y }, i) => {
      const start = i * this.#part;
      const here = Math.min(this.#part, this.#count - start);
      const bytes = new Uint8Array(Math.ceil(here * sizeOf(input) / 4) * 4);
      bytes.set(images.subarray(start * sizeOf(input), (start + here) * sizeOf(input)));
      this.#bytes[i]!.write(bytes);
      y.write(this.#oneHot(labels.subarray(start, start + here)));
      pack(record, { bytes: this.#bytes[i]!, scale: this.#scale, x }, input, here);
    });
  }

  #oneHot(labels: Uint8Array): Float32Array<ArrayBuffer> {
    const images = padded(this.#part);
    const y = new Float32Array(this.#net.classes * images);
    labels.forEach((label, n) => y[label * images + n] = 1);
    return y;
  }

  [Symbol.dispose](): void {
    this.#owned.dispose();
  }
}
