// numeric: float64 central differences, seeded numbers, and the comparison all oracle tests share.
//
//   gradient      g_i = (f(x + h·e_i) − f(x − h·e_i)) / 2h          f scalar
//   directional   d   = (f(+h) − f(−h)) / 2h                        f vector, of the step length
//   assertClose   max_i |a_i − b_i| ≤ tolerance · max_i |b_i|

import assert from "node:assert/strict";

const STEP = 1e-5;

/** Numbers [length] uniform in (−scale, scale), the same for the same seed. */
export function random(length: number, seed: number, scale = 1): Float64Array {
  let state = seed >>> 0;
  return Float64Array.from({ length }, () => {
    state = (state + 0x9e3779b9) >>> 0;
    let bits = Math.imul(state ^ (state >>> 16), 0x85ebca6b);
    bits = Math.imul(bits ^ (bits >>> 13), 0xc2b2ae35);
    return scale * (((bits ^ (bits >>> 16)) >>> 0) / 2 ** 31 - 1);
  });
}

/** x + step · xDot, a new vector. */
export function moved(x: Float64Array, xDot: Float64Array, step: number): Float64Array {
  return x.map((value, i) => value + step * xDot[i]!);
}

/** The gradient of scalar f at x, one coordinate at a time. */
export function gradient(f: (x: Float64Array) => number, x: Float64Array): Float64Array {
  const at = x.slice();
  return x.map((value, i) => {
    at[i] = value + STEP;
    const above = f(at);
    at[i] = value - STEP;
    const below = f(at);
    at[i] = value;
    return (above - below) / (2 * STEP);
  });
}

/** The derivative at 0 of vector f, a function of the length of the step taken. */
export function directional(f: (step: number) => Float64Array): Float64Array {
  const below = f(-STEP);
  return f(STEP).map((above, i) => (above - below[i]!) / (2 * STEP));
}

/** Equal lengths, and the largest error at most tolerance times the largest expected number. */
export function assertClose(
  actual: Float64Array | readonly number[],
  expected: Float64Array | readonly number[],
  tolerance = 1e-6,
): void {
  assert.equal(actual.length, expected.length);
  let error = 0;
  let scale = 0;
  for (let i = 0; i < expected.length; i++) {
    error = Math.max(error, Math.abs(actual[i]! - expected[i]!));
    scale = Math.max(scale, Math.abs(expected[i]!));
  }
  assert.ok(error <= tolerance * scale, `largest error ${error}, expected ≤ ${tolerance * scale}`);
}
