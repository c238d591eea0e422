/** row_distance_test: distances and their derivative against the float64 twin and its central differences. */
import assert from "node:assert/strict";
import type { Parameter } from "../../src/layers/op.ts";
import { type RowDistance, rowDistance } from "../../src/ops/row_distance.ts";
import { rowDistance as twin, squaredDistance } from "../../src/oracle/row_distance.ts";
import { gradient, random } from "../oracle/numeric.ts";
import { assertClose } from "../support/close.ts";
import { gpuTest } from "../support/device.ts";
import { rounded } from "../support/layout.ts";
import { run } from "../support/record.ts";

const [R, ROWS, LENGTH, PITCH, AT, P] = [3, 5, 10, 12, 4, 72];
const WEIGHT: Parameter = {
  name: "weight",
  shape: [ROWS, 5, 2],
  at: AT,
  pitch: PITCH,
  fanIn: 10,
  fanOut: 5,
  initial: "weight",
};

/** Rows of the weight in a slice [P]. */
function rowsOf(slice: ArrayLike<number>): Float64Array {
  const rows = Array.from({ length: ROWS * LENGTH }, (_, i) => {
    return slice[AT + Math.floor(i / LENGTH) * PITCH + i % LENGTH]!;
  });
  return Float64Array.from(rows);
}

async function distances(
  device: Parameters<Parameters<typeof gpuTest>[1]>[0],
  scale = 1,
  kind: RowDistance = "cosine",
) {
  const of = (seed: number) => rounded(random(R * P, seed, scale));
  const [p, q] = [of(1), of(2)];
  using a = device.tensor([R, P]).write(Float32Array.from(p));
  using b = device.tensor([R, P]).write(Float32Array.from(q));
  using u = device.tensor([R, P]).write(new Float32Array(R * P).fill(7));
  using distance = device.tensor([R, ROWS]);
  run(device, (record) => rowDistance(record, { a, b, u, distance }, WEIGHT, kind));
  const slices = (all: ArrayLike<number>) =>
    Array.from({ length: R }, (_, r) => rowsOf(Array.from(all).slice(r * P, (r + 1) * P)));
  const words = await u.read();
  return {
    a: slices(p),
    b: slices(q),
    u: slices(words),
    rest: words.filter((word) => word === 7).length,
    distance: await distance.read(),
  };
}

gpuTest("rowDistance: 1 minus the cosine of each row, of each network", async (device) => {
  for (const scale of [1, 1e-4]) { // with small numbers the constant of the denominator counts
    const { a, b, distance } = await distances(device, scale);
    const row = (array: Float64Array, i: number) => array.subarray(i * LENGTH, (i + 1) * LENGTH);
    const expected = Array.from({ length: R * ROWS }, (_, i) => {
      const r = Math.floor(i / ROWS);
      return twin(row(a[r]!, i % ROWS), row(b[r]!, i % ROWS), 1);
    });
    assertClose(`distances at ${scale}`, distance, expected, LENGTH);
  }
});

gpuTest("rowDistance: u is the derivative in a, and nothing else is written", async (device) => {
  const { a, b, u, rest } = await distances(device);
  assert.equal(rest, R * (P - ROWS * LENGTH));
  a.forEach((slice, r) => {
    const expected = gradient((moved) => twin(moved, b[r]!, ROWS), slice);
    assertClose(`u of network ${r}`, u[r]!, expected, LENGTH);
  });
});

gpuTest("rowDistance: of a row of zeros, −b / 1e-6", async (device) => {
  using a = device.tensor([1, P]);
  const of = Float32Array.from(random(P, 3));
  using b = device.tensor([1, P]).write(of);
  using u = device.tensor([1, P]);
  using distance = device.tensor([1, ROWS]);
  run(device, (record) => rowDistance(record, { a, b, u, distance }, WEIGHT, "cosine"));
  assert.deepEqual([...await distance.read()], Array(ROWS).fill(1));
  const expected = rowsOf(of).map((value) => value * -1e6);
  assertClose("u", rowsOf(await u.read()), expected, 1);
});

gpuTest("rowDistance: squared, and twice the difference", async (device) => {
  const { a, b, u, distance, rest } = await distances(device, 1, "squared");
  assert.equal(rest, R * (P - ROWS * LENGTH));
  const row = (array: Float64Array, i: number) => array.subarray(i * LENGTH, (i + 1) * LENGTH);
  const expected = Array.from({ length: R * ROWS }, (_, i) => {
    const r = Math.floor(i / ROWS);
    return squaredDistance(row(a[r]!, i % ROWS), row(b[r]!, i % ROWS));
  });
  assertClose("distances", distance, expected, LENGTH);
  a.forEach((slice, r) => {
    assertClose(`u of network ${r}`, u[r]!, slice.map((p, i) => 2 * (p - b[r]![i]!)), 1);
  });
});
