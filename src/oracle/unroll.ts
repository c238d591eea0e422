// unroll: T = steps · epochs gradient steps on distilled images, and the gradient of the loss after
// them in the images x̃, the labels ỹ and the learning rates η; i(t) = t mod steps.
//
//   θ_{t+1} = θ_t − η_t ∇θ ℓ(x̃_i(t), ỹ_i(t), θ_t)      L = ℓ(x_real, y_real, θ_T)      λ_T = ∇L(θ_T)
//
//   ∂L/∂η_t  = −⟨λ_{t+1}, ∇θ ℓ⟩
//   ∂L/∂x̃_i += −η_t ∂²ℓ/∂x∂θ λ_{t+1}      ∂L/∂ỹ_i += −η_t ∂²ℓ/∂y∂θ λ_{t+1}
//   λ_t      = λ_{t+1} − η_t ∂²ℓ/∂θ² λ_{t+1}

import type { OracleNet } from "./net.ts";
import { axpy, dot } from "./vector.ts";

/** What the unrolled training starts from and is judged on. */
export interface UnrollProblem {
  /** θ_0 [params]. */
  readonly theta0: Float64Array;
  /** x̃ [steps · perStep, inSize]; step t trains on block i(t) of perStep images. */
  readonly images: Float64Array;
  /** ỹ [steps · perStep, classes]. */
  readonly labels: Float64Array;
  /** η [steps · epochs], the rates themselves. */
  readonly lrs: Float64Array;
  /** Number of blocks, and of gradient steps in an epoch. */
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

/** L, θ_T [params], and ∂L in the shapes of images, labels and lrs. */
export function metaGradient(net: OracleNet, problem: UnrollProblem): {
  loss: number;
  thetaT: Float64Array;
  dImages: Float64Array;
  dLabels: Float64Array;
  dLrs: Float64Array;
} {
  const { images, labels, lrs, steps, perStep, realImages, realLabels, realCount } = problem;
  const T = steps * problem.epochs;
  const x = (t: number, of = images) => block(of, t % steps, perStep * net.logits.inSize);
  const y = (t: number, of = labels) => block(of, t % steps, perStep * problem.classes);

  const thetas = [problem.theta0];
  for (let t = 0; t < T; t++) {
    const { dTheta } = net.grad(thetas[t]!, x(t), y(t), perStep);
    thetas.push(axpy(-lrs[t]!, dTheta, thetas[t]!.slice()));
  }

  const thetaT = thetas[T]!;
  const { loss, dTheta: lambda } = net.grad(thetaT, realImages, realLabels, realCount);
  const dImages = new Float64Array(images.length);
  const dLabels = new Float64Array(labels.length);
  const dLrs = new Float64Array(T);
  for (let t = T - 1; t >= 0; t--) {
    const step = net.hvp(thetas[t]!, lambda, x(t), y(t), perStep);
    dLrs[t] = -dot(lambda, step.dTheta);
    axpy(-lrs[t]!, step.xBarDot, x(t, dImages));
    axpy(-lrs[t]!, step.yBarDot, y(t, dLabels));
    axpy(-lrs[t]!, step.thetaBarDot, lambda);
  }
  return { loss, thetaT, dImages, dLabels, dLrs };
}

/** Block i of a tensor made of blocks of the given length: a view, not a copy. */
function block(of: Float64Array, i: number, length: number): Float64Array {
  return of.subarray(i * length, (i + 1) * length);
}
