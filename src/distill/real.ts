/**
 * Real: batches of real images on the GPU. A kernel picks them by index from bytes, which are the whole
 * split or just the batch, and normalises them into the layout that networks read. A batch too large
 * for one binding, or for the caches, runs in parts.
 */
import { gather } from "../data/batches.ts";
import type { Split } from "../data/dataset.ts";
import type { Recorder, Tensor } from "../gpu/mod.ts";
import { padded, sizeOf } from "../layers/op.ts";
import { packImages, packLabels } from "../ops/pack.ts";
import type { Batch, Net } from "../nets/net.ts";

/** Pixel statistics of a data set, by channel. */
export interface Normalization {
  readonly mean: readonly number[];
  readonly std: readonly number[];
}

/** Most that the activations of a part may take: far less than a GPU has, enough to keep it busy. */
const WORKSPACE_BYTES = 512 * 2 ** 20;

/** Past this a software adapter's activations outgrow the processor's caches. */
const SOFTWARE_PART = 256;

/**
 * Images of `count` that `networks` copies of `net` take at once: a multiple of four, such that
 * they and each activation fit a binding and all of them together `room` bytes.
 */
export function partOf(
  net: Net,
  networks: number,
  count: number,
  passes: "forward" | "grad",
  room = WORKSPACE_BYTES,
): number {
  const activations = net.ops.map((op) => networks * sizeOf(op.output));
  const largest = Math.max(sizeOf(net.input), ...activations); // networks share the images
  const { limits, profile } = net.device.info;
  const four = net.device.count(() => net.workspace(networks, 4, { passes })).bytes;
  const fits = Math.min(
    limits.maxStorageBufferBindingSize! / (4 * largest),
    4 * Math.min(room, WORKSPACE_BYTES) / four,
  );
  const wanted = profile === "software" ? SOFTWARE_PART : padded(count);
  return Math.max(4, Math.floor(Math.min(fits, wanted, padded(count)) / 4) * 4);
}

/** Images and labels of a split as bytes on the GPU. */
export class ResidentSplit implements Disposable {
  readonly images: Tensor;
  readonly labels: Tensor;
  readonly count: number;
  readonly #owned: DisposableStack;

  constructor(net: Net, { images, labels, count }: Split) {
    this.count = count;
    using owned = new DisposableStack();
    const upload = (bytes: Uint8Array) =>
      owned.use(net.device.tensor([words(bytes.length)], "training set")).write(whole(bytes));
    this.images = upload(images);
    this.labels = upload(labels);
    this.#owned = owned.move();
  }

  [Symbol.dispose](): void {
    this.#owned.dispose();
  }
}

interface Part extends Batch {
  readonly count: number;
  readonly indices: Tensor;
  readonly moves: Tensor;
  readonly images: Tensor;
  readonly labels: Tensor;
}

/** Buffers for a batch of `count` images in parts of `part`. */
export class RealBatch implements Disposable {
  readonly parts: readonly Part[];
  readonly #net: Net;
  readonly #part: number;
  readonly #scale: Tensor;
  readonly #source: Split | ResidentSplit;
  readonly #owned: DisposableStack;

  /** @param source the split that all batches are of, on the GPU or to be uploaded from. */
  constructor(
    net: Net,
    source: Split | ResidentSplit,
    count: number,
    part: number,
    { mean, std }: Normalization,
  ) {
    const { device, input, classes } = net;
    using owned = new DisposableStack();
    const own = (shape: number[]) => owned.use(device.tensor(shape, "real batch"));
    this.#net = net;
    this.#part = part;
    this.#source = source;
    const resident = source instanceof ResidentSplit ? source : undefined;
    this.parts = Array.from({ length: Math.ceil(count / part) }, (_, i) => {
      const here = Math.min(part, count - i * part);
      return {
        count: here,
        x: own([sizeOf(input), padded(part)]),
        y: own([classes, padded(part)]),
        indices: own([here]).write(Uint32Array.from({ length: here }, (_, n) => n)),
        moves: own([here]),
        images: resident?.images ?? own([words(here * sizeOf(input))]),
        labels: resident?.labels ?? own([words(here)]),
      };
    });
    const pairs = Float32Array.from(mean.flatMap((m, c) => [m, std[c]!]));
    this.#scale = own([pairs.length]).write(pairs);
    this.#owned = owned.move();
  }

  /**
   * Sets which images of the split `record` is to take, moved by `moves` [count] where given (augment.ts).
   *
   * @throws RangeError unless `indices` are [count], of the split.
   */
  choose(indices: Uint32Array, moves?: Uint32Array<ArrayBuffer>): void {
    const source = this.#source;
    const count = this.parts.reduce((sum, part) => sum + part.count, 0);
    const bad = indices.find((index) => index >= source.count);
    if (indices.length !== count || bad !== undefined) {
      throw new RangeError(
        `Cannot load a batch: got ${indices.length} indices${bad ? `, ${bad} among them` : ""}, ` +
          `expected ${count} below ${source.count}, the images of the split`,
      );
    }
    this.parts.forEach((part, i) => {
      const here = [i * this.#part, i * this.#part + part.count] as const;
      const chosen = indices.slice(...here);
      if (moves) part.moves.write(moves.slice(...here));
      if (source instanceof ResidentSplit) part.indices.write(chosen);
      else {
        const { images, labels } = gather(source, chosen);
        part.images.write(whole(images));
        part.labels.write(whole(labels));
      }
    });
  }

  /** Records what brings the chosen images into the layout that networks read; `moved` if they are moved. */
  record(record: Recorder, moved = false): void {
    const { input, classes } = this.#net;
    for (const { x, y, indices, images, labels, moves } of this.parts) {
      const to = { scale: this.#scale, x, moves: moved ? moves : undefined };
      packImages(record, { bytes: images, indices }, to, input);
      packLabels(record, { bytes: labels, indices }, { y }, classes);
    }
  }

  [Symbol.dispose](): void {
    this.#owned.dispose();
  }
}

function words(bytes: number): number {
  return Math.ceil(bytes / 4);
}

/** Bytes filled up to whole words. */
function whole(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  if (bytes.length % 4 === 0 && bytes.buffer instanceof ArrayBuffer) {
    return bytes as Uint8Array<ArrayBuffer>;
  }
  const filled = new Uint8Array(4 * words(bytes.length));
  filled.set(bytes);
  return filled;
}
