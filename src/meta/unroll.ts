/**
 * Unroll: training on the distilled data, and back through it (Wang et al. 2018, algorithm 1, for any inner
 * optimiser and any window of a training).
 *
 * R networks train side by side from step `first` to step `first` + W; ℓ is the loss on the images of a step, L the
 * loss on the real batch of the networks at the end, a mean over them.
 *
 *   forward    (θ_{t+1}, s_{t+1}) = step(θ_t, s_t, ∇θ ℓ(x̃, ỹ, θ_t), η_t)
 *   backward   λ = ∇L(θ) and σ = 0 at the end; then, at each step, with u = ∂L/∂g from the optimiser's adjoint,
 *              ∂L/∂x̃ += ∂²ℓ/∂x∂θ u      ∂L/∂ỹ += ∂²ℓ/∂y∂θ u      λ += ∂²ℓ/∂θ² u
 *
 * A plan says what the way back finds kept: the networks at the start of every segment and, of one segment at a
 * time, all networks and, if it says so, all activations. The way back takes the steps of each earlier segment once
 * more. If the segment does not divide W, the first one is shorter. Kept or computed again, the numbers
 * are the same to the last bit, since the same pipelines compute them.
 */
import type { Recorder, Tensor } from "../gpu/mod.ts";
import { padded, sizeOf } from "../layers/op.ts";
import type { Batch, Net } from "../nets/net.ts";
import { SplitSums } from "../nets/split_sums.ts";
import type { Theta } from "../nets/theta.ts";
import type { Tangents, Workspace } from "../nets/workspace.ts";
import { addSums, meanOfNetworks } from "../ops/network_sums.ts";
import { add } from "../ops/vector.ts";
import { DistilledData, NetworkGradients } from "./distilled_data.ts";
import { type InnerSpec, stepImages } from "./inner_spec.ts";
import { InnerTraining } from "./inner_training.ts";
import { OPTIMIZERS } from "./optimizers/list.ts";
import { Point } from "./optimizers/optimizer.ts";

/** The sizes of an unrolled training. */
export interface UnrollSpec extends InnerSpec {
  /** W, steps that are differentiated; `total` is all of them. */
  readonly window: number;
}

/** What is kept of an unrolled training. */
export interface TrajectoryPlan {
  /** Steps from one kept point to the next; W keeps all. */
  readonly segment: number;
  /** Whether the activations of a segment's steps are kept. */
  readonly keepActivations: boolean;
}

/** Everything kept. */
export function keepAll({ window }: UnrollSpec): TrajectoryPlan {
  return { segment: window, keepActivations: true };
}

/** Unrolled training of R networks and its reverse pass. */
export class Unroll implements Disposable {
  /** Out: L, one number. */
  readonly loss: Tensor;
  /** Out: ∂L/∂x̃, ∂L/∂ỹ and ∂L/∂μ (where wanted) and ∂L/∂η. */
  readonly gradient: DistilledData;
  /** Out: the gradient of each network, of which the mean is taken at the end. */
  readonly each: NetworkGradients;
  /** Out: the loss of each network, [R]. */
  readonly losses: Tensor;
  /** What the steps are taken with. */
  readonly inner: InnerTraining;
  readonly #net: Net;
  readonly #spec: UnrollSpec;
  readonly #plan: TrajectoryPlan;
  /** The networks at the start of each segment, after each step but the last of the present one, and at the end. */
  readonly #starts: readonly Point[];
  readonly #within: readonly Point[];
  readonly #end: Point;
  /** Activations of each step of the present segment, or of the present step. */
  readonly #works: readonly Workspace[];
  readonly #tangents: Tangents;
  readonly #outer: Workspace;
  readonly #thetaBar: Theta;
  /** λ and σ, and u. */
  readonly #bar: Point;
  readonly #u: Theta;
  readonly #xBarDot: Tensor;
  readonly #yBarDot: Tensor;
  readonly #owned: DisposableStack;

  /**
   * Allocates all that training and the way back take.
   *
   * @param real images of a part of the real batch, and of the whole.
   * @param plan what is kept for the way back; everything when left out.
   */
  constructor(
    net: Net,
    spec: UnrollSpec,
    real: { part: number; total: number },
    plan: TrajectoryPlan = keepAll(spec),
  ) {
    const { networks, window } = spec;
    const { segment, keepActivations } = plan;
    const images = stepImages(spec);
    const { slots } = OPTIMIZERS[spec.optimizer];
    this.#net = net;
    this.#spec = spec;
    this.#plan = plan;
    using owned = new DisposableStack();
    const own = (shape: number[]) => owned.use(net.device.tensor(shape, "tangents"));
    const theta = () => owned.use(net.theta(networks, "tangents"));
    const point = (label: string) => owned.use(new Point(net, networks, slots, label));
    const points = (length: number) => Array.from({ length }, () => point("trajectory"));
    this.inner = owned.use(new InnerTraining(net, spec));
    this.#starts = points(Math.ceil(window / segment));
    this.#within = points(segment - 1);
    this.#end = point("trajectory");
    const sums = owned.use(
      new SplitSums(net.device, net.ops, { networks, images: padded(images) }),
    );
    this.#works = Array.from(
      { length: keepActivations ? segment : 1 },
      () => owned.use(net.workspace(networks, images, { passes: "grad", sums })),
    );
    this.#tangents = owned.use(net.tangents(networks, images));
    const { part, total } = real;
    const outer = { passes: "grad", total, label: "real batch" } as const;
    this.#outer = owned.use(net.workspace(networks, part, outer));
    this.#thetaBar = theta();
    this.#u = theta();
    this.#bar = point("tangents");
    this.#xBarDot = own([networks, sizeOf(net.input), padded(images)]);
    this.#yBarDot = own([networks, net.classes, padded(images)]);
    this.each = owned.use(new NetworkGradients(net, spec));
    this.gradient = owned.use(new DistilledData(net, spec));
    this.losses = own([networks]);
    this.loss = own([1]);
    this.#owned = owned.move();
  }

  /** The networks that training starts from, the caller's to fill. */
  get start(): Point {
    return this.#starts[0]!;
  }

  /** The networks after the last step. */
  get end(): Point {
    return this.#end;
  }

  /** λ = ∂L/∂θ at the end: `outerLoss` fills it, or the caller for a loss of its own. */
  get lambda(): Theta {
    return this.#bar.theta;
  }

  /** Records L and its gradient in the distilled data, from `start` and a real batch in parts. */
  metaGradient(record: Recorder, data: DistilledData, real: readonly Batch[], first = 0): void {
    this.train(record, data, first);
    this.outerLoss(record, real);
    this.back(record, data, first);
  }

  /** Records steps 0 up to `end` of the networks at `start`, nothing of which is differentiated. */
  advance(record: Recorder, data: DistilledData, end: number): void {
    const [point, other, work, gradient] = [this.start, this.#end, this.#works[0]!, this.#thetaBar];
    this.inner.run(record, data, { point, other, work, gradient }, [0, end]);
  }

  /** Records the way forward, from step number `first` on. */
  train(record: Recorder, data: DistilledData, first = 0): void {
    for (let k = 0; k < this.#spec.window; k++) this.#step(record, data, first, k);
  }

  /** Records the way back from λ. */
  back(record: Recorder, data: DistilledData, first = 0): void {
    const { segment, keepActivations } = this.#plan;
    const { window } = this.#spec;
    this.each.clear(record);
    this.#bar.clearState(record);
    for (let k = window - 1; k >= 0; k--) {
      const last = k + 1 === window;
      const endsEarlierSegment = !last && this.#placeOf(k + 1) % segment === 0;
      if (endsEarlierSegment) {
        for (let j = Math.max(0, k + 1 - segment); j < k; j++) this.#step(record, data, first, j);
      }
      if (endsEarlierSegment || !(keepActivations || last)) this.#activate(record, data, first, k);
      this.#stepBack(record, data, first, k);
    }
    this.each.mean(record, this.gradient);
  }

  /** Step k of the window, which is step `first` + k of the training. */
  #step(record: Recorder, data: DistilledData, first: number, k: number): void {
    const [from, to, work] = [this.#pointAt(k), this.#pointAt(k + 1), this.#workAt(k)];
    this.inner.step(record, data, first + k, { from, to, work, gradient: this.#thetaBar });
  }

  /** Records step k's activations and cotangents alone. */
  #activate(record: Recorder, data: DistilledData, first: number, k: number): void {
    const batch = this.inner.batch(record, data, first + k);
    this.#net.grad(record, this.#workAt(k), { theta: this.#pointAt(k).theta, ...batch });
  }

  /** Records L and λ = ∇L(θ), summed over the parts of the batch. */
  outerLoss(record: Recorder, real: readonly Batch[]): void {
    const { theta } = this.#end;
    const { networks } = this.#spec;
    record.clear(this.losses);
    real.forEach((batch, i) => {
      const thetaBar = i === 0 ? this.#bar.theta : this.#thetaBar;
      this.#net.grad(record, this.#outer, { theta, ...batch, thetaBar });
      if (i > 0) this.#addToLambda(record);
      const { loss } = this.#net.judge(record, this.#outer, batch);
      addSums(record, { a: loss, out: this.losses }, networks);
    });
    const one = { blocks: 1, length: 1, from: networks, to: 1 };
    meanOfNetworks(record, { a: this.losses, out: this.loss }, networks, one);
  }

  /** Step k of the window, back. */
  #stepBack(record: Recorder, data: DistilledData, first: number, k: number): void {
    const t = first + k;
    const { inner } = this;
    const [from, to, u] = [this.#pointAt(k), this.#pointAt(k + 1), this.#u];
    const { theta: lambda, state: sigma } = this.#bar;
    const hyper = inner.hyper(data, t);
    inner.optimizer.adjoint(record, { from, to, lambda, sigma, u, ...hyper });
    const lossDot = this.#net.hvp(record, this.#workAt(k), this.#tangents, {
      theta: from.theta,
      thetaDot: u,
      ...inner.batch(record, data, t),
      thetaBarDot: this.#thetaBar,
      xBarDot: this.#xBarDot,
      ...(this.#spec.labels !== "fixed" && { yBarDot: this.#yBarDot }),
    });
    this.#addToLambda(record);
    inner.batchBar(record, t, { xBar: this.#xBarDot, yBar: this.#yBarDot }, this.each);
    const eta = this.each.lrs.each[inner.rateOf(t)]!;
    const mu = this.#spec.learnMomentum ? this.each.momentum.each[0] : undefined;
    inner.optimizer.hyperBar(record, lossDot, hyper, { eta, mu });
  }

  #addToLambda(record: Recorder): void {
    const { parts } = this.#bar.theta;
    this.#thetaBar.parts.forEach((a, i) => add(record, { a, out: parts[i]! }));
  }

  #pointAt(k: number): Point {
    const { segment } = this.#plan;
    if (k === this.#spec.window) return this.#end;
    if (k === 0) return this.start;
    const place = this.#placeOf(k);
    if (place % segment === 0) return this.#starts[place / segment]!;
    return this.#within[place % segment - 1]!;
  }

  /** k, counted as if the first segment were not short. */
  #placeOf(k: number): number {
    const { segment } = this.#plan;
    return k + (segment - this.#spec.window % segment) % segment;
  }

  #workAt(k: number): Workspace {
    return this.#works[k % this.#works.length]!;
  }

  /** Frees everything, results included. */
  [Symbol.dispose](): void {
    this.#owned.dispose();
  }
}
