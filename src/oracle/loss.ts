// loss: what outputs z cost against labels y, a mean over images, and the derivatives a net needs.
//
//   value      ℓ(z, y)              tangent        z̄˙ = ∂²ℓ/∂z² ż
//   gradient   z̄ = ∂ℓ/∂z            labelTangent   ȳ˙ = ∂²ℓ/∂y∂z ż
//
// z, y [n,k] and every Dot and Bar [n,k]

/** The loss of n images with k outputs each, in float64. */
export interface OracleLoss {
  /** ℓ, the mean over n images. */
  value(z: Float64Array, y: Float64Array, n: number, k: number): number;

  /** z̄ = ∂ℓ/∂z [n,k]. */
  gradient(z: Float64Array, y: Float64Array, n: number, k: number): Float64Array;

  /** z̄˙ [n,k]: the derivative of gradient along zDot [n,k], y fixed. */
  tangent(
    z: Float64Array,
    zDot: Float64Array,
    y: Float64Array,
    n: number,
    k: number,
  ): Float64Array;

  /** ȳ˙ [n,k]: the derivative of ∂ℓ/∂y along zDot [n,k], y fixed. */
  labelTangent(
    z: Float64Array,
    zDot: Float64Array,
    y: Float64Array,
    n: number,
    k: number,
  ): Float64Array;

  /** Which images count as right, [n] of 0 or 1. */
  hits(z: Float64Array, y: Float64Array, n: number, k: number): Uint8Array;
}

/** 1 for images whose z and y are largest at the same place, [n] of 0 or 1; the first of equals. */
export function sameLargest(z: Float64Array, y: Float64Array, n: number, k: number): Uint8Array {
  return Uint8Array.from({ length: n }, (_, image) => {
    const start = image * k;
    return Number(argMax(z, start, start + k) === argMax(y, start, start + k));
  });
}

/** The index of the first largest of values[start … end − 1]. */
function argMax(values: Float64Array, start: number, end: number): number {
  let best = start;
  for (let at = start + 1; at < end; at++) if (values[at]! > values[best]!) best = at;
  return best;
}
