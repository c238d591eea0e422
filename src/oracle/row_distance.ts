// row_distance: how far two gradients of a weight point apart, row by row (Zhao et al. 2021, equation 9).
//
//   D(a, b) = Σ row  1 − ⟨a,b⟩ / (|a|·|b| + 1e-6)        a, b [rows, length], the row of each output
//
// and how far apart they are in place, |a − b|², which needs no rows.
//
// The derivative in a is left to central differences.

import { dot } from "./vector.ts";

/** D of two gradients of one weight, [rows · length]. */
export function rowDistance(a: Float64Array, b: Float64Array, rows: number): number {
  const length = a.length / rows;
  let sum = 0;
  for (let row = 0; row < rows; row++) {
    const [p, q] = [a, b].map((array) => array.subarray(row * length, (row + 1) * length));
    sum += 1 - dot(p!, q!) / (Math.sqrt(dot(p!, p!)) * Math.sqrt(dot(q!, q!)) + 1e-6);
  }
  return sum;
}

/** |a − b|² of two gradients. */
export function squaredDistance(a: Float64Array, b: Float64Array): number {
  return a.reduce((sum, value, i) => sum + (value - b[i]!) ** 2, 0);
}
