/** Close: whether numbers of the GPU agree with the oracle's to what f32 allows. */
import { fail } from "node:assert/strict";

/**
 * Fails unless |actual − expected| ≤ 4ε·√terms · max(|expected|, scale) everywhere, where ε = 2⁻²³,
 * `terms` is how many products an element sums and `scale` the largest expected magnitude, or that of
 * the terms where the caller knows that they cancel. Prints the first five offenders.
 */
export function assertClose(
  what: string,
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
  terms: number,
  termScale = 0,
): void {
  if (actual.length !== expected.length) {
    fail(`${what}: got ${actual.length} numbers, expected ${expected.length}`);
  }
  let scale = 0;
  for (let i = 0; i < expected.length; i++) scale = Math.max(scale, Math.abs(expected[i]!));
  if (scale === 0) fail(`${what}: expected is all zero, which proves nothing`);
  scale = Math.max(scale, termScale);
  const tolerance = 4 * 2 ** -23 * Math.sqrt(terms) * scale;
  const offenders: string[] = [];
  let worst = 0;
  for (let i = 0; i < expected.length; i++) {
    const difference = Math.abs(actual[i]! - expected[i]!);
    if (difference <= tolerance) continue;
    worst = Math.max(worst, difference || Infinity);
    if (offenders.length < 5) offenders.push(`  [${i}] got ${actual[i]} expected ${expected[i]}`);
  }
  if (offenders.length > 0) {
    fail(`${what}: off by ${worst}, tolerance ${tolerance}\n${offenders.join("\n")}`);
  }
}
