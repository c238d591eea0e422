/** strategies_test: the rates of each strategy, against numbers worked out by hand. */
import assert from "node:assert/strict";
import { ratesBy } from "../../src/evaluate/strategies.ts";

/** Two blocks, two epochs. */
const RECORDED = { rates: Float32Array.of(0.5, 0.25, 1, 2), blocks: 2, optimizer: "gd" } as const;

function expectClose(actual: ArrayLike<number>, expected: Readonly<Record<number, number>>) {
  for (const [t, rate] of Object.entries(expected)) {
    const error = Math.abs(actual[Number(t)]! - rate) / rate;
    assert.ok(error < 1e-6, `step ${t}: got ${actual[Number(t)]}, expected ${rate}`);
  }
}

Deno.test("raw: the recorded rates", () => {
  assert.deepEqual(ratesBy("raw", RECORDED), RECORDED.rates);
});

Deno.test("strategy 1: 50 epochs that rise by a tenth ten times and then fall, whatever was learned", () => {
  const rates = ratesBy("1", RECORDED);
  assert.equal(rates.length, 100);
  const peak = 0.77812273803; // 0.3 · 1.1^10
  expectClose(rates, { 0: 0.3, 1: 0.3, 2: 0.33, 3: 0.33, 4: 0.363, 18: 0.70738430730, 20: peak });
  expectClose(rates, { 21: peak, 22: 0.73921660113, 24: 0.70225577107 }); // · 0.95, · 0.95²
  expectClose(rates, { 98: 0.1052612959, 99: 0.1052612959 }); // peak · 0.95^39
  const other = ratesBy("1", { rates: Float32Array.of(9, 9, 9), blocks: 1, optimizer: "gd" });
  assert.equal(other.length, 50);
  expectClose(other, { 0: 0.3, 10: peak });
});

Deno.test("strategy 2: the recorded rates ten times over, each time nine tenths", () => {
  const rates = ratesBy("2", RECORDED);
  assert.equal(rates.length, 40);
  expectClose(rates, { 0: 0.5, 1: 0.25, 2: 1, 3: 2, 4: 0.45, 5: 0.225, 7: 1.8, 10: 0.81 });
  expectClose(rates, { 36: 0.5 * 0.387420489, 39: 2 * 0.387420489 }); // 0.9^9
});

Deno.test("strategy 3: the last epoch again and again, each time 98 hundredths, as long as strategy 2", () => {
  const rates = ratesBy("3", RECORDED);
  assert.equal(rates.length, 40);
  expectClose(rates, { 0: 0.5, 1: 0.25, 2: 1, 3: 2, 4: 0.98, 5: 1.96, 6: 0.9604, 7: 1.9208 });
  expectClose(rates, { 38: 0.6951353230, 39: 1.3902706460 }); // 0.98^18
});

Deno.test("strategies refuse what their rates are not for", () => {
  assert.throws(() => ratesBy("1", { ...RECORDED, optimizer: "adam" }), {
    name: "UsageError",
    message:
      "Cannot train by strategy 1: got an artifact of optimizer adam, expected gd, which its " +
      "rates are for; use strategy raw",
  });
  const odd = { rates: Float32Array.of(1, 1, 1), blocks: 2, optimizer: "adam" } as const;
  assert.deepEqual(ratesBy("raw", odd), odd.rates);
  for (const strategy of ["2", "3"] as const) {
    assert.throws(() => ratesBy(strategy, odd), {
      name: "UsageError",
      message: `Cannot train by strategy ${strategy}: got 3 recorded steps on 2 blocks, expected ` +
        "whole epochs; use strategy raw",
    });
  }
});
