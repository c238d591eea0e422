// momentum: gradient descent with a velocity v, as PyTorch's SGD without dampening. σ = ν = ∂L/∂v.
//
//   step      v' = μv + g     θ' = θ − ηv'
//   adjoint   u = ν' − ηλ'     ∂L/∂η = −⟨λ', v'⟩     ∂L/∂μ = ⟨u, v⟩     λ = λ'     ν = μu

import { axpy, dot } from "../vector.ts";
import type { OracleOptimizer } from "./optimizer.ts";

/** Momentum μ; the state is the velocity. */
export function momentum(mu: number): OracleOptimizer {
  const next = (v: Float64Array, g: Float64Array) => axpy(mu, v, g.slice());
  return {
    slots: 1,
    step({ theta, state: [v] }, { g, eta }) {
      const vNext = next(v!, g);
      return { theta: axpy(-eta, vNext, theta.slice()), state: [vNext] };
    },
    adjoint({ theta: lambda, state: [nu] }, { state: [v] }, { g, eta }) {
      const u = axpy(-eta, lambda, nu!.slice());
      return {
        u,
        dEta: -dot(lambda, next(v!, g)),
        dMomentum: dot(u, v!),
        before: { theta: lambda, state: [u.map((value) => mu * value)] },
      };
    },
  };
}
