/** Inputs that keep off the kinks of gated ops, so that no test needs to forgive a failure. */
import { random } from "../oracle/numeric.ts";

/** Moves every number at least 0.1 away from zero. */
export function offZero(x: Float64Array): Float64Array {
  return x.map((value) => value + (value < 0 ? -0.1 : 0.1));
}

/** `size` numbers in a random order, all at least 0.01 apart and none near zero. */
export function distinct(size: number, seed: number): Float64Array {
  const order = [...random(size, seed)].map((key, i) => [key, i] as const).sort((a, b) =>
    a[0] - b[0]
  );
  const x = new Float64Array(size);
  order.forEach(([, i], rank) => x[i] = (rank - size / 2 + 0.5) * 0.01);
  return x;
}
