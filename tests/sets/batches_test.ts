// Minibatches: whole permutations, no dependence on the order of calls, and fair draws.
import assert from "node:assert/strict";
import { BalancedBatches, Batches, gather, permutation } from "../../src/sets/batches.ts";
import type { Split } from "../../src/sets/dataset.ts";

Deno.test("permutation holds each index once and depends on seed and epoch alone", () => {
  const order = permutation(1000, 7, 3);
  assert.deepEqual([...order].sort((a, b) => a - b), Array.from({ length: 1000 }, (_, i) => i));
  assert.deepEqual(permutation(1000, 7, 3), order);
  assert.notDeepEqual(permutation(1000, 8, 3), order);
  assert.notDeepEqual(permutation(1000, 7, 4), order);
  assert.deepEqual([...permutation(0, 1, 1)], []);
  assert.deepEqual([...permutation(1, 1, 1)], [0]);
});

Deno.test("permutation is uniform: χ² over the 24 orders of 4", () => {
  const counts = new Map<string, number>();
  for (let epoch = 0; epoch < 24000; epoch++) {
    const key = permutation(4, 1, epoch).join();
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  assert.equal(counts.size, 24);
  const chi2 = [...counts.values()].reduce((sum, count) => sum + (count - 1000) ** 2 / 1000, 0);
  assert.ok(chi2 < 49.7, `χ² = ${chi2}, expected < 49.7 (23 degrees of freedom, p = 0.001)`);
});

Deno.test("permutation is fixed for all time: a resumed run sees the same images", () => {
  assert.deepEqual([...permutation(10, 42, 0)], [8, 1, 7, 6, 0, 4, 5, 3, 9, 2]);
});

Deno.test("permutation refuses what is not a 32-bit integer", () => {
  const cases = [[-1, 0, 0, "count -1"], [4, 1.5, 0, "seed 1.5"], [
    4,
    0,
    2 ** 32,
    "epoch 4294967296",
  ]];
  for (const [count, seed, epoch, got] of cases as [number, number, number, string][]) {
    assert.throws(() => permutation(count, seed, epoch), {
      name: "RangeError",
      message: new RegExp(`Cannot shuffle: got ${got}, expected an integer in 0…4294967295`),
    });
  }
});

Deno.test("Batches cuts each epoch into disjoint batches and drops the incomplete one", () => {
  const batches = new Batches(split(11), 3, 5);
  assert.equal(batches.perEpoch, 3);
  for (const epoch of [0, 1]) {
    const seen = [0, 1, 2].flatMap((step) => [...batches.indices(3 * epoch + step)]);
    assert.deepEqual(seen, [...permutation(11, 5, epoch).subarray(0, 9)]);
  }
});

Deno.test("Batches is stateless: neither the order of calls nor the caller's writes matter", () => {
  const batches = new Batches(split(11), 3, 5);
  const first = batches.indices(1);
  const copy = [...first];
  first.fill(99);
  batches.indices(1000);
  assert.deepEqual([...batches.indices(1)], copy);
  assert.deepEqual([...new Batches(split(11), 3, 5).indices(1)], copy);
});

Deno.test("Batches takes the whole split as one batch", () => {
  assert.deepEqual([...new Batches(split(4), 4, 0).indices(6)].sort(), [0, 1, 2, 3]);
});

Deno.test("Batches refuses impossible sizes, seeds and iterations", () => {
  for (const batch of [0, -3, 2.5, 12, NaN]) {
    assert.throws(() => new Batches(split(11), batch, 0), {
      name: "RangeError",
      message: new RegExp(`Cannot cut minibatches: got batch ${batch}, expected .* in 1…11`),
    });
  }
  assert.throws(() => new Batches(split(11), 3, -1), { name: "RangeError", message: /seed -1/ });
  for (const iteration of [-1, 0.5]) {
    assert.throws(() => new Batches(split(11), 3, 0).indices(iteration), {
      name: "RangeError",
      message: new RegExp(`Cannot cut minibatches: got iteration ${iteration}, expected a non-neg`),
    });
  }
});

Deno.test("gather copies images and labels in the order asked for", () => {
  const { images, labels } = gather(split(5), [3, 0, 3]);
  assert.deepEqual([...images], [6, 7, 0, 1, 6, 7]);
  assert.deepEqual([...labels], [3, 0, 3]);
  assert.throws(() => gather(split(5), [0, 5]), {
    name: "RangeError",
    message: /Cannot gather images: got index 5, expected an integer in 0…4/,
  });
});

/** Images of two pixels, 2n and 2n + 1, with label n mod 10. */
function split(count: number): Split {
  return {
    images: Uint8Array.from({ length: 2 * count }, (_, index) => index),
    labels: Uint8Array.from({ length: count }, (_, index) => index % 10),
    count,
  };
}

Deno.test("BalancedBatches: as many of each class within one, every image once an epoch of its class", () => {
  const labels = Uint8Array.from([0, 0, 0, 0, 0, 0, 1, 1, 2, 2, 2]);
  const batches = new BalancedBatches({ labels }, 3, 4, 9);
  const seen = Array.from({ length: 6 }, (_, k) => batches.indices(k));
  for (const indices of seen) {
    assert.deepEqual([...indices].map((index) => labels[index]), [0, 0, 1, 2]);
  }
  const ofZero = (from: number) =>
    seen.slice(from, from + 3).flatMap((indices) => [...indices.subarray(0, 2)]);
  for (const from of [0, 3]) assert.deepEqual(ofZero(from).sort(), [0, 1, 2, 3, 4, 5]);
  assert.notDeepEqual(ofZero(0), ofZero(3), "the second epoch has an order of its own");
  assert.deepEqual(new BalancedBatches({ labels }, 3, 4, 9).indices(5), seen[5]);
  assert.notDeepEqual(new BalancedBatches({ labels }, 3, 4, 8).indices(0), seen[0]);
});

Deno.test("BalancedBatches refuses a class without images", () => {
  assert.throws(
    () => new BalancedBatches({ labels: Uint8Array.of(0, 2) }, 3, 2, 1),
    /^RangeError: Cannot cut minibatches of as many images a class: got none of class 1, expected some/,
  );
});
