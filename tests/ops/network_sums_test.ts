import assert from "node:assert/strict";
import type { Tensor } from "../../src/gpu/mod.ts";
import { MOST_TURNS } from "../../src/gpu/mod.ts";
import { addSums, meanOfNetworks } from "../../src/ops/network_sums.ts";
import { random } from "../oracle/numeric.ts";
import { assertClose } from "../support/close.ts";
import { gpuTest } from "../support/device.ts";
import { rounded } from "../support/layout.ts";
import { load, run } from "../support/record.ts";

const R = 3;

/** Σ of each network's part of [R, …]. */
function sumsOf(a: Float64Array): Float64Array {
  const each = a.length / R;
  return Float64Array.from({ length: R }, (_, r) => {
    return a.subarray(r * each, (r + 1) * each).reduce((x, y) => x + y, 0);
  });
}

gpuTest("addSums: out[r] += Σ a[r], or that divided by η", async (device) => {
  for (const each of [1, 7, 1333]) {
    const numbers = rounded(random(R * each, 1, 2).map((value) => value + 0.5));
    const start = [0.25, -3, 8];
    using a = load(device, numbers);
    using eta = load(device, [0.375, 99]);
    const expected = (divisor: number) =>
      sumsOf(numbers).map((sum, r) => start[r]! + sum / divisor);
    for (const [what, divisor] of [["sums", 1], ["quotients", 0.375]] as const) {
      using out = load(device, [...start, 7]);
      run(device, (record) => {
        addSums(record, { a, out, ...(divisor !== 1 && { eta }) }, R);
      });
      const words = await out.read();
      assertClose(`${what} of ${each}`, words.subarray(0, R), expected(divisor), each);
      assert.equal(words[R], 7, "a word past the networks was written");
    }
  }
});

gpuTest("addSums adds up as many numbers as it says, and refuses more", async (device) => {
  using a = load(device, new Float32Array(2 * MOST_TURNS).fill(1));
  using out = load(device, [1, 2]);
  run(device, (record) => addSums(record, { a, out }, 2));
  assert.deepEqual([...await out.read()], [MOST_TURNS + 1, MOST_TURNS + 2]);
  const more = { device, size: 2 * MOST_TURNS + 2 } as Tensor;
  assert.throws(() => addSums(device.record(), { a: more, out }, 2), {
    name: "RangeError",
    message:
      "Cannot add up numbers of a network: got 60001, expected at most 60000; use fewer images",
  });
});

gpuTest(
  "meanOfNetworks: each block's mean, in the order of networks, and no more",
  async (device) => {
    for (
      const [blocks, length, from, to] of [[1, 1, 64, 64], [2, 37, 128, 64], [3, 130, 448, 192]]
    ) {
      const numbers = new Float64Array(blocks! * from!).fill(99);
      const expected = new Float32Array(blocks! * to!).fill(5);
      for (let b = 0; b < blocks!; b++) {
        const block = rounded(random(R * length!, 10 + b, 3));
        numbers.set(block, b * from!);
        for (let i = 0; i < length!; i++) {
          let sum = 0;
          for (let r = 0; r < R; r++) sum = Math.fround(sum + block[r * length! + i]!);
          expected[b * to! + i] = sum / R;
        }
      }
      using a = load(device, numbers);
      using out = load(device, new Float32Array(blocks! * to!).fill(5));
      const layout = { blocks: blocks!, length: length!, from: from!, to: to! };
      run(device, (record) => meanOfNetworks(record, { a, out }, R, layout));
      const words = await out.read();
      // An adapter may round a quotient by one unit in the last place, a sum it may not.
      assertClose(`${blocks} × ${length}`, words, expected, 1);
      const untouched = (_: number, i: number) => i % to! >= length!;
      assert.deepEqual(words.filter(untouched), expected.filter(untouched), "padding was written");
    }
  },
);

gpuTest("meanOfNetworks of one network is that network, to the bit", async (device) => {
  const numbers = rounded(random(257, 4, 5));
  using a = load(device, numbers);
  using out = load(device, new Float32Array(257));
  const layout = { blocks: 1, length: 257, from: 257, to: 257 };
  run(device, (record) => meanOfNetworks(record, { a, out }, 1, layout));
  assert.deepEqual(await out.read(), Float32Array.from(numbers));
});
