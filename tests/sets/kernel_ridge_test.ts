/** Kernel ridge regression: its gradient against central differences, solved labels, and what cannot be solved. */
import assert from "node:assert/strict";
import { LabelSolve, matrixOf, regressionGradient, Ridge } from "../../src/sets/kernel_ridge.ts";
import { gradient, random } from "../oracle/numeric.ts";

const [m, n, K] = [7, 4, 3];
const REG = 0.05;

/** A symmetric positive definite matrix [n, n]. */
function positiveDefinite(seed: number): Float64Array {
  const root = random(n * n, seed);
  return Float64Array.from({ length: n * n }, (_, i) => {
    let sum = i % (n + 1) === 0 ? 0.5 : 0;
    for (let k = 0; k < n; k++) sum += root[Math.floor(i / n) * n + k]! * root[i % n * n + k]!;
    return sum;
  });
}

const given = {
  kts: random(m * n, 1),
  kss: positiveDefinite(2),
  labels: random(n * K, 3),
  targets: random(m * K, 4),
};

function at(changed: Partial<typeof given>) {
  const { kts, kss, labels, targets } = { ...given, ...changed };
  return regressionGradient({
    kts: { data: kts, rows: m, columns: n },
    kss: { data: kss, rows: n, columns: n },
    labels: { data: labels, rows: n, columns: K },
    targets: { data: targets, rows: m, columns: K },
    reg: REG,
  });
}

function assertNear(what: string, actual: number[], expected: Float64Array): void {
  expected.forEach((value, i) => {
    assert.ok(Math.abs(actual[i]! - value) < 1e-9, `${what}[${i}]: ${actual[i]}, not ${value}`);
  });
}

Deno.test("regressionGradient: by central differences in kernels and labels", () => {
  const found = at({});
  assertNear(
    "∂L/∂K_ts",
    found.ktsBar.to1DArray(),
    gradient((kts) => at({ kts }).loss, given.kts),
  );
  assertNear(
    "∂L/∂y_s",
    found.labelsBar.to1DArray(),
    gradient((labels) => at({ labels }).loss, given.labels),
  );
  // An entry that moves alone is made symmetric: it counts half, and its mirror image half.
  assertNear(
    "∂L/∂K_ss",
    found.kssBar.to1DArray(),
    gradient((kss) => at({ kss }).loss, given.kss),
  );
});

Deno.test("regressionGradient: rows may lie further apart than they are long", () => {
  const pitch = n + 3;
  const spread = new Float64Array(m * pitch).fill(NaN);
  for (let i = 0; i < m * n; i++) spread[Math.floor(i / n) * pitch + i % n] = given.kts[i]!;
  const rows = { data: spread, rows: m, columns: n, pitch };
  assert.deepEqual(matrixOf(rows).to1DArray(), [...given.kts]);
});

Deno.test("LabelSolve: no other labels err less on the targets", () => {
  const kts = matrixOf({ data: given.kts, rows: m, columns: n });
  const targets = matrixOf({ data: given.targets, rows: m, columns: K });
  const solve = new LabelSolve(n, K);
  const half = [0, 1, 2];
  const rest = [3, 4, 5, 6];
  for (const rows of [half, rest]) {
    const of = (matrix: typeof kts, columns: number) =>
      matrix.selection(rows, Array.from({ length: columns }, (_, i) => i));
    solve.add(matrixOf(rowsOf(of(kts, n))), matrixOf(rowsOf(of(targets, K))));
  }
  const ridge = new Ridge({ data: given.kss, rows: n, columns: n }, REG);
  const labels = Float64Array.from(solve.labels(ridge).to1DArray());
  const slope = at({ labels }).labelsBar.to1DArray();
  assert.ok(slope.every((value) => Math.abs(value) < 1e-12), `${slope}`);
  assert.ok(at({ labels }).loss < at({}).loss);
});

function rowsOf(matrix: { to1DArray(): number[]; rows: number; columns: number }) {
  return { data: matrix.to1DArray(), rows: matrix.rows, columns: matrix.columns };
}

Deno.test("Ridge: the same image twice is refused in a sentence where λ is too small", () => {
  const kss = { data: [1, 1, 1, 1], rows: 2, columns: 2 };
  assert.throws(
    () => new Ridge(kss, 1e-20),
    /^Error: Cannot solve kernel regression on 2 images: got a kernel that is singular in float32, .* raise reg \(now 1e-20\)$/,
  );
  assert.doesNotThrow(() => new Ridge(kss, 1e-6));
  assert.throws(() => new Ridge({ data: [NaN, 0, 0, 1], rows: 2, columns: 2 }, 1e-6), /not finite/);
});

Deno.test("LabelSolve: fewer targets than images are refused", () => {
  const solve = new LabelSolve(2, 1);
  solve.add(
    matrixOf({ data: [1, 2], rows: 1, columns: 2 }),
    matrixOf({ data: [1], rows: 1, columns: 1 }),
  );
  const ridge = new Ridge({ data: [1, 0, 0, 1], rows: 2, columns: 2 }, 1e-6);
  assert.throws(
    () => solve.labels(ridge),
    /^Error: Cannot solve for labels of 2 images: got targets/,
  );
});
