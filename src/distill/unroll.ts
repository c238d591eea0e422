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
 * Of the way forward only θ_0 … θ_T is kept; activations are computed again on the way back.
 */
import type { Recorder, Tensor } from "../gpu/mod.ts";
import type { Net } from "../nets/net.ts";
import type { Workspace } from "../nets/workspace.ts";
import { padded, sizeOf } from "../ops/op.ts";
import { accumulate, add, descend, mean } from "../ops/vector.ts";
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

/** Distilled data, or the gradient in it: a block of images and labels for each step, a rate for each t. */
export class Synthetic implements Disposable {
  readonly images: Blocks;
  readonly labels: Blocks;
  readonly lrs: Blocks;
  readonly #owned: DisposableStack;

  constructor(net: Net, { steps, epochs, perStep }: UnrollSpec) {
    using owned = new DisposableStack();
    const own = (label: string, blocks: number, rows: number, count: number) =>
      owned.use(new Blocks(net.device, label, blocks, rows, count));
    this.images = own("images", steps, sizeOf(net.input), perStep);
    this.labels = own("labels", steps, net.classes, perStep);
    this.lrs = own("lrs", steps * epochs, 1, 1);
    this.#owned = owned.move();
  }

  clear(record: Recorder): void {
    for (const { all } of [this.images, this.labels, this.lrs]) record.clear(all);
  }

  [Symbol.dispose](): void {
    this.#owned.dispose();
  }
}

/** A part of the real batch: images [C, H, V, N] and labels [K, N]. */
export interface RealPart {
  readonly x: Tensor;
  readonly y: Tensor;
}

/** Unrolled training of R networks and its reverse pass. */
export class Unroll implements Disposable {
  /** θ_0 … θ_T, each [R, P]; θ_0 is the caller's to fill. */
  readonly theta: readonly Tensor[];
  /** Out: L, one number. */
  readonly loss: Tensor;
  /** Out: ∂L/∂x̃, ∂L/∂ỹ (where wanted) and ∂L/∂η. */
  readonly gradient: Synthetic;
  readonly #net: Net;
  readonly #spec: UnrollSpec;
  readonly #inner: Workspace;
  readonly #outer: Workspace;
  readonly #thetaBar: Tensor;
  readonly #lambdas: readonly [Tensor, Tensor];
  readonly #xBarDot: Tensor;
  readonly #yBarDot: Tensor;
  readonly #part: Tensor;
  readonly #owned: DisposableStack;

  /** @param real images of a part of the real batch, and of the whole. */
  constructor(net: Net, spec: UnrollSpec, real: { part: number; total: number }) {
    const { device } = net;
    const { networks, steps, epochs, perStep } = spec;
    this.#net = net;
    this.#spec = spec;
    using owned = new DisposableStack();
    const own = (shape: number[], label: string) => owned.use(device.tensor(shape, label));
    const like = (label: string) => own([networks, net.stride], label);
    this.theta = Array.from({ length: steps * epochs + 1 }, () => like("theta"));
    this.#thetaBar = like("thetaBar");
    this.#lambdas = [like("lambda"), like("lambda")];
    const { part, total } = real;
    this.#inner = owned.use(net.workspace(networks, perStep, { passes: "hvp" }));
    this.#outer = owned.use(net.workspace(networks, part, { passes: "grad", total }));
    this.#xBarDot = own([networks, sizeOf(net.input), padded(perStep)], "xBarDot");
    this.#yBarDot = own([networks, net.classes, padded(perStep)], "yBarDot");
    this.gradient = owned.use(new Synthetic(net, spec));
    this.loss = own([1], "loss");
    this.#part = own([1], "loss part");
    this.#owned = owned.move();
  }

  /** Records L and its gradient in the distilled data, from θ_0 and a real batch in parts. */
  metaGradient(record: Recorder, data: Synthetic, real: readonly RealPart[]): void {
    const T = this.theta.length - 1;
    this.gradient.clear(record);
    for (let t = 0; t < T; t++) this.#step(record, data, t);
    let [lambda, next] = this.#lambdas;
    this.#outerLoss(record, real, lambda);
    for (let t = T - 1; t >= 0; t--) {
      this.#stepBack(record, data, t, lambda, next);
      [lambda, next] = [next, lambda];
    }
  }

  #step(record: Recorder, data: Synthetic, t: number): void {
    const [theta, x, y, eta] = this.#at(data, t);
    const thetaBar = this.#thetaBar;
    this.#net.grad(record, this.#inner, { theta, x, y, thetaBar });
    descend(record, { a: theta, b: thetaBar, eta, out: this.theta[t + 1]! }); // θ_{t+1}
  }

  #outerLoss(record: Recorder, real: readonly RealPart[], lambda: Tensor): void {
    const theta = this.theta.at(-1)!;
    const { networks } = this.#spec;
    real.forEach(({ x, y }, i) => {
      const thetaBar = i === 0 ? lambda : this.#thetaBar;
      this.#net.grad(record, this.#outer, { theta, x, y, thetaBar }); // λ_T = ∇L, summed over parts
      if (i > 0) add(record, { a: thetaBar, out: lambda });
      const { loss } = this.#net.loss(record, this.#outer, y);
      mean(record, { a: loss, out: i === 0 ? this.loss : this.#part }, 1 / networks);
      if (i > 0) add(record, { a: this.#part, out: this.loss });
    });
  }

  #stepBack(record: Recorder, data: Synthetic, t: number, lambda: Tensor, next: Tensor): void {
    const [theta, x, y, eta, i] = this.#at(data, t);
    const { networks, labels } = this.#spec;
    const { images: dX, labels: dY, lrs: dEta } = this.gradient;
    const [thetaBarDot, xBarDot, yBarDot] = [this.#thetaBar, this.#xBarDot, this.#yBarDot];
    const tensors = { theta, thetaDot: lambda, x, y, thetaBarDot, xBarDot };
    const lossDot = this.#net.hvp(record, this.#inner, labels ? { ...tensors, yBarDot } : tensors);
    mean(record, { a: lossDot, out: dEta.each[t]! }, -1 / networks); // ∂L/∂η_t
    accumulate(record, { a: xBarDot, eta, out: dX.each[i]! }, networks); // ∂L/∂x̃_i
    if (labels) accumulate(record, { a: yBarDot, eta, out: dY.each[i]! }, networks); // ∂L/∂ỹ_i
    descend(record, { a: lambda, b: thetaBarDot, eta, out: next }); // λ_t
  }

  /** θ_t, x̃_i, ỹ_i, η_t and i = t mod steps. */
  #at(data: Synthetic, t: number): [Tensor, Tensor, Tensor, Tensor, number] {
    const i = t % this.#spec.steps;
    const { images, labels, lrs } = data;
    return [this.theta[t]!, images.each[i]!, labels.each[i]!, lrs.each[t]!, i];
  }

  [Symbol.dispose](): void {
    this.#owned.dispose();
  }
}
