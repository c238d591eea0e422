/**
 * RealBatch: batches of real images on the GPU. A kernel picks them by index from the whole split or just the
 * batch, normalises them where they are bytes, and leaves the layout that networks read. A batch too large
 * for one binding, or for the caches, runs in parts.
 */
import { gather } from "../sets/batches.ts";
import type { Split } from "../sets/dataset.ts";
import type { Recorder, Tensor } from "../gpu/mod.ts";
import { padded, sizeOf } from "../layers/op.ts";
import { packImages, packLabels } from "../ops/pack.ts";
import type { Batch, Net } from "../nets/net.ts";
import type { Space } from "./distilled_data.ts";

/** Pixel statistics of a data set, by channel: networks read (byte / 255 − mean) / std. */
export interface Normalization {
  /** Means of the pixels scaled to 0…1, [C]. */
  readonly mean: readonly number[];
  /** Standard deviations of the same, [C]. */
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
  build: (images: number) => Disposable = (images) => net.workspace(networks, images, { passes }),
): number {
  const activations = net.ops.map((op) => networks * sizeOf(op.output));
  const largest = Math.max(sizeOf(net.input), ...activations); // networks share the images
  const { limits, profile } = net.device.info;
  const bytesOf = (images: number) => net.device.count(() => build(images)).bytes;
  const four = bytesOf(4);
  const each = (orInfinity(() => bytesOf(8)) - four) / 4;
  if (each === Infinity) return 4;
  const fits = Math.min(
    limits.maxStorageBufferBindingSize! / (4 * largest),
    (Math.min(room, WORKSPACE_BYTES) - (four - 4 * each)) / each,
  );
  const wanted = profile === "software" ? SOFTWARE_PART : padded(count);
  return Math.max(4, Math.floor(Math.min(fits, wanted, padded(count)) / 4) * 4);
}

/** What `count` gives, or Infinity where a binding does not hold it. */
function orInfinity(count: () => number): number {
  try {
    return count();
  } catch (error) {
    if (error instanceof RangeError) return Infinity;
    throw error;
  }
}

/** Images and labels of a split on the GPU. */
export class ResidentSplit implements Disposable {
  /** [count, C, H, V]: pixels as bytes, four to a word, or as floats. */
  readonly images: Tensor;
  /** Whether images are floats, not bytes. */
  readonly floats: boolean;
  /** The class of each image as a byte, four to a word. */
  readonly labels: Tensor;
  /** How many images. */
  readonly count: number;
  readonly #owned: DisposableStack;

  /** Uploads a split. */
  constructor({ device }: Pick<Space, "device">, { images, labels, count }: Split) {
    this.count = count;
    this.floats = images instanceof Float32Array;
    using owned = new DisposableStack();
    const upload = (array: Split["images"]) =>
      owned.use(device.tensor([words(array.byteLength)], "training set")).write(whole(array));
    this.images = upload(images);
    this.labels = upload(labels);
    this.#owned = owned.move();
  }

  /** Frees the split's images and labels. */
  [Symbol.dispose](): void {
    this.#owned.dispose();
  }
}

/** A split on the GPU where a binding holds it, which `owned` frees; else as it is, to be uploaded batch by batch. */
export function residentIfBindable(
  owned: DisposableStack,
  space: Pick<Space, "device">,
  split: Split,
): Split | ResidentSplit {
  const most = space.device.info.limits.maxStorageBufferBindingSize!;
  return split.images.byteLength <= most ? owned.use(new ResidentSplit(space, split)) : split;
}

/** Images that run at once, and where they are packed from. */
interface Part extends Required<Batch> {
  readonly indices: Tensor;
  readonly moves: Tensor;
  readonly images: Tensor;
  readonly labels: Tensor;
}

/** Buffers for a batch of `count` images in parts of `part`. */
export class RealBatch implements Disposable {
  readonly #parts: readonly Part[];
  readonly #space: Space;
  readonly #part: number;
  readonly #scale: Tensor;
  readonly #source: Split | ResidentSplit;
  readonly #floats: boolean;
  readonly #owned: DisposableStack;

  /**
   * Allocates room for a batch.
   *
   * @param source the split that all batches are of, on the GPU or to be uploaded from.
   * @param count images of a batch.
   * @param part images that run at once, a multiple of four.
   */
  constructor(
    space: Space,
    source: Split | ResidentSplit,
    count: number,
    part: number,
    { mean, std }: Normalization,
  ) {
    const { device, input, classes } = space;
    using owned = new DisposableStack();
    const own = (shape: number[]) => owned.use(device.tensor(shape, "real batch"));
    this.#space = space;
    this.#part = part;
    this.#source = source;
    const resident = source instanceof ResidentSplit ? source : undefined;
    const floats = source instanceof ResidentSplit
      ? source.floats
      : source.images instanceof Float32Array;
    this.#floats = floats;
    this.#parts = Array.from({ length: Math.ceil(count / part) }, (_, i) => {
      const here = Math.min(part, count - i * part);
      return {
        count: here,
        x: own([sizeOf(input), padded(part)]),
        y: own([classes, padded(part)]),
        indices: own([here]).write(Uint32Array.from({ length: here }, (_, n) => n)),
        moves: own([here]),
        images: resident?.images ?? own([words(here * sizeOf(input) * (floats ? 4 : 1))]),
        labels: resident?.labels ?? own([words(here)]),
      };
    });
    const pairs = Float32Array.from(mean.flatMap((m, c) => [m, std[c]!]));
    this.#scale = own([pairs.length]).write(pairs);
    this.#owned = owned.move();
  }

  /** What networks read, a part at a time, as `record` leaves it. */
  get parts(): readonly Required<Batch>[] {
    return this.#parts;
  }

  /**
   * Sets which images of the split `record` is to take, moved by `moves` [count] where given (augment.ts).
   *
   * @throws RangeError unless `indices` are [count], of the split.
   */
  choose(indices: Uint32Array, moves?: Uint32Array<ArrayBuffer>): void {
    const source = this.#source;
    const count = this.#parts.reduce((sum, part) => sum + part.count, 0);
    const bad = indices.find((index) => index >= source.count);
    if (indices.length !== count || bad !== undefined) {
      throw new RangeError(
        `Cannot load a batch: got ${indices.length} indices${bad ? `, ${bad} among them` : ""}, ` +
          `expected ${count} below ${source.count}, the images of the split`,
      );
    }
    this.#parts.forEach((part, i) => {
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
    const { input, classes } = this.#space;
    for (const { x, y, indices, images, labels, moves } of this.#parts) {
      const to = { scale: this.#scale, x, moves: moved ? moves : undefined };
      packImages(record, { bytes: images, indices, floats: this.#floats }, to, input);
      packLabels(record, { bytes: labels, indices }, { y }, classes);
    }
  }

  /** Frees the batch, not its source. */
  [Symbol.dispose](): void {
    this.#owned.dispose();
  }
}

function words(bytes: number): number {
  return Math.ceil(bytes / 4);
}

/** An array filled up to whole words. */
function whole(array: Split["images"]): Uint8Array<ArrayBuffer> | Float32Array<ArrayBuffer> {
  if (array.byteLength % 4 === 0 && array.buffer instanceof ArrayBuffer) {
    return array as Uint8Array<ArrayBuffer> | Float32Array<ArrayBuffer>;
  }
  const filled = new Uint8Array(4 * words(array.byteLength));
  filled.set(new Uint8Array(array.buffer, array.byteOffset, array.byteLength));
  return filled;
}
