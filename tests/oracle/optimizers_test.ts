import assert from "node:assert/strict";
import { oracleOptimizer, type OracleOptimizerSettings } from "../../src/oracle/optimizers/list.ts";
import type { OptimizerPoint } from "../../src/oracle/optimizers/optimizer.ts";
import { assertClose, random } from "./numeric.ts";

const L = 5;
const THETA = random(L, 1);
const GRADIENTS = [2, 3, 4, 5].map((seed) => random(L, seed));
const RATES = [0.1, 0.03, 0.2, 0.07];

/** The points of a training from zero state, the first and those after each of the gradients. */
function points(settings: OracleOptimizerSettings): OptimizerPoint[] {
  const optimizer = oracleOptimizer(settings);
  const state = Array.from({ length: optimizer.slots }, () => new Float64Array(L));
  const points: OptimizerPoint[] = [{ theta: THETA, state }];
  GRADIENTS.forEach((g, t) => points.push(optimizer.step(points[t]!, { g, eta: RATES[t]!, t })));
  return points;
}

/** Σ_{k ≤ t} β^{t−k}·value(g_k) of coordinate i. */
function decayed(beta: number, t: number, i: number, value = (g: number) => g): number {
  return GRADIENTS.slice(0, t + 1).reduce((sum, g, k) => sum + beta ** (t - k) * value(g[i]!), 0);
}

/** θ after every step, minus η_t times the direction at each. */
function assertMoves(
  at: readonly OptimizerPoint[],
  direction: (t: number, i: number) => number,
): void {
  const theta = THETA.slice();
  RATES.forEach((eta, t) => {
    theta.forEach((_, i) => theta[i]! -= eta * direction(t, i));
    assertClose(at[t + 1]!.theta, theta, 1e-14);
  });
}

Deno.test("gd: θ moves by −ηg", () => {
  assertMoves(points({ kind: "gd" }), (t, i) => GRADIENTS[t]![i]!);
});

Deno.test("momentum: the velocity is the sum of gradients, decayed by μ a step", () => {
  const at = points({ kind: "momentum", momentum: 0.7 });
  assertMoves(at, (t, i) => decayed(0.7, t, i));
  assertClose(at[4]!.state[0]!, THETA.map((_, i) => decayed(0.7, 3, i)), 1e-14);
});

Deno.test("adam: m̂ and v̂ are means of g and g², weighted by β a step", () => {
  const [beta1, beta2, epsRoot] = [0.8, 0.95, 1e-3];
  const weights = (beta: number, t: number) => (1 - beta ** (t + 1)) / (1 - beta);
  const at = points({ kind: "adam", beta1, beta2, epsRoot });
  assertMoves(at, (t, i) => {
    const mHat = decayed(beta1, t, i) / weights(beta1, t);
    const vHat = decayed(beta2, t, i, (g) => g * g) / weights(beta2, t);
    return mHat / (Math.sqrt(vHat + epsRoot) + 1e-8);
  });
  const [m, v] = at[4]!.state;
  assertClose(m!, THETA.map((_, i) => 0.2 * decayed(beta1, 3, i)), 1e-14);
  assertClose(v!, THETA.map((_, i) => 0.05 * decayed(beta2, 3, i, (g) => g * g)), 1e-14);
});

Deno.test("adam: β₁ .9, β₂ .99, ε_root 1e-6 when left out", () => {
  const named = { kind: "adam", beta1: 0.9, beta2: 0.99, epsRoot: 1e-6 } as const;
  assert.deepEqual(points({ kind: "adam" }), points(named));
});

Deno.test("adam: a zero gradient on zero state moves nothing and has finite derivatives", () => {
  const adam = oracleOptimizer({ kind: "adam" });
  const zero = new Float64Array(L);
  const at = { theta: THETA, state: [zero, zero] };
  const update = { g: zero, eta: 0.1, t: 0 };
  assert.deepEqual(adam.step(at, update), at);
  const lambda = random(L, 6);
  const { u, dEta } = adam.adjoint({ theta: lambda, state: [zero, zero] }, at, update);
  assert.equal(Math.abs(dEta), 0);
  assertClose(u, lambda.map((value) => -0.1 * value / (1e-3 + 1e-8)), 1e-14);
});
