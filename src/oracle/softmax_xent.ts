// softmax_xent: mean cross-entropy of logits z against soft labels y, which need not sum to 1.
//
//   value      ℓ = −(1/N) Σ n,k  y[n,k] · log p[n,k],   p = softmax(z) along k,   Y[n] = Σ k y[n,k]
//   gradient   z̄ = (Y·p − y)/N                          ȳ = −log p / N
//   tangent    z̄˙ = Y·p⊙(ż − ⟨p,ż⟩)/N    labelTangent   ȳ˙ = −(ż − ⟨p,ż⟩)/N
//   hits       argmax z = argmax y, the first of equals
//
// z, y, p and their Dots and Bars [N,K]; ⟨p,ż⟩ is a sum along k, one number an image.

import { type OracleLoss, sameLargest } from "./loss.ts";

/** The cross-entropy of softmax(z) against labels y, both [n,k]. */
export const softmaxXent: OracleLoss = {
  value(z, y, n, k) {
    let sum = 0;
    logSoftmax(z, n, k).forEach((logP, at) => sum -= y[at]! * logP);
    return sum / n;
  },
  gradient(z, y, n, k) {
    const Y = labelSums(y, n, k);
    return logSoftmax(z, n, k).map((logP, at) =>
      (Y[Math.floor(at / k)]! * Math.exp(logP) - y[at]!) / n
    );
  },
  tangent(z, zDot, y, n, k) {
    const Y = labelSums(y, n, k);
    const logPDot = logSoftmaxDot(z, zDot, n, k);
    return logSoftmax(z, n, k).map((logP, at) =>
      Y[Math.floor(at / k)]! * Math.exp(logP) * logPDot[at]! / n
    );
  },
  labelTangent: (z, zDot, _y, n, k) => logSoftmaxDot(z, zDot, n, k).map((logPDot) => -logPDot / n),
  hits: sameLargest,
};

/** log p [N,K], the largest logit taken out first so that no exponential overflows. */
function logSoftmax(z: Float64Array, N: number, K: number): Float64Array {
  const logP = new Float64Array(N * K);
  for (let n = 0; n < N; n++) {
    const row = z.subarray(n * K, (n + 1) * K);
    const max = row.reduce((a, b) => Math.max(a, b), -Infinity);
    const logSum = Math.log(row.reduce((sum, value) => sum + Math.exp(value - max), 0));
    logP.set(row.map((value) => value - max - logSum), n * K);
  }
  return logP;
}

/** The tangent ż − ⟨p,ż⟩ [N,K] of log p. */
function logSoftmaxDot(z: Float64Array, zDot: Float64Array, N: number, K: number): Float64Array {
  const logP = logSoftmax(z, N, K);
  const logPDot = new Float64Array(N * K);
  for (let n = 0; n < N; n++) {
    let mean = 0;
    for (let at = n * K; at < (n + 1) * K; at++) mean += Math.exp(logP[at]!) * zDot[at]!;
    for (let at = n * K; at < (n + 1) * K; at++) logPDot[at] = zDot[at]! - mean;
  }
  return logPDot;
}

/** Y [N]: the sum of each image's label. */
function labelSums(y: Float64Array, N: number, K: number): Float64Array {
  const Y = new Float64Array(N);
  for (let at = 0; at < N * K; at++) Y[Math.floor(at / K)]! += y[at]!;
  return Y;
}
