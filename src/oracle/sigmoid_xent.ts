// sigmoid_xent: mean binary cross-entropy of one logit z an image against a label y in [0,1].
//
//   value      ℓ = (1/N) Σ n  log(1 + e^z) − y·z,   log(1 + e^z) = max(z,0) + log(1 + e^−|z|)
//   gradient   z̄ = (σ(z) − y)/N                     σ(z) = 1/(1 + e^−z)
//   tangent    z̄˙ = σ(z)·σ(−z)·ż/N                  labelTangent   ȳ˙ = −ż/N
//   hits       (z > 0) = (y > ½)
//
// z, y and their Dots and Bars [N,1]

import type { OracleLoss } from "./loss.ts";

/** The cross-entropy of σ(z) against labels y, both [n,1]; a RangeError for k other than 1. */
export const sigmoidXent: OracleLoss = {
  value(z, y, n, k) {
    checkOutputs(k);
    let sum = 0;
    z.forEach((logit, at) => sum += softplus(logit) - y[at]! * logit);
    return sum / n;
  },
  gradient(z, y, n, k) {
    checkOutputs(k);
    return z.map((logit, at) => (sigmoid(logit) - y[at]!) / n);
  },
  tangent(z, zDot, _y, n, k) {
    checkOutputs(k);
    return z.map((logit, at) => sigmoid(logit) * sigmoid(-logit) * zDot[at]! / n);
  },
  labelTangent(_z, zDot, _y, n, k) {
    checkOutputs(k);
    return zDot.map((dot) => -dot / n);
  },
  hits(z, y, _n, k) {
    checkOutputs(k);
    return Uint8Array.from(z, (logit, at) => Number((logit > 0) === (y[at]! > 0.5)));
  },
};

/** log(1 + e^z), without an exponential that overflows. */
function softplus(z: number): number {
  return Math.max(z, 0) + Math.log1p(Math.exp(-Math.abs(z)));
}

function sigmoid(z: number): number {
  return 1 / (1 + Math.exp(-z));
}

function checkOutputs(k: number): void {
  if (k !== 1) {
    throw new RangeError(`Cannot take sigmoid_xent: got ${k} outputs an image, expected 1`);
  }
}
