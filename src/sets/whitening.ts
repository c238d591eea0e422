// ZCA whitening: the matrix that makes training images uncorrelated and changes them least, and back.
import { EigenvalueDecomposition, Matrix } from "npm:ml-matrix@6.15.1";

/**
 * Images z of D numbers, normalised by channel, are whitened as x = W (z − μ). W = (C + λI)^(−1/2) is
 * symmetric; C and μ are the covariance and the mean of the training images. λ keeps directions that
 * hardly vary, mostly noise, from being blown up: with λ = 0 every variance becomes 1, with λ > 0 an
 * eigenvalue s of C becomes s / (s + λ).
 */
export interface Whitening {
  /** λ in mean eigenvalues of C (Nguyen et al. 2021 take 0.1). */
  readonly zca: number;
  /** μ, [D]. */
  readonly mean: Float32Array;
  /** W, [D, D]. */
  readonly matrix: Float32Array;
  /** W⁻¹ = (C + λI)^(1/2), [D, D]. */
  readonly inverse: Float32Array;
}

/** Eigenvectors of a symmetric matrix, the columns of [D, D], and its eigenvalues [D]. */
export interface Spectrum {
  readonly vectors: Float32Array;
  readonly values: Float64Array;
}

/** Decomposes a covariance matrix [D, D] in float64. It takes about 2.3 · 10⁻⁹ s · D³. */
export function spectrumOf(covariance: Float64Array, D: number): Spectrum {
  const rows = Array.from({ length: D }, (_, i) => covariance.subarray(i * D, (i + 1) * D));
  const { eigenvectorMatrix, realEigenvalues } = new EigenvalueDecomposition(new Matrix(rows), {
    assumeSymmetric: true,
  });
  const vectors = new Float32Array(D * D);
  for (let i = 0; i < D; i++) vectors.set(eigenvectorMatrix.getRow(i), i * D);
  return { vectors, values: Float64Array.from(realEigenvalues) };
}

/** Images z before they were whitened, of images x [N, D]. */
export function unwhitened(x: Float32Array, { mean, inverse }: Whitening): Float32Array {
  const D = mean.length;
  const z = new Float32Array(x.length);
  for (let n = 0; n < x.length; n += D) {
    for (let i = 0; i < D; i++) {
      let sum = mean[i]!;
      for (let j = 0; j < D; j++) sum += inverse[i * D + j]! * x[n + j]!;
      z[n + i] = sum;
    }
  }
  return z;
}
