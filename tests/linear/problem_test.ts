/** Problem: tables normalised for a model without bias, drawn again from their seed, and refused. */
import assert from "node:assert/strict";
import type { Regression } from "../../src/data/regression.ts";
import { drawnRegression, linearProblem } from "../../src/linear/problem.ts";
import { gpuTest } from "../support/device.ts";

const TABLE: Regression = {
  columns: ["a", "b"],
  target: "price",
  rows: 4,
  inputs: Float64Array.of(1, 2e9, 2, 2e9 + 1, 3, 2e9, 4, 2e9 + 1),
  targets: Float64Array.of(10, 10, 30, 30),
};

Deno.test("linearProblem takes mean and scale out of every column, before it rounds", () => {
  const { rows, dims, inputs, targets } = linearProblem(TABLE);
  assert.deepEqual([rows, dims], [4, 2]);
  const [near, far] = [0.5, 1.5].map((value) => Math.fround(value / Math.sqrt(1.25)));
  assert.deepEqual([...inputs], [-far!, -1, -near!, 1, near!, -1, far!, 1]);
  assert.deepEqual([...targets], [-1, -1, 1, 1]);
});

Deno.test("linearProblem refuses too few rows, too much, and columns that do not vary", () => {
  const refuse = (table: Partial<Regression>, message: RegExp) =>
    assert.throws(() => linearProblem({ ...TABLE, ...table }), { name: "RangeError", message });
  refuse({ rows: 2 }, /^Cannot fit price: got 2 rows for 2 columns, expected more rows than/);
  refuse({ rows: 10_001 }, /got 10001 rows of 2 columns, expected at most 10000 of 64; take/);
  const columns = Array.from({ length: 65 }, (_, i) => `c${i}`);
  refuse({ columns, rows: 100 }, /got 100 rows of 65 columns, expected at most 10000 of 64; take/);
  const flat = Float64Array.of(1, 5, 2, 5, 3, 5, 4, 5);
  refuse({ inputs: flat }, /^Cannot fit column b: got 5 in every row, expected two values/);
  refuse({ targets: new Float64Array(4) }, /^Cannot fit column price: got 0 in every row/);
});

gpuTest("drawnRegression draws the same from the same seed", async (device) => {
  const draw = (seed: number) => drawnRegression(device, { rows: 500, dims: 3, seed });
  const [first, again, other] = [await draw(5), await draw(5), await draw(6)];
  assert.deepEqual(first, again);
  assert.notDeepEqual(first.targets, other.targets);
  assert.deepEqual([first.columns, first.target, first.rows], [["x1", "x2", "x3"], "t", 500]);
  const variance = first.inputs.reduce((sum, value) => sum + value ** 2, 0) / 1500;
  assert.ok(Math.abs(variance - 1) < 0.1, `${variance}`); // its deviation is √(2/1500)
});
