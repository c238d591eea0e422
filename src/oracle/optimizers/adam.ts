// adam: Adam (Kingma and Ba 2015) with ε_root inside the root, as in Optax. σ = (σ_m, σ_v).
//
//   step      m' = β₁m + (1−β₁)g      m̂ = m' / (1 − β₁^(t+1))      r = √(v̂ + ε_root)
//             v' = β₂v + (1−β₂)g²     v̂ = v' / (1 − β₂^(t+1))      θ' = θ − η·m̂/(r + ε)
//
//   adjoint   p = ∂L/∂m' = σ_m' − ηλ' / ((1 − β₁^(t+1))·(r + ε))
//             q = ∂L/∂v' = σ_v' + ηλ'·m̂ / ((r + ε)²·2r·(1 − β₂^(t+1)))
//
//             u = (1−β₁)p + 2(1−β₂)g·q     ∂L/∂η = −⟨λ', m̂/(r + ε)⟩     λ = λ'     σ = (β₁p, β₂q)
//
// The derivative of the root is infinite at v̂ + ε_root = 0, so ε_root must be above 0.

import { dot } from "../vector.ts";
import type { OptimizerPoint, OptimizerUpdate, OracleOptimizer } from "./optimizer.ts";

/** ε, added to the root. */
export const ADAM_EPS = 1e-8;

/** Adam's own settings. */
export interface AdamSettings {
  /** β₁, 0.9 when left out. */
  readonly beta1?: number;
  /** β₂, 0.99 when left out. */
  readonly beta2?: number;
  /** ε_root > 0, 1e-6 when left out. */
  readonly epsRoot?: number;
}

/** Adam; the state is m, then v. */
export function adam({ beta1 = 0.9, beta2 = 0.99, epsRoot = 1e-6 }: AdamSettings): OracleOptimizer {
  /** m' and v', the corrections 1 − β^(t+1) of both, and m̂ and r. */
  function moments({ state: [m, v] }: OptimizerPoint, { g, t }: OptimizerUpdate) {
    const [c1, c2] = [1 - beta1 ** (t + 1), 1 - beta2 ** (t + 1)];
    const mNext = g.map((value, i) => beta1 * m![i]! + (1 - beta1) * value);
    const vNext = g.map((value, i) => beta2 * v![i]! + (1 - beta2) * value ** 2);
    const mHat = mNext.map((value) => value / c1);
    const root = vNext.map((value) => Math.sqrt(value / c2 + epsRoot));
    return { mNext, vNext, c1, c2, mHat, root };
  }

  return {
    slots: 2,
    step(at, update) {
      const { mNext, vNext, mHat, root } = moments(at, update);
      const theta = at.theta.map((value, i) =>
        value - update.eta * mHat[i]! / (root[i]! + ADAM_EPS)
      );
      return { theta, state: [mNext, vNext] };
    },
    adjoint({ theta: lambda, state: [sigmaM, sigmaV] }, at, update) {
      const { g, eta } = update;
      const { c1, c2, mHat, root } = moments(at, update);
      const p = lambda.map((value, i) => sigmaM![i]! - eta * value / (c1 * (root[i]! + ADAM_EPS)));
      const q = lambda.map((value, i) =>
        sigmaV![i]! + eta * value * mHat[i]! / ((root[i]! + ADAM_EPS) ** 2 * 2 * root[i]! * c2)
      );
      return {
        u: g.map((value, i) => (1 - beta1) * p[i]! + 2 * (1 - beta2) * value * q[i]!),
        dEta: -dot(lambda, mHat.map((value, i) => value / (root[i]! + ADAM_EPS))),
        dMomentum: 0,
        before: {
          theta: lambda,
          state: [p.map((value) => beta1 * value), q.map((value) => beta2 * value)],
        },
      };
    },
  };
}
