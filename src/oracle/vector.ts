// vector: the two BLAS operations the oracle's equations are written in.
//
//   axpy   y ← α·x + y        (in place; y is also returned, so an equation stays on one line)
//   dot    ⟨x, y⟩ = Σ_i x_i · y_i

/** y ← α·x + y in place, x and y [L]; returns y. */
export function axpy(alpha: number, x: Float64Array, y: Float64Array): Float64Array {
  for (let i = 0; i < y.length; i++) y[i]! += alpha * x[i]!;
  return y;
}

/** ⟨x, y⟩ of two vectors [L]. */
export function dot(x: Float64Array, y: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < x.length; i++) sum += x[i]! * y[i]!;
  return sum;
}
