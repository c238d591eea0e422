/** Closed form: it reaches θ* from any θ₀, its identities hold, and fewer points break them. */
import assert from "node:assert/strict";
import { Matrix } from "@mathigon/fermat";
import { closedForm, hessianOf, remainderOf } from "../../src/linear/closed_form.ts";
import { heldOut, linearNet, type Points } from "../../src/linear/points.ts";
import { LinearTheory } from "../../src/linear/theory.ts";
import { random } from "../oracle/numeric.ts";
import { gpuTest } from "../support/device.ts";
import { smallProblem } from "./problems.ts";

/** θ₀ − (η/M) d̃ᵀ(d̃θ₀ − t̃), point by point. */
function step({ count, inputs, targets, rate }: Points, theta: readonly number[]): number[] {
  const after = [...theta];
  for (let m = 0; m < count; m++) {
    const row = theta.map((_, i) => inputs[m * theta.length + i]!);
    const error = row.reduce((sum, value, i) => sum + value * theta[i]!, -targets[m]!);
    row.forEach((value, i) => after[i]! -= rate / count * error * value);
  }
  return after;
}

/** What is orthogonal to two rows of three numbers. */
function cross(a: readonly number[], b: readonly number[]): number[] {
  return [0, 1, 2].map((i) => {
    const [j, k] = [(i + 1) % 3, (i + 2) % 3];
    return a[j]! * b[k]! - a[k]! * b[j]!;
  });
}

Deno.test("closedForm: one step reaches the global minimum from any network", () => {
  for (const [rows, dims] of [[5, 1], [9, 2], [40, 7]] as const) {
    const problem = smallProblem(rows, dims);
    const { optimum } = new LinearTheory(problem);
    const { points } = closedForm(problem, optimum);
    assert.equal(points.count, dims);
    for (const scale of [0, 1, 1000]) {
      const after = step(points, [...random(dims, rows, scale)]);
      const off = Math.max(...after.map((value, i) => Math.abs(value - optimum[i]!)));
      assert.ok(off < 1e-14 * (1 + scale), `${dims} columns, networks of ${scale}: off by ${off}`);
    }
  }
});

Deno.test("closedForm: dᵀd(I − H) = 0, det H = 1, and (dᵀd)⁻¹dᵀt = θ*", () => {
  for (const [rows, dims] of [[9, 1], [9, 2], [9, 3], [50, 8]] as const) {
    const problem = smallProblem(rows, dims);
    const found = closedForm(problem, new LinearTheory(problem).optimum);
    assert.ok(found.remainder < 1e-15, `${found.remainder}`);
    assert.ok(Math.abs(found.determinant - 1) < 1e-14, `${found.determinant}`);
    assert.ok(found.optimum < 1e-13, `${found.optimum}`);
    const elsewhere = closedForm(problem, [...random(dims, 1)]);
    assert.ok(elsewhere.optimum > 0.01);
  }
});

Deno.test("two points for three columns: det H = 0, so dᵀd(I − H) is not 0", () => {
  const { rows, inputs } = smallProblem(9, 3);
  const d = Array.from({ length: rows }, (_, n) => [...inputs.subarray(3 * n, 3 * n + 3)]);
  const gram = Matrix.product(Matrix.transpose(d), d);
  assert.ok(Matrix.determinant(gram) > 1); // full rank
  for (let seed = 0; seed < 20; seed++) {
    const points = { count: 2, inputs: [...random(6, seed, 2)], targets: [0, 0], rate: 0.7 };
    const hessian = hessianOf(points);
    assert.ok(Math.abs(Matrix.determinant(hessian)) < 1e-14);
    // (dᵀd)⁻¹ · dᵀd(I − H) is I − H, which leaves what is orthogonal to both rows as it is.
    const rest = Matrix.product(Matrix.inverse(gram), remainderOf(gram, points));
    const normal = cross(points.inputs.slice(0, 3), points.inputs.slice(3));
    const left = Matrix.product(rest, normal.map((value) => [value]));
    left.forEach(([value], i) => assert.ok(Math.abs(value! - normal[i]!) < 1e-12));
  }
});

gpuTest("the closed form on the GPU leaves what float32 rounds", async (device) => {
  const problem = smallProblem(30, 5);
  const theory = new LinearTheory(problem);
  const { points } = closedForm(problem, theory.optimum);
  const net = linearNet(device, 5);
  const { before, after } = await heldOut(net, { points, networks: 300, seed: 2 });
  assert.deepEqual([before.length, after.length, before[0]!.length], [300, 300, 5]);
  const mean = before.flat().reduce((sum, value) => sum + value, 0) / 1500;
  assert.ok(Math.abs(mean) < 0.1 && mean !== 0, `networks have mean ${mean}`);
  const share = theory.excess(after) / theory.excess(before);
  assert.ok(share < 1e-12, `${share}`);
});
