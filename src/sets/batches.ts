// Stateless seeded minibatches: which images iteration k sees depends on the seed and k alone.
import type { Split } from "./dataset.ts";
import { threefry2x32 } from "../base/threefry.ts";

/** Sets these draws apart from others of the same seed: "shuf" in ASCII. */
const STREAM = 0x73687566;
const WORDS = 2 ** 32;

/**
 * A random order of 0…count−1, uniform over all orders: Fisher–Yates driven by Threefry with the
 * key (seed, epoch). The same arguments give the same order on every machine.
 *
 * @throws {RangeError} an argument that is not an integer in 0…2³²−1
 */
export function permutation(count: number, seed: number, epoch: number): Uint32Array {
  for (const [what, value] of Object.entries({ count, seed, epoch })) {
    if (!Number.isInteger(value) || value < 0 || value >= WORDS) {
      throw new RangeError(
        `Cannot shuffle: got ${what} ${value}, expected an integer in 0…${WORDS - 1}; ` +
          `choose another ${what}`,
      );
    }
  }
  const order = Uint32Array.from({ length: count }, (_, index) => index);
  for (let last = count - 1; last > 0; last--) {
    const other = drawBelow(last + 1, seed, epoch, last);
    const swapped = order[last]!;
    order[last] = order[other]!;
    order[other] = swapped;
  }
  return order;
}

/** A uniform integer in 0…bound−1; words past the largest multiple of `bound` are drawn again. */
function drawBelow(bound: number, seed: number, epoch: number, counter: number): number {
  const limit = WORDS - WORDS % bound;
  for (let attempt = 0;; attempt++) {
    for (const word of threefry2x32(seed, epoch, counter, STREAM + attempt)) {
      if (word < limit) return word % bound;
    }
  }
}

/**
 * Minibatches of a split. Each epoch is a fresh permutation cut into `perEpoch` batches; the last,
 * incomplete batch of an epoch is dropped. Iteration k belongs to epoch ⌊k / perEpoch⌋.
 */
export class Batches {
  /** Whole batches in an epoch: ⌊split.count / batch⌋. */
  readonly perEpoch: number;
  readonly #count: number;
  readonly #batch: number;
  readonly #seed: number;
  #epoch = -1;
  #order: Uint32Array = new Uint32Array();

  /**
   * Cuts `split` into batches of `batch` images, in an order drawn from `seed`, 0…2³²−1.
   *
   * @throws {RangeError} `batch` not an integer in 1…split.count, or a bad `seed`
   */
  constructor(split: Pick<Split, "count">, batch: number, seed: number) {
    if (!Number.isInteger(batch) || batch < 1 || batch > split.count) {
      throw new RangeError(
        `Cannot cut minibatches: got batch ${batch}, expected an integer in 1…${split.count} ` +
          `(the images of the split); choose another batch size`,
      );
    }
    this.perEpoch = Math.floor(split.count / batch);
    this.#count = split.count;
    this.#batch = batch;
    this.#seed = seed;
    this.#enter(0);
  }

  /**
   * The images of iteration `iteration` ≥ 0 by index into the split, [batch].
   *
   * @throws {RangeError} `iteration` not a non-negative integer
   */
  indices(iteration: number): Uint32Array {
    if (!Number.isInteger(iteration) || iteration < 0) {
      throw new RangeError(
        `Cannot cut minibatches: got iteration ${iteration}, expected a non-negative integer; ` +
          `count iterations from 0`,
      );
    }
    this.#enter(Math.floor(iteration / this.perEpoch));
    const start = (iteration % this.perEpoch) * this.#batch;
    return this.#order.slice(start, start + this.#batch);
  }

  #enter(epoch: number): void {
    if (epoch === this.#epoch) return;
    this.#order = permutation(this.#count, this.#seed, epoch);
    this.#epoch = epoch;
  }
}

/**
 * Minibatches that have as many images of every class, within one. Each class is gone through in permutations of its
 * own, [seed, epoch of the class], one after the other.
 */
export class BalancedBatches {
  readonly #ofClass: readonly (readonly number[])[];
  /** The order of each class last gone through, and its epoch. */
  readonly #orders: { epoch: number; order: Uint32Array }[] = [];
  readonly #batch: number;
  readonly #seed: number;

  /** Cuts `split`, whose labels are 0…classes−1, into batches of `batch` images. */
  constructor({ labels }: Pick<Split, "labels">, classes: number, batch: number, seed: number) {
    const ofClass: number[][] = Array.from({ length: classes }, () => []);
    labels.forEach((label, index) => ofClass[label]!.push(index));
    const empty = ofClass.findIndex((indices) => indices.length === 0);
    if (empty >= 0) {
      throw new RangeError(
        `Cannot cut minibatches of as many images a class: got none of class ${empty}, expected some; add ` +
          `training images of it`,
      );
    }
    this.#ofClass = ofClass;
    this.#batch = batch;
    this.#seed = seed;
  }

  /** The images of iteration `iteration` ≥ 0 by index into the split, [batch], class by class. */
  indices(iteration: number): Uint32Array {
    const classes = this.#ofClass.length;
    const chosen = this.#ofClass.flatMap((indices, k) => {
      const share = Math.floor(this.#batch / classes) + (k < this.#batch % classes ? 1 : 0);
      return Array.from({ length: share }, (_, i) => {
        const at = iteration * share + i;
        const epoch = Math.floor(at / indices.length);
        if (this.#orders[k]?.epoch !== epoch) {
          const order = permutation(indices.length, this.#seed, epoch * classes + k);
          this.#orders[k] = { epoch, order };
        }
        return indices[this.#orders[k].order[at % indices.length]!]!;
      });
    });
    return Uint32Array.from(chosen);
  }
}

/**
 * Copies the chosen images [indices.length, C, H, W] and labels [indices.length] of a split.
 *
 * @throws {RangeError} an index not below split.count
 */
export function gather(
  split: Split,
  indices: ArrayLike<number>,
): Pick<Split, "images" | "labels"> {
  const size = split.images.length / split.count;
  const isFloat = split.images instanceof Float32Array;
  const images = new (isFloat ? Float32Array : Uint8Array)(indices.length * size);
  const labels = new Uint8Array(indices.length);
  for (let n = 0; n < indices.length; n++) {
    const index = indices[n]!;
    const label = split.labels[index];
    if (label === undefined) {
      throw new RangeError(
        `Cannot gather images: got index ${index}, expected an integer in ` +
          `0…${split.count - 1}; check which split the indices are of`,
      );
    }
    images.set(split.images.subarray(index * size, (index + 1) * size), n * size);
    labels[n] = label;
  }
  return { images, labels };
}
