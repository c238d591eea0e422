/**
 * Unrolled: the loss on real images of networks that trained on the distilled data, differentiated through W steps
 * of that training (Wang et al. 2018). W is all of them, or a window that starts at a random step (Feng et al. 2024),
 * or at the age of the networks of a pool.
 */
import { Batches } from "../../sets/batches.ts";
import type { Split } from "../../sets/dataset.ts";
import type { FloatTensor } from "../../base/safetensors.ts";
import { threefry2x32 } from "../../base/threefry.ts";
import type { Recorder, Tensor } from "../../gpu/mod.ts";
import type { Net } from "../../nets/net.ts";
import { cropFlip } from "../augment.ts";
import type { DistilledData } from "../distilled_data.ts";
import type { InitialNetworks } from "../initial_networks.ts";
import { type Normalization, RealBatch, ResidentSplit } from "../real_batch.ts";
import { type TrajectoryPlan, Unroll, type UnrollSpec } from "../unroll.ts";
import type { Draw, Objective } from "./objective.ts";
import { Pool } from "./pool.ts";
import { WINDOW } from "./streams.ts";

/** What an unrolled objective is made of. */
export interface UnrolledOptions {
  /** How networks train, and how many of the steps are differentiated. */
  readonly spec: UnrollSpec;
  /**
   * What is kept on the GPU: of the trajectory, and whether the training set is `resident` there.
   * `part` is how many images of the real batch run at once, a multiple of four.
   */
  readonly plan: TrajectoryPlan & { readonly part: number; readonly resident: boolean };
  /** Where real batches come from. */
  readonly train: Split;
  /** Images of a real batch. */
  readonly batch: number;
  /** Pixel statistics of the data set, for images that are bytes. */
  readonly normalization: Normalization;
  /** Whether real images are cropped and flipped at random. */
  readonly isAugmented: boolean;
  /** Sets of networks in the pool; 0 for none. */
  readonly pool: number;
  /** What all draws depend on, an unsigned 32-bit integer. */
  readonly seed: number;
}

/** The loss after training on distilled data. */
export class Unrolled implements Objective {
  readonly #options: UnrolledOptions;
  readonly #unroll: Unroll;
  readonly #real: RealBatch;
  #batches: Batches | undefined;
  readonly #pool: Pool | undefined;
  readonly #initial: InitialNetworks;
  #isFilled = false;
  readonly #owned: DisposableStack;

  /**
   * Allocates all that iterations take.
   *
   * @param initial the networks that start; it is disposed of with the objective.
   */
  constructor(net: Net, initial: InitialNetworks, options: UnrolledOptions) {
    const { spec, plan, train, batch, normalization, pool, seed } = options;
    using owned = new DisposableStack();
    this.#options = options;
    this.#initial = owned.use(initial);
    this.#unroll = owned.use(new Unroll(net, spec, { part: plan.part, total: batch }, plan));
    const source = plan.resident ? owned.use(new ResidentSplit(net, train)) : train;
    this.#real = owned.use(new RealBatch(net, source, batch, plan.part, normalization));
    this.#pool = pool > 0 ? owned.use(new Pool(net, spec, pool, seed)) : undefined;
    this.#owned = owned.move();
  }

  /** Out: L, one number. */
  get loss(): Tensor {
    return this.#unroll.loss;
  }

  /** Out: the gradient of L in the distilled data. */
  get gradient(): DistilledData {
    return this.#unroll.gradient;
  }

  /** Draws the real batch, the window and the networks of iteration k. */
  draw(k: number): Draw {
    const { isAugmented, train, batch, seed, spec: { window, total } } = this.#options;
    this.#batches ??= new Batches(train, batch, seed);
    this.#real.choose(this.#batches.indices(k), isAugmented ? cropFlip(batch, seed, k) : undefined);
    this.#unroll.inner.draw(seed, k);
    const [word] = threefry2x32(seed, WINDOW, k, 0);
    const fromPool = this.#pool?.draw(k);
    const { set, age: first, isFresh } = fromPool ??
      { set: 0, age: word % (total - window + 1), isFresh: true };
    // Networks that are always the same are still there, if nothing has trained them since.
    const isThere = this.#initial.isFixed && this.#isFilled && total === window;
    const isNew = isFresh && !isThere;
    if (isNew) this.#initial.draw(k, this.#unroll.start.theta);
    this.#isFilled = true;
    return {
      key: `${set} ${first} ${isNew}`,
      record: (record, data) => this.#record(record, data, set, first, isNew, isFresh),
    };
  }

  #record(
    record: Recorder,
    data: DistilledData,
    set: number,
    first: number,
    isNew: boolean,
    isFresh: boolean,
  ): void {
    const { start, end } = this.#unroll;
    this.#real.record(record, this.#options.isAugmented);
    if (isNew) {
      this.#initial.record(record, start.theta);
      start.clearState(record);
      this.#unroll.advance(record, data, first);
    } else if (!isFresh) {
      this.#pool!.load(record, set, start);
    }
    this.#unroll.metaGradient(record, data, this.#real.parts, first);
    this.#pool?.store(record, set, end);
  }

  /** The networks of the pool, where there is one. */
  async save(): Promise<Record<string, FloatTensor>> {
    return await this.#pool?.save() ?? {};
  }

  /** Puts back what `save` gave. @throws TypeError on a missing array. */
  restore(tensors: Readonly<Record<string, FloatTensor>>): void {
    this.#pool?.restore(tensors);
  }

  /** Frees everything, results included. */
  [Symbol.dispose](): void {
    this.#owned.dispose();
  }
}
