// numeric: float64 central differences of fourth order, seeded numbers, and the comparison that all
// oracle tests share.
//
//   difference    D f = (8·(f(h) − f(−h)) − (f(2h) − f(−2h))) / 12h = f'(0) + O(h⁴)
//   gradient      g_i = D of f(x + h·e_i)                           f scalar
//   directional   d   = D of f(h)                                   f vector, of the step length
//   assertClose   max_i |a_i − b_i| ≤ tolerance · max_i |b_i|

const STEP = 5e-5;

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
    const along = (step: number) => {
      at[i] = value + step;
      return f(at);
    };
    const [near, far] = [along(STEP) - along(-STEP), along(2 * STEP) - along(-2 * STEP)];
    at[i] = value;
    return (8 * near - far) / (12 * STEP);
  });
}

/** The derivative at 0 of vector f, a function of the length of the step taken. */
export function directional(f: (step: number) => Float64Array): Float64Array {
  const [plus, minus, plus2, minus2] = [f(STEP), f(-STEP), f(2 * STEP), f(-2 * STEP)];
  return plus.map((value, i) => (8 * (value - minus[i]!) - (plus2[i]! - minus2[i]!)) / (12 * STEP));
}

/** Equal lengths, and the largest error at most tolerance times the largest expected number. */
export function assertClose(
  actual: Float64Array | readonly number[],
  expected: Float64Array | readonly number[],
  tolerance = 1e-6,
): void {
  if (actual.length !== expected.length) {
    throw new Error(`length ${actual.length}, expected ${expected.length}`);
  }
  let error = 0;
  let scale = 0;
  for (let i = 0; i < expected.length; i++) {
    error = Math.max(error, Math.abs(actual[i]! - expected[i]!));
    scale = Math.max(scale, Math.abs(expected[i]!));
  }
  if (!(error <= tolerance * scale)) {
    throw new Error(`largest error ${error}, expected ≤ ${tolerance * scale}`);
  }
}
