import assert from "node:assert/strict";
import { dense } from "../../src/oracle/dense.ts";
import { checkLayer } from "./check_layer.ts";
import { random } from "./numeric.ts";

checkLayer("dense()", dense({ C: 5, O: 7 }), random(3 * 5, 1), 3);
checkLayer("dense() without bias", dense({ C: 5, O: 7, bias: false }), random(3 * 5, 1), 3);

Deno.test("dense() fwd equals a matrix product computed by hand", () => {
  const x = Float64Array.of(1, 2, 3, 4, 5, 6);
  const w = Float64Array.of(1, 10, 100, 2, 20, 200, 0.5, 0.25);
  assert.deepEqual(
    dense({ C: 3, O: 2 }).fwd(x, w, 2),
    Float64Array.of(321.5, 642.25, 654.5, 1308.25),
  );
  assert.deepEqual(
    dense({ C: 3, O: 2, bias: false }).fwd(x, w.subarray(0, 6), 2),
    Float64Array.of(321, 642, 654, 1308),
  );
});
