import assert from "node:assert/strict";
import { relu } from "../../src/oracle/relu.ts";
import { checkLayer } from "./check_layer.ts";
import { random } from "./numeric.ts";

const OFF_ZERO = random(3 * 7, 1).map((value) => value + 0.2 * (value < 0 ? -1 : 1));
const NO_PARAMS = new Float64Array(0);

checkLayer("relu()", relu(7), OFF_ZERO, 3);

Deno.test("relu() fwd keeps the positive part", () => {
  const y = relu(4).fwd(Float64Array.of(-2, 3, 0, 0.5), NO_PARAMS, 1);
  assert.deepEqual(y, Float64Array.of(0, 3, 0, 0.5));
});

Deno.test("relu() vjp is 0 at 0", () => {
  const { xBar } = relu(1).vjp(Float64Array.of(0), NO_PARAMS, Float64Array.of(5), 1);
  assert.deepEqual(xBar, Float64Array.of(0));
});
