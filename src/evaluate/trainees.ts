/** Trainees: networks that train on distilled data as it is meant, to be tested. */
import type { DistilledData } from "../meta/distilled_data.ts";
import { type InnerSpec, stepImages } from "../meta/inner_spec.ts";
import { InnerTraining } from "../meta/inner_training.ts";
import { OPTIMIZERS } from "../meta/optimizers/list.ts";
import { Point } from "../meta/optimizers/optimizer.ts";
import type { Net } from "../nets/net.ts";
import type { Theta } from "../nets/theta.ts";
import type { Workspace } from "../nets/workspace.ts";

/** R networks that train on distilled data exactly as they did for its sake, with what this takes. */
export class Trainees implements Disposable {
  readonly #net: Net;
  readonly #spec: InnerSpec;
  readonly #inner: InnerTraining;
  readonly #point: Point;
  readonly #other: Point;
  readonly #work: Workspace;
  readonly #gradient: Theta;
  readonly #owned: DisposableStack;

  constructor(net: Net, spec: InnerSpec, networks: number) {
    using owned = new DisposableStack();
    const { slots } = OPTIMIZERS[spec.optimizer];
    const point = () => owned.use(new Point(net, networks, slots, "theta"));
    this.#net = net;
    this.#spec = { ...spec, networks };
    this.#inner = owned.use(new InnerTraining(net, this.#spec));
    this.#point = point();
    this.#other = point();
    this.#work = owned.use(net.workspace(networks, stepImages(spec), { passes: "grad" }));
    this.#gradient = owned.use(net.theta(networks));
    this.#owned = owned.move();
  }

  /** θ, the caller's to fill. */
  get theta(): Theta {
    return this.#point.theta;
  }

  /**
   * Takes steps `from` up to `to`; all when left out. Where a step draws images, the
   * networks of every group draw the same: how many fit into memory does not change the result.
   */
  async train(
    data: DistilledData,
    { seed, from = 0, to = this.#spec.total, signal }: TraineesOptions,
  ): Promise<void> {
    const [point, other, work, gradient] = [this.#point, this.#other, this.#work, this.#gradient];
    this.#inner.draw(seed, 0, true);
    for (let first = from; first < to; first += STEPS) {
      const record = this.#net.device.record();
      const span = [first, Math.min(first + STEPS, to)] as const;
      this.#inner.run(record, data, { point, other, work, gradient }, span);
      await record.run(signal);
      signal?.throwIfAborted();
    }
  }

  [Symbol.dispose](): void {
    this.#owned.dispose();
  }
}

/** Steps that are handed to the GPU at once. */
const STEPS = 100;

interface TraineesOptions {
  readonly seed: number;
  readonly from?: number;
  readonly to?: number;
  /** Ends the training early, with its reason. */
  readonly signal?: AbortSignal | undefined;
}
