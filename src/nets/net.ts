/**
 * Net: a chain of ops on flat θ [R, P], with the three things that training needs of it, for R
 * networks at once: the loss and its gradient, the same along a tangent (hvp), and the logits.
 *
 * It holds no weights: θ is an argument everywhere.
 */
import type { Device, Recorder, Tensor } from "../gpu/mod.ts";
import {
  isParametric,
  MOST_LOGITS,
  type Op,
  type Parameter,
  type Planes,
  sizeOf,
  type Span,
} from "../ops/op.ts";
import { SoftmaxXent } from "../ops/softmax_xent.ts";
import { type Descent, SplitSums } from "../ops/split_sums.ts";
import { descend } from "../ops/vector.ts";
import { Tangents, Workspace, type WorkspaceOptions } from "./workspace.ts";

/** What `grad` reads and writes. */
export type GradTensors = { theta: Tensor; x: Tensor; y: Tensor } & Gradient;

/** Out, where it is asked for: ∇θ ℓ [R, P]. It is scratch where a gradient step is to be taken with it. */
type Gradient =
  | { thetaBar: Tensor; descent?: Descent }
  | { thetaBar?: undefined; descent?: undefined };

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
  /** A step along ∂²ℓ/∂θ² · λ to take with it; `thetaBarDot` is scratch then. */
  descent?: Descent;
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
  readonly #sums = new Map<string, SplitSums>();

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
    this.#forward(record, work, theta, x, this.ops.length);
    return work.logits;
  }

  /** The first ops, up to `end`. */
  #forward(record: Recorder, work: Workspace, theta: Tensor, x: Tensor, end: number): void {
    this.ops.slice(0, end).forEach((op, l) => {
      const saved = work.savedOf(l);
      op.fwd(record, work.span, { x: work.inputOf(l, x), theta, y: work.y[l]!, ...saved });
    });
  }

  /** Logits and the loss's gradient in them. */
  #forwardXent(record: Recorder, work: Workspace, { theta, x, y: labels }: GradTensors): void {
    const l = this.ops.length - 1;
    const last = this.ops[l]!;
    const [z, zBar] = [work.logits, work.yBar[l]!];
    if (!isParametric(last) || !last.fwdXent || this.classes > MOST_LOGITS) {
      this.forward(record, work, theta, x);
      return this.#xent(work).vjpZ(record, work.span, { z, y: labels, zBar });
    }
    this.#forward(record, work, theta, x, l);
    const t = { x: work.inputOf(l, x), theta, y: z, labels, zBar };
    last.fwdXent(record, work.span, t, work.total);
  }

  /** The mean loss [R, N] (as parts that sum to it) and hits [R, N] of logits in the workspace. */
  loss(record: Recorder, work: Workspace, y: Tensor): { loss: Tensor; hit: Tensor } {
    const { loss, hit } = work;
    this.#xent(work).fwd(record, work.span, { z: work.logits, y, loss, hit });
    return { loss, hit };
  }

  /**
   * Activations and cotangents of the loss ℓ(x, y, θ), left in the workspace, and, where it is asked
   * for, thetaBar = ∇θ ℓ [R, P] or the gradient step along it.
   */
  grad(
    record: Recorder,
    work: Workspace,
    t: GradTensors,
  ): void {
    this.#forwardXent(record, work, t);
    const sums = t.thetaBar && this.#sumsOf(work.span);
    for (let l = this.ops.length - 1; l >= 0; l--) {
      this.#backward(record, work, t, l, sums?.partials[l]);
    }
    if (t.thetaBar) finish(record, sums, t.thetaBar, t.descent);
  }

  #backward(
    record: Recorder,
    work: Workspace,
    t: GradTensors,
    l: number,
    partial: Tensor | undefined,
  ): void {
    const op = this.ops[l]!;
    const { theta, thetaBar } = t;
    const at = { x: work.inputOf(l, t.x), yBar: work.yBar[l]!, ...work.savedOf(l) };
    const xBar = work.yBar[l - 1]; // none for images
    if (thetaBar && isParametric(op)) {
      if (xBar && op.vjp) return op.vjp(record, work.span, { ...at, theta, thetaBar, xBar });
      op.vjpW(record, work.span, { ...at, thetaBar, ...(partial && { partial }) });
    }
    if (xBar) op.vjpX(record, work.span, { ...at, theta, xBar });
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
      const saved = work.savedOf(l);
      op.jvp(record, span, { ...at, theta: t.theta, thetaDot: t.thetaDot, ...saved });
    });
    const [z, zDot] = [work.logits, yDot.at(-1)!];
    const xent = this.#xent(work);
    xent.jvp(record, span, { z, zDot, y: t.y, lossDot, zBarDot: yBarDot.at(-1)! });
    if (t.yBarDot) xent.hvpY(record, span, { z, zDot, yBarDot: t.yBarDot });
    const sums = this.#sumsOf(span);
    for (let l = this.ops.length - 1; l >= 0; l--) {
      this.#backwardTangent(record, work, tangents, t, l, sums?.partials[l]);
    }
    finish(record, sums, t.thetaBarDot, t.descent);
    return lossDot;
  }

  #backwardTangent(
    record: Recorder,
    work: Workspace,
    t: Tangents,
    h: HvpTensors,
    l: number,
    partial: Tensor | undefined,
  ): void {
    const { theta, thetaDot, thetaBarDot } = h;
    const op = this.ops[l]!;
    const x = work.inputOf(l, h.x);
    const xDot = l > 0 ? t.yDot[l - 1]! : null;
    const at = { x, yBar: work.yBar[l]!, yBarDot: t.yBarDot[l]!, ...work.savedOf(l) };
    const xBarDot = l > 0 ? t.yBarDot[l - 1]! : h.xBarDot;
    const both = { ...at, theta, thetaDot, thetaBarDot, xBarDot };
    if (isParametric(op)) {
      if (xDot && op.hvp) return op.hvp(record, work.span, { ...both, xDot });
      op.hvpW(record, work.span, { ...at, xDot, thetaBarDot, ...(partial && { partial }) });
    }
    op.hvpX(record, work.span, { ...at, xDot, theta, thetaDot, xBarDot });
  }

  /** Bytes of scratch that runs over `span` take. */
  scratchBytes(span: Span): number {
    const own = this.ops.reduce((sum, op) => sum + (op.scratchBytes?.(span) ?? 0), 0);
    return own + SplitSums.bytes(this.ops, span);
  }

  /** Frees its scratch and that of its ops. */
  [Symbol.dispose](): void {
    for (const sums of this.#sums.values()) sums[Symbol.dispose]();
    for (const op of this.ops) op[Symbol.dispose]?.();
  }

  /** Room for split sums, kept for the next run over such a span; none where no op splits. */
  #sumsOf(span: Span): SplitSums | undefined {
    const key = `${span.networks} ${span.images}`;
    const kept = this.#sums.get(key);
    if (kept || SplitSums.bytes(this.ops, span) === 0) return kept;
    const sums = new SplitSums(this.device, this.ops, span);
    this.#sums.set(key, sums);
    return sums;
  }

  #xent(work: Workspace): SoftmaxXent {
    return new SoftmaxXent(this.device, this.classes, work.total);
  }
}

/** Adds up split sums, and takes the step that is asked for. */
function finish(
  record: Recorder,
  sums: SplitSums | undefined,
  thetaBar: Tensor,
  descent: Descent | undefined,
): void {
  if (descent && sums) sums.descend(record, thetaBar, descent);
  else if (descent) descend(record, { ...descent, b: thetaBar });
  else sums?.sum(record, thetaBar);
}
