/** Theory: the excess loss by its definition, what rows leave as a minimum, and the bounds around it. */
import assert from "node:assert/strict";
import { EigenvalueDecomposition, Matrix, solve } from "ml-matrix";
import { type LinearProblem, linearProblem } from "../../src/linear/problem.ts";
import { LinearTheory } from "../../src/linear/theory.ts";
import { random } from "../oracle/numeric.ts";
import { balancedNetworks, smallProblem } from "./problems.ts";

/** ‖dθ − t‖²/2N. */
function loss({ rows, dims, inputs, targets }: LinearProblem, theta: readonly number[]): number {
  let sum = 0;
  for (let n = 0; n < rows; n++) {
    const z = theta.reduce((z, weight, d) => z + weight * inputs[n * dims + d]!, 0);
    sum += (z - targets[n]!) ** 2;
  }
  return sum / (2 * rows);
}

function pointsOf(rows: number[][]) {
  return { count: rows.length, inputs: rows.flat(), targets: rows.map(() => 0), rate: 1 };
}

/** Rows along the eigenvectors of dᵀd with the largest eigenvalues. */
function largestEigenvectors({ rows, dims, inputs }: LinearProblem, count: number): number[][] {
  const d = Matrix.from1DArray(rows, dims, inputs);
  const { realEigenvalues, eigenvectorMatrix } = new EigenvalueDecomposition(
    d.transpose().mmul(d),
    { assumeSymmetric: true },
  );
  const order = realEigenvalues.map((_, i) => i)
    .sort((a, b) => realEigenvalues[b]! - realEigenvalues[a]!);
  return order.slice(0, count).map((i) => eigenvectorMatrix.getColumn(i));
}

const close = (got: number, expected: number, tolerance = 1e-12) =>
  assert.ok(
    Math.abs(got - expected) <= tolerance * (1 + Math.abs(expected)),
    `${got}, ${expected}`,
  );

Deno.test("excess is the loss above the least", () => {
  const problem = smallProblem(20, 4);
  const theory = new LinearTheory(problem);
  const least = loss(problem, theory.optimum);
  const thetas = [1, 2, 3].map((seed) => [...random(4, seed, 3)]);
  const mean = thetas.reduce((sum, theta) => sum + loss(problem, theta) - least, 0) / 3;
  close(theory.excess(thetas), mean);
  close(theory.excess([[...theory.optimum]]), 0);
  close(1 - 2 * least, theory.explained, 1e-7); // of targets with variance 1
  close(theory.eigenvalues.reduce((a, b) => a + b), 4, 1e-6); // of columns with variance 1
  assert.ok(theory.eigenvalues.every((value, i, all) => i === 0 || value <= all[i - 1]!));
});

Deno.test("outside is the least that updates within the rows leave", () => {
  const problem = smallProblem(20, 4);
  const theory = new LinearTheory(problem);
  const thetas = balancedNetworks(4);
  const rows = [[...random(4, 1)], [...random(4, 2)]];
  const outside = theory.outside(pointsOf(rows), thetas);
  // θ₁ = θ₀ − Rᵀ(K R θ₀ − k) for any symmetric K and any k: all that steps on these rows can do.
  const after = (k: Float64Array) =>
    thetas.map((theta) => {
      const [a, b] = rows.map((row) => row.reduce((sum, value, i) => sum + value * theta[i]!, 0));
      const move = [k[0]! * a! + k[1]! * b! - k[3]!, k[1]! * a! + k[2]! * b! - k[4]!];
      return theta.map((value, i) => value - rows[0]![i]! * move[0]! - rows[1]![i]! * move[1]!);
    });
  const excess = (k: Float64Array) => theory.excess(after(k));
  // The excess is quadratic in the five numbers: Newton's method is there in one step.
  const basis = Array.from(
    { length: 5 },
    (_, i) => Float64Array.from([0, 0, 0, 0, 0], (_, j) => +(i === j)),
  );
  const plus = (a: Float64Array, b: Float64Array) => a.map((value, i) => value + b[i]!);
  const zero = new Float64Array(5);
  const at0 = excess(zero);
  const gradient = basis.map((e) => (excess(e) - excess(e.map((v) => -v))) / 2);
  const hessian = basis.map((e) =>
    basis.map((f) => excess(plus(e, f)) - excess(e) - excess(f) + at0)
  );
  const best = solve(new Matrix(hessian), Matrix.columnVector(gradient).mul(-1)).to1DArray();
  const least = excess(Float64Array.from(best));
  close(outside, least, 1e-10);
  for (let seed = 0; seed < 5; seed++) assert.ok(excess(random(5, seed, 2)) > outside);
});

Deno.test("no rows leave less than the bound; eigenvectors leave what aligned says", () => {
  for (const mix of [0, 0.5, 3]) {
    const problem = smallProblem(40, 5, mix);
    const theory = new LinearTheory(problem);
    const thetas = balancedNetworks(5);
    for (let count = 1; count <= 4; count++) {
      const { bound, aligned } = theory.limits(count, thetas);
      assert.ok(bound <= aligned && bound > 0);
      close(theory.outside(pointsOf(largestEigenvectors(problem, count)), thetas), aligned);
      for (let seed = 0; seed < 10; seed++) {
        const rows = Array.from({ length: count }, (_, i) => [...random(5, 10 * seed + i)]);
        assert.ok(theory.outside(pointsOf(rows), thetas) >= bound);
      }
    }
    assert.deepEqual(theory.limits(5, thetas), { bound: 0, aligned: 0 });
    const six = Array.from({ length: 6 }, (_, i) => [...random(5, i)]);
    assert.equal(theory.outside(pointsOf(six), thetas), 0);
  }
});

Deno.test("of columns that do not depend on one another, θ₀'s energy outside is left", () => {
  // d of signs, all columns orthogonal: dᵀd = N·I. θ* = (0, 0.8, 0) but for noise of 0.6.
  const signs = Array.from({ length: 16 }, (_, n) => [1, 2, 4, 8].map((bit) => n & bit ? 1 : -1));
  const theory = new LinearTheory(linearProblem({
    columns: ["a", "b", "c"],
    target: "t",
    rows: 16,
    inputs: Float64Array.from(signs.flatMap((row) => row.slice(0, 3))),
    targets: Float64Array.from(signs, ([, b, , e]) => 0.8 * b! + 0.6 * e!),
  }));
  const thetas = balancedNetworks(3);
  close(theory.explained, 0.64, 1e-7);
  close(theory.excess(thetas), (3 + 0.64) / 2, 1e-7);
  const { bound, aligned } = theory.limits(1, thetas);
  close(bound, 2 / 2, 1e-7);
  close(theory.outside(pointsOf([[0, 5, 0]]), thetas), bound, 1e-7); // θ* is in its span
  close(theory.outside(pointsOf([[0, 0, 5]]), thetas), (2 + 0.64) / 2, 1e-7);
  assert.ok(aligned >= bound);
});

Deno.test("columns that follow from others are refused", () => {
  const inputs = random(60, 1);
  for (let n = 0; n < 60; n += 3) inputs[n + 2] = 2 * inputs[n]! - inputs[n + 1]!;
  const table = { columns: ["a", "b", "c"], target: "t", rows: 20, inputs, targets: random(20, 2) };
  assert.throws(() => new LinearTheory(linearProblem(table)), {
    name: "RangeError",
    message:
      "Cannot fit 3 columns: got 2 that do not follow from one another, expected all; leave out " +
      "columns that are sums or multiples of others",
  });
});
