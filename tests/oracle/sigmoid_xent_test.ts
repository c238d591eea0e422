import assert from "node:assert/strict";
import { sigmoidXent } from "../../src/oracle/sigmoid_xent.ts";
import { checkLoss } from "./check_loss.ts";
import { assertClose, random } from "./numeric.ts";

const N = 7;
const Z = random(N, 1, 3);
const Y = random(N, 2).map(Math.abs);

checkLoss("sigmoidXent", sigmoidXent, Z, Y, N, 1);

Deno.test("sigmoidXent.value equals binary cross-entropy read literally", () => {
  let loss = 0;
  Z.forEach((z, n) => {
    const p = 1 / (1 + Math.exp(-z));
    loss -= (Y[n]! * Math.log(p) + (1 - Y[n]!) * Math.log(1 - p)) / N;
  });
  assertClose([sigmoidXent.value(Z, Y, N, 1)], [loss], 1e-14);
});

Deno.test("sigmoidXent stays exact for logits that overflow exp, and for losses near 0", () => {
  const [high, low, tiny] = [1000, -1000, -40].map((z) => Float64Array.of(z));
  const [zero, one] = [Float64Array.of(0), Float64Array.of(1)];
  assert.equal(sigmoidXent.value(high!, zero, 1, 1), 1000);
  assert.equal(sigmoidXent.value(high!, one, 1, 1), 0);
  assert.equal(sigmoidXent.value(low!, one, 1, 1), 1000);
  assertClose([sigmoidXent.value(tiny!, zero, 1, 1)], [Math.exp(-40)], 1e-15);
  assert.deepEqual(sigmoidXent.gradient(high!, zero, 1, 1), Float64Array.of(1));
  assert.deepEqual(sigmoidXent.gradient(low!, one, 1, 1), Float64Array.of(-1));
  assert.deepEqual(sigmoidXent.tangent(high!, one, one, 1, 1), Float64Array.of(0));
  assert.deepEqual(sigmoidXent.tangent(low!, one, one, 1, 1), Float64Array.of(0));
});

Deno.test("sigmoidXent.hits are images whose z is above 0 just when y is above ½", () => {
  const z = Float64Array.of(0.1, 0.1, -3, -3, 0, 0, 2);
  const y = Float64Array.of(1, 0, 0, 0.6, 0.4, 1, 0.5);
  assert.deepEqual(sigmoidXent.hits(z, y, 7, 1), Uint8Array.of(1, 0, 1, 0, 1, 0, 0));
});

Deno.test("sigmoidXent refuses more than one output", () => {
  const z = new Float64Array(6);
  const error = {
    name: "RangeError",
    message: "Cannot take sigmoid_xent: got 3 outputs an image, expected 1",
  };
  assert.throws(() => sigmoidXent.value(z, z, 2, 3), error);
  assert.throws(() => sigmoidXent.gradient(z, z, 2, 3), error);
  assert.throws(() => sigmoidXent.tangent(z, z, z, 2, 3), error);
  assert.throws(() => sigmoidXent.labelTangent(z, z, z, 2, 3), error);
  assert.throws(() => sigmoidXent.hits(z, z, 2, 3), error);
});
