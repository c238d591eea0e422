// gd: gradient descent.
//
//   step      θ' = θ − ηg
//   adjoint   u = −ηλ'     ∂L/∂η = −⟨λ', g⟩     λ = λ'

import { dot } from "../vector.ts";
import type { OracleOptimizer } from "./optimizer.ts";

/** Gradient descent; no state. */
export function gd(): OracleOptimizer {
  return {
    slots: 0,
    step: ({ theta }, { g, eta }) => ({ theta: theta.map((v, i) => v - eta * g[i]!), state: [] }),
    adjoint: (after, _at, { g, eta }) => ({
      u: after.theta.map((lambda) => -eta * lambda),
      dEta: -dot(after.theta, g),
      dMomentum: 0,
      before: after,
    }),
  };
}
