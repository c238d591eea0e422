/**
 * Pool: networks of mixed age that live on from iteration to iteration. Each iteration takes the next set of R
 * networks, differentiates W steps ahead of it and leaves it there. A set that has no W steps left before the end of
 * training is replaced by fresh networks with a head start of less than W steps.
 */
import type { FloatTensor } from "../../base/safetensors.ts";
import { threefry2x32 } from "../../base/threefry.ts";
import type { Recorder } from "../../gpu/mod.ts";
import type { Net } from "../../nets/net.ts";
import { OPTIMIZERS } from "../optimizers/list.ts";
import { Point } from "../optimizers/optimizer.ts";
import type { UnrollSpec } from "../unroll.ts";
import { savedArray } from "../saved.ts";
import { HEAD_START } from "./streams.ts";

/** Where an iteration starts. */
export interface PoolDraw {
  readonly set: number;
  /** Steps that its networks have taken. */
  readonly age: number;
  /** Whether they are yet to be drawn, and to take these steps. */
  readonly isFresh: boolean;
}

/** Sets of R networks. */
export class Pool implements Disposable {
  readonly #sets: readonly Point[];
  /** Steps that each set has taken; all of them before it is drawn. */
  readonly #ages: number[];
  readonly #spec: UnrollSpec;
  readonly #seed: number;
  readonly #owned: DisposableStack;

  constructor(net: Net, spec: UnrollSpec, sets: number, seed: number) {
    using owned = new DisposableStack();
    const { slots } = OPTIMIZERS[spec.optimizer];
    this.#sets = Array.from(
      { length: sets },
      () => owned.use(new Point(net, spec.networks, slots, "pool")),
    );
    this.#ages = this.#sets.map(() => spec.total);
    this.#spec = spec;
    this.#seed = seed;
    this.#owned = owned.move();
  }

  /** Chooses the set of iteration k, and counts W more steps for it. */
  draw(k: number): PoolDraw {
    const { window, total } = this.#spec;
    const set = k % this.#sets.length;
    const isFresh = this.#ages[set]! + window > total;
    // The first sets are of all ages.
    const most = k < this.#sets.length ? total - window : Math.min(window - 1, total - window);
    const [word] = threefry2x32(this.#seed, HEAD_START, k, 0);
    const age = isFresh ? word % (most + 1) : this.#ages[set]!;
    this.#ages[set] = age + window;
    return { set, age, isFresh };
  }

  /** Records a set's networks into `to`, or out of `from`. */
  load(record: Recorder, set: number, to: Point): void {
    to.copy(record, this.#sets[set]!);
  }
  store(record: Recorder, set: number, from: Point): void {
    this.#sets[set]!.copy(record, from);
  }

  /** θ, the state and the age of every set, by name. */
  async save(): Promise<Record<string, FloatTensor>> {
    const tensors: Record<string, FloatTensor> = {
      "pool/ages": { shape: [this.#ages.length], data: Float32Array.from(this.#ages) },
    };
    for (const [set, { all }] of this.#sets.entries()) {
      for (const [i, theta] of all.entries()) {
        const data = await theta.read();
        tensors[`pool/${set}/${i}`] = { shape: [data.length], data };
      }
    }
    return tensors;
  }

  /** Puts back what `save` gave. @throws TypeError on a missing array or one of another size. */
  restore(tensors: Readonly<Record<string, FloatTensor>>): void {
    const { length } = this.#ages;
    this.#ages.splice(0, length, ...savedArray(tensors, "pool/ages", length));
    this.#sets.forEach(({ all }, set) =>
      all.forEach((theta, i) => {
        const size = theta.networks * theta.stride;
        theta.write(savedArray(tensors, `pool/${set}/${i}`, size));
      })
    );
  }

  [Symbol.dispose](): void {
    this.#owned.dispose();
  }
}
