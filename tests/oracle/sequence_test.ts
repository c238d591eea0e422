import assert from "node:assert/strict";
import { conv2d } from "../../src/oracle/conv2d.ts";
import { dense } from "../../src/oracle/dense.ts";
import { sequence } from "../../src/oracle/layer.ts";
import { maxPool } from "../../src/oracle/max_pool.ts";
import { relu } from "../../src/oracle/relu.ts";
import { checkLayer } from "./check_layer.ts";
import { random } from "./numeric.ts";

const CONV = conv2d({ C: 2, H: 3, V: 4, O: 4, K: 2, PAD: 0 });
const LAYERS = [CONV, sequence([relu(4 * 2 * 3), dense({ C: 4 * 2 * 3, O: 5 })], "tail")];
const X = random(3 * 2 * 3 * 4, 1);

checkLayer("sequence()", sequence(LAYERS), X, 3, offKinks());
checkLayer("sequence() of one layer", sequence([CONV]), X, 3);

Deno.test("sequence() has the parameters of its layers in order", () => {
  const [first, second] = [dense({ C: 2, O: 3 }), dense({ C: 3, O: 1 })];
  const both = sequence([first, second], "both");
  const x = Float64Array.of(2, -1);
  const w = random(both.params, 2);
  const hidden = first.fwd(x, w.subarray(0, first.params), 1);
  assert.equal(both.name, "both");
  assert.equal(both.params, 9 + 4);
  assert.deepEqual([both.inSize, both.outSize], [2, 1]);
  assert.deepEqual(both.fwd(x, w, 1), second.fwd(hidden, w.subarray(first.params), 1));
});

Deno.test("sequence() refuses layers whose sizes do not meet", () => {
  const pool = maxPool({ C: 1, H: 4, V: 4, SIZE: 2 });
  assert.throws(() => sequence([pool, relu(5)]), {
    name: "RangeError",
    message: /got maxPool with 4 outputs an image before relu, expected 5/,
  });
});

Deno.test("sequence() refuses to be empty", () => {
  assert.throws(() => sequence([]), { name: "RangeError", message: /got 0 layers/ });
});

/** Weights with |Σ x·w| ≤ 8 · 0.3 under biases of ±3: every relu is at least 0.6 from its kink. */
function offKinks(): Float64Array {
  const w = random(CONV.params + LAYERS[1]!.params, 3, 0.3);
  w.set([3, -3, 3, 3], CONV.params - 4);
  return w;
}
