/**
 * Unroll: training on the distilled data, and back through it (Wang et al. 2018, algorithm 1).
 *
 * Notation. T = steps · epochs; step t trains on block i(t) = t mod steps at rate η_t; R networks run
 * side by side; ℓ is the loss on a block, L the loss on the real batch, the mean over networks.
 *
 *   forward    θ_{t+1} = θ_t − η_t ∇θ ℓ(x̃_i, ỹ_i, θ_t)
 *   backward   λ_T = ∇L(θ_T), and at the top of each turn λ = λ_{t+1} = ∂L/∂θ_{t+1}:
 *              ∂L/∂η_t  = −⟨λ, ∇θ ℓ⟩             which is ℓ˙ along θ̇ = λ, a by-product of the logits
 *              ∂L/∂x̃_i += −η_t ∂²ℓ/∂x∂θ λ        ∂L/∂ỹ_i += −η_t ∂²ℓ/∂y∂θ λ
 *              λ_t      = λ − η_t ∂²ℓ/∂θ² λ
 *
 * A plan says what is kept of the way forward: θ at the start of every segment, and, of one segment at a time,
 * all θ and, if it says so, all activations. The way back takes the steps of each earlier segment once more.
 * Where the segments do not come out even, the first is the short one. Kept or computed again, the numbers are
 * the same to the last bit, since the same pipelines compute them.
 */
import type { Recorder, Tensor } from "../gpu/mod.ts";
import { padded, sizeOf } from "../layers/op.ts";
import type { Batch, Net } from "../nets/net.ts";
import { SplitSums } from "../nets/split_sums.ts";
import type { Theta } from "../nets/theta.ts";
import type { Tangents, Workspace } from "../nets/workspace.ts";
import { accumulate, add, mean } from "../ops/vector.ts";
import { Blocks } from "./blocks.ts";

/** The sizes of an unrolled training. */
export interface UnrollSpec {
  readonly steps: number;
  readonly epochs: number;
  /** Images of one step. */
  readonly perStep: number;
  readonly networks: number;
  /** Whether ∂L/∂ỹ is wanted. */
  readonly labels: boolean;
}

/** What is kept of an unrolled training. */
export interface TrajectoryPlan {
  /** Steps from one kept θ to the next; T keeps all. */
  readonly segment: number;
  /** Whether the activations of a segment's steps are kept. */
  readonly keepActivations: boolean;
}

/** Everything kept. */
export function keepAll({ steps, epochs }: UnrollSpec): TrajectoryPlan {
  return { segment: steps * epochs, keepActivations: true };
}

/** Distilled data, or the gradient in it: a block of images and labels for each step, a rate for each t. */
export class Synthetic implements Disposable {
  readonly images: Blocks;
  readonly labels: Blocks;
  readonly lrs: Blocks;
  readonly #owned: DisposableStack;

  constructor(net: Net, { steps, epochs, perStep }: UnrollSpec) {
    using owned = new DisposableStack();
    const own = (blocks: number, rows: number, count: number) =>
      owned.use(new Blocks(net.device, "distilled data", blocks, rows, count));
    this.images = own(steps, sizeOf(net.input), perStep);
    this.labels = own(steps, net.classes, perStep);
    this.lrs = own(steps * epochs, 1, 1);
    this.#owned = owned.move();
  }

  clear(record: Recorder): void {
    for (const { all } of [this.images, this.labels, this.lrs]) record.clear(all);
  }

  [Symbol.dispose](): void {
    this.#owned.dispose();
  }
}

/** Unrolled training of R networks and its reverse pass. */
export class Unroll implements Disposable {
  /** Out: L, one number. */
  readonly loss: Tensor;
  /** Out: ∂L/∂x̃, ∂L/∂ỹ (where wanted) and ∂L/∂η. */
  readonly gradient: Synthetic;
  readonly #net: Net;
  readonly #spec: UnrollSpec;
  readonly #plan: TrajectoryPlan;
  /** θ at the start of each segment, θ after each step but the last of the present one, and θ_T. */
  readonly #starts: readonly Theta[];
  readonly #within: readonly Theta[];
  readonly #end: Theta;
  /** Activations of each step of the present segment, or of the present step. */
  readonly #inner: readonly Workspace[];
  readonly #tangents: Tangents;
  readonly #outer: Workspace;
  readonly #thetaBar: Theta;
  readonly #lambdas: readonly [Theta, Theta];
  readonly #xBarDot: Tensor;
  readonly #yBarDot: Tensor;
  readonly #part: Tensor;
  readonly #owned: DisposableStack;

  /**
   * @param real images of a part of the real batch, and of the whole.
   * @param plan what is kept for the way back; everything when left out.
   */
  constructor(
    net: Net,
    spec: UnrollSpec,
    real: { part: number; total: number },
    plan: TrajectoryPlan = keepAll(spec),
  ) {
    const { device } = net;
    const { networks, steps, epochs, perStep } = spec;
    const { segment, keepActivations } = plan;
    this.#net = net;
    this.#spec = spec;
    this.#plan = plan;
    using owned = new DisposableStack();
    const own = (shape: number[]) => owned.use(device.tensor(shape, "tangents"));
    const theta = (label: string) => owned.use(net.theta(networks, label));
    const thetas = (length: number) => Array.from({ length }, () => theta("trajectory"));
    this.#starts = thetas(Math.ceil(steps * epochs / segment));
    this.#within = thetas(segment - 1);
    this.#end = theta("trajectory");
    const sums = owned.use(new SplitSums(device, net.ops, { networks, images: padded(perStep) }));
    this.#inner = Array.from(
      { length: keepActivations ? segment : 1 },
      () => owned.use(net.workspace(networks, perStep, { passes: "grad", sums })),
    );
    this.#tangents = owned.use(net.tangents(networks, perStep));
    const { part, total } = real;
    const outer = { passes: "grad", total, label: "real batch" } as const;
    this.#outer = owned.use(net.workspace(networks, part, outer));
    this.#thetaBar = theta("tangents");
    this.#lambdas = [theta("tangents"), theta("tangents")];
    this.#xBarDot = own([networks, sizeOf(net.input), padded(perStep)]);
    this.#yBarDot = own([networks, net.classes, padded(perStep)]);
    this.gradient = owned.use(new Synthetic(net, spec));
    this.loss = own([1]);
    this.#part = own([1]);
    this.#owned = owned.move();
  }

  /** T, gradient steps in all. */
  get steps(): number {
    return this.#spec.steps * this.#spec.epochs;
  }

  /** θ_0, the caller's to fill. */
  get theta0(): Theta {
    return this.#starts[0]!;
  }

  /** θ_T. */
  get thetaT(): Theta {
    return this.#end;
  }

  /** Records L and its gradient in the distilled data, from θ_0 and a real batch in parts. */
  metaGradient(record: Recorder, data: Synthetic, real: readonly Batch[]): void {
    this.train(record, data);
    this.outerLoss(record, real);
    this.back(record, data);
  }

  /** Records the way forward: θ_1 … θ_T. */
  train(record: Recorder, data: Synthetic): void {
    for (let t = 0; t < this.steps; t++) this.#step(record, data, t);
  }

  /** Records the way back from λ_T, which `outerLoss` leaves. */
  back(record: Recorder, data: Synthetic): void {
    const { segment, keepActivations } = this.#plan;
    this.gradient.clear(record);
    let [lambda, next] = this.#lambdas;
    for (let t = this.steps - 1; t >= 0; t--) {
      const last = t + 1 === this.steps;
      const endsEarlierSegment = !last && this.#placeOf(t + 1) % segment === 0;
      if (endsEarlierSegment) {
        for (let s = Math.max(0, t + 1 - segment); s < t; s++) this.#step(record, data, s);
      }
      if (endsEarlierSegment || !(keepActivations || last)) this.#activate(record, data, t);
      this.#stepBack(record, data, t, lambda, next);
      [lambda, next] = [next, lambda];
    }
  }

  #step(record: Recorder, data: Synthetic, t: number): void {
    const [theta, x, y, eta] = this.#at(data, t);
    const thetaBar = this.#thetaBar;
    const step = { a: theta, eta, out: this.#thetaAt(t + 1) };
    this.#net.grad(record, this.#workAt(t), { theta, x, y, thetaBar, step });
  }

  /** Records step t's activations and cotangents alone. */
  #activate(record: Recorder, data: Synthetic, t: number): void {
    const [theta, x, y] = this.#at(data, t);
    this.#net.grad(record, this.#workAt(t), { theta, x, y });
  }

  /** Records L and λ_T = ∇L(θ_T). */
  outerLoss(record: Recorder, real: readonly Batch[]): void {
    const theta = this.#end;
    const [lambda] = this.#lambdas;
    const { networks } = this.#spec;
    real.forEach((batch, i) => {
      const thetaBar = i === 0 ? lambda : this.#thetaBar;
      this.#net.grad(record, this.#outer, { theta, ...batch, thetaBar }); // λ_T = ∇L, summed over parts
      if (i > 0) thetaBar.parts.forEach((a, k) => add(record, { a, out: lambda.parts[k]! }));
      const { loss } = this.#net.judge(record, this.#outer, batch);
      mean(record, { a: loss, out: i === 0 ? this.loss : this.#part }, 1 / networks);
      if (i > 0) add(record, { a: this.#part, out: this.loss });
    });
  }

  #stepBack(record: Recorder, data: Synthetic, t: number, lambda: Theta, next: Theta): void {
    const [theta, x, y, eta, i] = this.#at(data, t);
    const { networks, labels } = this.#spec;
    const { images: dX, labels: dY, lrs: dEta } = this.gradient;
    const [thetaBarDot, xBarDot, yBarDot] = [this.#thetaBar, this.#xBarDot, this.#yBarDot];
    const step = { a: lambda, eta, out: next }; // λ_t
    const tensors = { theta, thetaDot: lambda, x, y, thetaBarDot, xBarDot, step };
    const along = labels ? { ...tensors, yBarDot } : tensors;
    const lossDot = this.#net.hvp(record, this.#workAt(t), this.#tangents, along);
    mean(record, { a: lossDot, out: dEta.each[t]! }, -1 / networks); // ∂L/∂η_t
    accumulate(record, { a: xBarDot, eta, out: dX.each[i]! }, networks); // ∂L/∂x̃_i
    if (labels) accumulate(record, { a: yBarDot, eta, out: dY.each[i]! }, networks); // ∂L/∂ỹ_i
  }

  #thetaAt(t: number): Theta {
    const { segment } = this.#plan;
    if (t === this.steps) return this.#end;
    if (t === 0) return this.theta0;
    const place = this.#placeOf(t);
    if (place % segment === 0) return this.#starts[place / segment]!;
    return this.#within[place % segment - 1]!;
  }

  /** t, counted as if the first segment were not short. */
  #placeOf(t: number): number {
    const { segment } = this.#plan;
    return t + (segment - this.steps % segment) % segment;
  }

  #workAt(t: number): Workspace {
    return this.#inner[t % this.#inner.length]!;
  }

  /** θ_t, x̃_i, ỹ_i, η_t and i = t mod steps. */
  #at(data: Synthetic, t: number): [Theta, Tensor, Tensor, Tensor, number] {
    const i = t % this.#spec.steps;
    const { images, labels, lrs } = data;
    return [this.#thetaAt(t), images.each[i]!, labels.each[i]!, lrs.each[t]!, i];
  }

  [Symbol.dispose](): void {
    this.#owned.dispose();
  }
}
