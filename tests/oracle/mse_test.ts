import assert from "node:assert/strict";
import { mse } from "../../src/oracle/mse.ts";
import { checkLoss } from "./check_loss.ts";
import { random } from "./numeric.ts";

checkLoss("mse", mse, random(3 * 5, 1, 3), random(3 * 5, 2), 3, 5);
checkLoss("mse of one output", mse, random(7, 3, 3), random(7, 4), 7, 1);

Deno.test("mse.value is half the squared distance, a mean over images only", () => {
  const z = Float64Array.of(1, 2, 3, 4, 5, 6);
  const y = Float64Array.of(1, 0, 0, 4, 6, 4);
  assert.equal(mse.value(z, y, 2, 3), (4 + 9 + 1 + 4) / 4);
  assert.equal(mse.value(z, y, 6, 1), (4 + 9 + 1 + 4) / 12);
});

Deno.test("mse.hits are images with the largest of z where that of y is", () => {
  const z = Float64Array.of(-3, -1, -2, 0, 4, 5, 2, 2, 1, 1, 2, 2);
  const y = Float64Array.of(0.1, 0.6, 0.3, 0, 1, 0, 0.5, 0.5, 0, 0, 0, 1);
  assert.deepEqual(mse.hits(z, y, 4, 3), Uint8Array.of(1, 0, 1, 0));
});

Deno.test("mse.hits of one output are images whose z is nearer than ½ to y", () => {
  const z = Float64Array.of(3.25, 3.5, 2.5, 2.75, -1);
  const y = Float64Array.of(3, 3, 3, 3, 1);
  assert.deepEqual(mse.hits(z, y, 5, 1), Uint8Array.of(1, 0, 0, 1, 0));
});
