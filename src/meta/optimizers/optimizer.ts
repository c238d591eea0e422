/**
 * Optimizer: what networks are trained with on distilled data, as a step and its adjoint.
 *
 *   step      (θ_{t+1}, s_{t+1}) from θ_t, s_t, the gradient g_t and the rate η_t
 *   adjoint   from λ = ∂L/∂θ_{t+1} and σ = ∂L/∂s_{t+1}: u = ∂L/∂g_t, σ ← ∂L/∂s_t and ∂L/∂η_t
 *
 * What remains is the same for all: ∂L/∂x̃ += ∂²ℓ/∂x∂θ u, ∂L/∂ỹ += ∂²ℓ/∂y∂θ u and λ += ∂²ℓ/∂θ² u, which is one
 * pass of `Net.hvp` along u.
 */
import type { Recorder, Tensor } from "../../gpu/mod.ts";
import type { Net } from "../../nets/net.ts";
import type { Theta } from "../../nets/theta.ts";

/** Networks at one step of their training: θ, and what the optimiser keeps, in arrays of its shape. */
export class Point implements Disposable {
  /** θ_t. */
  readonly theta: Theta;
  /** s_t: nothing, a velocity, or two moments. */
  readonly state: readonly Theta[];

  /**
   * Allocates zeros.
   *
   * @param slots arrays of state.
   * @param label what `Device.count` calls the bytes.
   */
  constructor(net: Net, networks: number, slots: number, label: string) {
    using owned = new DisposableStack();
    const theta = () => owned.use(net.theta(networks, label));
    this.theta = theta();
    this.state = Array.from({ length: slots }, theta);
    this.#owned = owned.move();
  }

  readonly #owned: DisposableStack;

  /** θ and the state. */
  get all(): readonly Theta[] {
    return [this.theta, ...this.state];
  }

  /** Copies another's numbers, recorded. */
  copy(record: Recorder, from: Point): void {
    this.all.forEach((theta, i) => theta.copy(record, from.all[i]!));
  }

  /** Records zeros in place of the state, as before the first step. */
  clearState(record: Recorder): void {
    for (const { parts } of this.state) parts.forEach((part) => record.clear(part));
  }

  /** Frees θ and the state. */
  [Symbol.dispose](): void {
    this.#owned.dispose();
  }
}

/** The numbers that a step takes beside arrays, each in the first words of a tensor. */
export interface Hyper {
  /** η_t. */
  readonly eta: Tensor;
  /** What remains of the velocity, μ. */
  readonly mu: Tensor;
  /** 1 / (1 − β₁^n) and 1 / (1 − β₂^n), where this is the network's n-th step. */
  readonly corrections: Tensor;
}

/** What a step reads and writes. */
export interface StepTensors extends Hyper {
  /** θ_t and s_t. */
  readonly from: Point;
  /** g_t. */
  readonly gradient: Theta;
  /** Out: θ_{t+1} and s_{t+1}. */
  readonly to: Point;
}

/** What the adjoint of a step reads and writes. */
export interface AdjointTensors extends Hyper {
  /** θ_t and s_t. */
  readonly from: Point;
  /** θ_{t+1} and s_{t+1}. */
  readonly to: Point;
  /** λ = ∂L/∂θ_{t+1}. */
  readonly lambda: Theta;
  /** In: ∂L/∂s_{t+1}. Out: ∂L/∂s_t. */
  readonly sigma: readonly Theta[];
  /** Out: ∂L/∂g_t. */
  readonly u: Theta;
}

/** Where the gradients in the numbers of a step are added, [R] each. */
export interface HyperBar {
  /** ∂L/∂η. */
  readonly eta: Tensor;
  /** ∂L/∂μ; left out where μ is not learned. */
  readonly mu?: Tensor | undefined;
}

/** An inner optimiser of R networks. */
export interface Optimizer extends Disposable {
  /** Records (θ_{t+1}, s_{t+1}) from θ_t, s_t, g_t and η_t. */
  step(record: Recorder, tensors: StepTensors): void;
  /** Records u = ∂L/∂g_t and the σ of one step earlier from λ, σ and the two points. */
  adjoint(record: Recorder, tensors: AdjointTensors): void;
  /** Records ∂L/∂η_t and ∂L/∂μ, after the adjoint and the pass along u, whose tangent of the loss is `lossDot`. */
  hyperBar(record: Recorder, lossDot: Tensor, hyper: Hyper, out: HyperBar): void;
}

/** What an optimiser's constants are. */
export interface OptimizerSettings {
  /** Decay of Adam's first moment. */
  readonly beta1: number;
  /** Decay of Adam's second moment. */
  readonly beta2: number;
  /** What Adam adds to the second moment under the root. */
  readonly epsRoot: number;
}

/** Where Adam does not train: its settings, which nothing reads. */
export const NO_ADAM: OptimizerSettings = { beta1: 0, beta2: 0, epsRoot: 1 };

/** A kind of inner optimiser. */
export interface OptimizerKind {
  /** Arrays of θ's shape that it keeps from step to step. */
  readonly slots: number;
  make(net: Net, networks: number, settings: OptimizerSettings): Optimizer;
}
