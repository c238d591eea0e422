// net: the loss of a network on a batch, its gradient and its second derivatives along θ̇.
//
//   loss   ℓ(x, y, θ) = loss(z, y),   z = logits(x, θ)
//   grad   ∇θ ℓ
//   hvp    θ̄˙ = ∂²ℓ/∂θ² θ̇    x̄˙ = ∂²ℓ/∂x∂θ θ̇    ȳ˙ = ∂²ℓ/∂y∂θ θ̇     (forward over reverse, ẋ = 0)
//
// θ [params]   x [n, inSize]   y, z [n, K],  K = the outSize of logits

import type { OracleLayer } from "./layer.ts";
import type { OracleLoss } from "./loss.ts";
import { softmaxXent } from "./softmax_xent.ts";

/** A network with its loss: functions of flat theta [params], x [n, inSize], y [n, K]. */
export interface OracleNet {
  /** The network below the loss, [n, inSize] → [n, K]. */
  readonly logits: OracleLayer;

  /** ℓ(x, y, θ). */
  loss(theta: Float64Array, x: Float64Array, y: Float64Array, n: number): number;

  /** ℓ and dTheta [params] = ∇θ ℓ. */
  grad(
    theta: Float64Array,
    x: Float64Array,
    y: Float64Array,
    n: number,
  ): { loss: number; dTheta: Float64Array };

  /** thetaBarDot [params], xBarDot [n, inSize], yBarDot [n, K] along thetaDot; dTheta = ∇θ ℓ. */
  hvp(
    theta: Float64Array,
    thetaDot: Float64Array,
    x: Float64Array,
    y: Float64Array,
    n: number,
  ): {
    thetaBarDot: Float64Array;
    xBarDot: Float64Array;
    yBarDot: Float64Array;
    dTheta: Float64Array;
  };
}

/** The network with logits [n, inSize] → [n, K] under a loss, cross-entropy when left out. */
export function oracleNet(logits: OracleLayer, loss: OracleLoss = softmaxXent): OracleNet {
  const K = logits.outSize;
  return {
    logits,
    loss: (theta, x, y, n) => loss.value(logits.fwd(x, theta, n), y, n, K),
    grad(theta, x, y, n) {
      const z = logits.fwd(x, theta, n);
      const zBar = loss.gradient(z, y, n, K);
      const dTheta = logits.vjp(x, theta, zBar, n).wBar;
      return { loss: loss.value(z, y, n, K), dTheta };
    },
    hvp(theta, thetaDot, x, y, n) {
      const xDot = new Float64Array(x.length);
      const z = logits.fwd(x, theta, n);
      const zDot = logits.jvp(x, theta, xDot, thetaDot, n);
      const zBar = loss.gradient(z, y, n, K);
      const zBarDot = loss.tangent(z, zDot, y, n, K);
      const yBarDot = loss.labelTangent(z, zDot, y, n, K);
      const { xBarDot, wBarDot } = logits.hvp(x, theta, xDot, thetaDot, zBar, zBarDot, n);
      const dTheta = logits.vjp(x, theta, zBar, n).wBar;
      return { thetaBarDot: wBarDot, xBarDot, yBarDot, dTheta };
    },
  };
}
