/**
 * Net: a chain of ops on flat θ [R, P], with the three things that training needs of it, for R
 * networks at once: the loss and its gradient, the same along a tangent (hvp), and the logits.
 *
 * It holds no weights: θ is an argument everywhere.
 */
import type { Device, Recorder, Tensor } from "../gpu/mod.ts";
import {
  isParametric,
  type Op,
  type Parameter,
  type Planes,
  sizeOf,
  type Span,
} from "../ops/op.ts";
import { SoftmaxXent } from "../ops/softmax_xent.ts";
import { Tangents, Workspace, type WorkspaceOptions } from "./workspace.ts";

/** What `hvp` reads and writes. */
export interface HvpTensors {
  theta: Tensor;
  /** The direction θ̇ = λ [R, P]; the images stand still. */
  thetaDot: Tensor;
  x: Tensor;
  y: Tensor;
  /** Out: ∂²ℓ/∂θ² · λ [R, P]. */
  thetaBarDot: Tensor;
  /** Out: ∂²ℓ/∂x∂θ · λ [R, C, H, V, N]. */
  xBarDot: Tensor;
  /** Out: ∂²ℓ/∂y∂θ · λ [R, K, N], where labels are learned. */
  yBarDot?: Tensor;
}

/** A chain of ops that ends in logits, and softmax cross-entropy on top. */
export class Net implements Disposable {
  readonly name: string;
  readonly device: Device;
  readonly ops: readonly Op[];
  readonly parameters: readonly Parameter[];
  /** Floats of one network in θ: its parameters and the padding between them. */
  readonly stride: number;
  readonly input: Planes;
  readonly classes: number;

  /** @param ops in order; their parameters lie one after the other in θ. */
  constructor(device: Device, name: string, ops: readonly Op[], stride: number) {
    this.device = device;
    this.name = name;
    this.ops = ops;
    this.stride = stride;
    this.parameters = ops.flatMap((op) => op.parameters);
    this.input = ops[0]!.input;
    this.classes = sizeOf(ops.at(-1)!.output);
  }

  /** Parameters of one network, without padding. */
  get parameterCount(): number {
    return this.parameters.reduce((sum, p) => sum + p.shape.reduce((a, b) => a * b, 1), 0);
  }

  /** Activations for `count` images and R networks. */
  workspace(networks: number, count: number, options: WorkspaceOptions): Workspace {
    return new Workspace(this, networks, count, options);
  }

  /** Room for `hvp` on such a workspace. */
  tangents(networks: number, count: number): Tangents {
    return new Tangents(this, networks, count);
  }

  /** Logits [R, K, N] of images x, left in the workspace. */
  forward(record: Recorder, work: Workspace, theta: Tensor, x: Tensor): Tensor {
    this.ops.forEach((op, l) => {
      op.fwd(record, work.span, { x: work.inputOf(l, x), theta, y: work.y[l]! });
    });
    return work.logits;
  }

  /** The mean loss [R, N] (as parts that sum to it) and hits [R, N] of logits in the workspace. */
  loss(record: Recorder, work: Workspace, y: Tensor): { loss: Tensor; hit: Tensor } {
    const { loss, hit } = work;
    this.#xent(work).fwd(record, work.span, { z: work.logits, y, loss, hit });
    return { loss, hit };
  }

  /**
   * Activations and cotangents of the loss ℓ(x, y, θ), left in the workspace, and, where it is asked
   * for, thetaBar = ∇θ ℓ [R, P].
   */
  grad(
    record: Recorder,
    work: Workspace,
    t: { theta: Tensor; x: Tensor; y: Tensor; thetaBar?: Tensor },
  ): void {
    this.forward(record, work, t.theta, t.x);
    this.#xent(work).vjpZ(record, work.span, { z: work.logits, y: t.y, zBar: work.yBar.at(-1)! });
    for (let l = this.ops.length - 1; l >= 0; l--) {
      const op = this.ops[l]!;
      const x = work.inputOf(l, t.x);
      const yBar = work.yBar[l]!;
      if (t.thetaBar && isParametric(op)) {
        op.vjpW(record, work.span, { x, yBar, thetaBar: t.thetaBar });
      }
      if (l > 0) op.vjpX(record, work.span, { x, theta: t.theta, yBar, xBar: work.yBar[l - 1]! });
    }
  }

  /**
   * The tangent of `grad` along θ̇, forward over reverse, in a workspace as `grad` left it for the
   * same θ, x and y; returns lossDot [R, N], summing to ⟨∇θ ℓ, θ̇⟩.
   */
  hvp(record: Recorder, work: Workspace, tangents: Tangents, t: HvpTensors): Tensor {
    const { span } = work;
    const { yDot, yBarDot, lossDot } = tangents;
    this.ops.forEach((op, l) => {
      const at = { x: work.inputOf(l, t.x), xDot: l > 0 ? yDot[l - 1]! : null, yDot: yDot[l]! };
      op.jvp(record, span, { ...at, theta: t.theta, thetaDot: t.thetaDot });
    });
    const [z, zDot] = [work.logits, yDot.at(-1)!];
    const xent = this.#xent(work);
    xent.jvp(record, span, { z, zDot, y: t.y, lossDot, zBarDot: yBarDot.at(-1)! });
    if (t.yBarDot) xent.hvpY(record, span, { z, zDot, yBarDot: t.yBarDot });
    for (let l = this.ops.length - 1; l >= 0; l--) {
      this.#backwardTangent(record, work, tangents, t, l);
    }
    return lossDot;
  }

  #backwardTangent(record: Recorder, work: Workspace, t: Tangents, h: HvpTensors, l: number): void {
    const { theta, thetaDot, thetaBarDot } = h;
    const op = this.ops[l]!;
    const x = work.inputOf(l, h.x);
    const xDot = l > 0 ? t.yDot[l - 1]! : null;
    const [yBar, yBarDot] = [work.yBar[l]!, t.yBarDot[l]!];
    if (isParametric(op)) op.hvpW(record, work.span, { x, xDot, yBar, yBarDot, thetaBarDot });
    const xBarDot = l > 0 ? t.yBarDot[l - 1]! : h.xBarDot;
    op.hvpX(record, work.span, { x, xDot, theta, thetaDot, yBar, yBarDot, xBarDot });
  }

  /** Bytes of scratch that its ops take for runs over `span`. */
  scratchBytes(span: Span): number {
    return this.ops.reduce((sum, op) => sum + (op.scratchBytes?.(span) ?? 0), 0);
  }

  /** Frees the scratch of its ops. */
  [Symbol.dispose](): void {
    for (const op of this.ops) op[Symbol.dispose]?.();
  }

  #xent(work: Workspace): SoftmaxXent {
    return new SoftmaxXent(this.device, this.classes, work.total);
  }
}
