// unroll: training on distilled images from step `from` to step `to`, and the gradient of the loss
// after it in the images x̃, the labels ỹ, the learning rates η and the momentum μ. Step t takes the
// images i(t): its batch, or block t mod steps. s is what the optimizer keeps.
//
//   g_t = ∇θ ℓ(x̃_i(t), ỹ_i(t), θ_t)     (θ_{t+1}, s_{t+1}) = step(θ_t, s_t, g_t, η_t)
//
//   L = ℓ(x_real, y_real, θ_to)     λ = ∂L/∂θ, at `to` ∇L(θ_to)     σ = ∂L/∂s, at `to` 0
//
// Back, the optimizer's adjoint gives u_t = ∂L/∂g_t, ∂L/∂η_t, ∂L/∂μ, and λ and σ with g_t held
// fixed; then
//
//   ∂L/∂x̃_i(t) += ∂²ℓ/∂x∂θ u_t     ∂L/∂ỹ_i(t) += ∂²ℓ/∂y∂θ u_t     λ += ∂²ℓ/∂θ² u_t

import type { OracleNet } from "./net.ts";
import { oracleOptimizer, type OracleOptimizerSettings } from "./optimizers/list.ts";
import type { OptimizerPoint, OracleOptimizer } from "./optimizers/optimizer.ts";
import { axpy } from "./vector.ts";

/** What the unrolled training starts from and is judged on. */
export interface UnrollProblem {
  /** θ [params] at step `from`. */
  readonly theta0: Float64Array;
  /** The optimizer's state at step `from`, arrays [params]; zeros when left out. */
  readonly state0?: readonly Float64Array[];
  /** The inner optimizer, gradient descent when left out. */
  readonly optimizer?: OracleOptimizerSettings;
  /** The first step t, 0 when left out. */
  readonly from?: number;
  /** The step before which training ends, steps · epochs when left out. */
  readonly to?: number;
  /** x̃ [steps · perStep, inSize]; without batches, step t trains on block t mod steps. */
  readonly images: Float64Array;
  /** ỹ [steps · perStep, classes]. */
  readonly labels: Float64Array;
  /** For each t [steps · epochs], the distinct indices of the images that step t trains on. */
  readonly batches?: readonly ArrayLike<number>[];
  /** η [steps · epochs], the rates themselves, or [1], one rate for all steps. */
  readonly lrs: Float64Array;
  /** Number of blocks, and of gradient steps in an epoch; 1 with batches. */
  readonly steps: number;
  /** Number of passes over the blocks. */
  readonly epochs: number;
  /** Images in a block. */
  readonly perStep: number;
  /** x_real [realCount, inSize]. */
  readonly realImages: Float64Array;
  /** y_real [realCount, classes]. */
  readonly realLabels: Float64Array;
  /** Number of real images. */
  readonly realCount: number;
  /** Number of classes, the outSize of the network. */
  readonly classes: number;
}

/** Where training ended, the loss there, and the gradient of that loss. */
export interface MetaGradient {
  /** L. */
  readonly loss: number;
  /** θ [params] at step `to`. */
  readonly thetaT: Float64Array;
  /** The optimizer's state at step `to`. */
  readonly stateT: readonly Float64Array[];
  /** ∂L/∂x̃, the shape of images. */
  readonly dImages: Float64Array;
  /** ∂L/∂ỹ, the shape of labels. */
  readonly dLabels: Float64Array;
  /** ∂L/∂η, the shape of lrs: 0 for steps not taken, the sum over steps for one rate. */
  readonly dLrs: Float64Array;
  /** ∂L/∂μ, 0 for an optimizer without momentum. */
  readonly dMomentum: number;
}

/** What step t trains on, and at which rate. */
interface Draw {
  readonly t: number;
  /** Indices of its images. */
  readonly rows: ArrayLike<number>;
  /** x̃ and ỹ of these, and their number. */
  readonly batch: readonly [x: Float64Array, y: Float64Array, n: number];
  /** Where its rate is in lrs. */
  readonly rate: number;
  readonly eta: number;
}

/** A draw and the point and gradient at which its step was taken. */
interface Taken extends Draw {
  readonly at: OptimizerPoint;
  readonly g: Float64Array;
}

/** Trains from `from` to `to`, then differentiates the loss. @throws RangeError for wrong sizes. */
export function metaGradient(net: OracleNet, problem: UnrollProblem): MetaGradient {
  const { optimizer: settings = { kind: "gd" }, theta0, realImages, realLabels } = problem;
  const optimizer = oracleOptimizer(settings);
  const zeros = Array.from({ length: optimizer.slots }, () => new Float64Array(theta0.length));
  const { state0 = zeros } = problem;
  checkSize("optimizer state", state0.length, optimizer.slots, "arrays");

  const draws = drawsOf(net, problem);
  const { taken, end } = train(net, optimizer, { theta: theta0, state: state0 }, draws);
  const { loss, dTheta } = net.grad(end.theta, realImages, realLabels, problem.realCount);
  const lambda = { theta: dTheta, state: zeros };
  const gradient = back(net, optimizer, lambda, taken, problem);
  return { loss, thetaT: end.theta, stateT: end.state, ...gradient };
}

/** The draws of the steps from `from` to `to`. */
function drawsOf(net: OracleNet, problem: UnrollProblem): Draw[] {
  const { images, labels, lrs, steps, epochs, perStep, batches, classes } = problem;
  const total = steps * epochs;
  const { from = 0, to = total } = problem;
  if (!(0 <= from && from <= to && to <= total)) {
    throw new RangeError(
      `Cannot unroll from step ${from} to ${to}: expected 0 ≤ from ≤ to ≤ ${total}, steps · epochs`,
    );
  }
  if (lrs.length !== 1) checkSize("learning rates", lrs.length, total, "rates, or 1 for all steps");
  if (batches) checkSize("batches", batches.length, total, "batches, one for each step");

  return Array.from({ length: to - from }, (_, i) => {
    const t = from + i;
    const start = (t % steps) * perStep;
    const rows = batches?.[t] ?? Array.from({ length: perStep }, (_, k) => start + k);
    const x = gather(images, rows, net.logits.inSize);
    const y = gather(labels, rows, classes);
    const rate = lrs.length === 1 ? 0 : t;
    return { t, rows, batch: [x, y, rows.length], rate, eta: lrs[rate]! };
  });
}

/** Takes a step for each draw; `end` is the point after the last. */
function train(
  net: OracleNet,
  optimizer: OracleOptimizer,
  start: OptimizerPoint,
  draws: readonly Draw[],
): { taken: Taken[]; end: OptimizerPoint } {
  let at = start;
  const taken = draws.map((draw) => {
    const { dTheta: g } = net.grad(at.theta, ...draw.batch);
    const step = { ...draw, at, g };
    at = optimizer.step(at, step);
    return step;
  });
  return { taken, end: at };
}

/** The gradient of L from λ and σ at the end, by the steps taken, last first. */
function back(
  net: OracleNet,
  optimizer: OracleOptimizer,
  end: OptimizerPoint,
  taken: readonly Taken[],
  { images, labels, lrs, classes }: UnrollProblem,
): Pick<MetaGradient, "dImages" | "dLabels" | "dLrs" | "dMomentum"> {
  const dImages = new Float64Array(images.length);
  const dLabels = new Float64Array(labels.length);
  const dLrs = new Float64Array(lrs.length);
  let dMomentum = 0;
  let after = end;
  for (const step of taken.toReversed()) {
    const { u, before, ...direct } = optimizer.adjoint(after, step.at, step);
    const { xBarDot, yBarDot, thetaBarDot } = net.hvp(step.at.theta, u, ...step.batch);
    addRows(dImages, step.rows, net.logits.inSize, xBarDot);
    addRows(dLabels, step.rows, classes, yBarDot);
    dLrs[step.rate]! += direct.dEta;
    dMomentum += direct.dMomentum;
    after = { theta: axpy(1, before.theta, thetaBarDot), state: before.state };
  }
  return { dImages, dLabels, dLrs, dMomentum };
}

/** Rows of a matrix [·, width], a copy [rows, width]. */
function gather(of: Float64Array, rows: ArrayLike<number>, width: number): Float64Array {
  return Float64Array.from(
    { length: rows.length * width },
    (_, at) => of[rows[Math.floor(at / width)]! * width + at % width]!,
  );
}

/** Adds values [rows, width] to rows of a matrix [·, width], in place. */
function addRows(
  to: Float64Array,
  rows: ArrayLike<number>,
  width: number,
  values: Float64Array,
): void {
  values.forEach((value, at) => to[rows[Math.floor(at / width)]! * width + at % width]! += value);
}

function checkSize(what: string, got: number, expected: number, unit: string): void {
  if (got === expected) return;
  throw new RangeError(`Cannot unroll: got ${what} of length ${got}, expected ${expected} ${unit}`);
}
