// mse: half the squared distance of outputs z from labels y, a mean over images but a sum along k.
//
//   value      ℓ = (1/2N) Σ n,k  (z − y)²
//   gradient   z̄ = (z − y)/N
//   tangent    z̄˙ = ż/N             labelTangent   ȳ˙ = −ż/N
//   hits       K > 1: argmax z = argmax y, the first of equals     K = 1: |z − y| < ½
//
// z, y and their Dots and Bars [N,K]

import { type OracleLoss, sameLargest } from "./loss.ts";

/** Half the squared distance of z from y, both [n,k]. */
export const mse: OracleLoss = {
  value(z, y, n) {
    let sum = 0;
    z.forEach((output, at) => sum += (output - y[at]!) ** 2);
    return sum / (2 * n);
  },
  gradient: (z, y, n) => z.map((output, at) => (output - y[at]!) / n),
  tangent: (_z, zDot, _y, n) => zDot.map((dot) => dot / n),
  labelTangent: (_z, zDot, _y, n) => zDot.map((dot) => -dot / n),
  hits: (z, y, n, k) =>
    k > 1
      ? sameLargest(z, y, n, k)
      : Uint8Array.from(z, (output, at) => Number(Math.abs(output - y[at]!) < 0.5)),
};
