import assert from "node:assert/strict";
import { softmaxXent } from "../../src/oracle/softmax_xent.ts";
import { checkLoss } from "./check_loss.ts";
import { assertClose, random } from "./numeric.ts";

const N = 3;
const K = 5;
const Z = random(N * K, 1, 3);
const Y = random(N * K, 2); // no row sums to 1

checkLoss("softmaxXent", softmaxXent, Z, Y, N, K);

Deno.test("softmaxXent.value of equal logits is log K", () => {
  const y = Float64Array.of(0, 1, 0, 0, 0.25, 0.75);
  assertClose([softmaxXent.value(new Float64Array(6), y, 2, 3)], [Math.log(3)], 1e-15);
});

Deno.test("softmaxXent.value equals its formula read literally", () => {
  let loss = 0;
  for (let n = 0; n < N; n++) {
    const z = [...Z.subarray(n * K, n * K + K)];
    const sum = z.reduce((total, value) => total + Math.exp(value), 0);
    z.forEach((value, k) => loss -= Y[n * K + k]! * Math.log(Math.exp(value) / sum) / N);
  }
  assertClose([softmaxXent.value(Z, Y, N, K)], [loss], 1e-13);
});

Deno.test("softmaxXent stays finite for logits that overflow exp", () => {
  const z = Float64Array.of(1000, 0, -1000);
  const y = Float64Array.of(0, 0, 1);
  const zDot = Float64Array.of(1, 2, 3);
  assert.equal(softmaxXent.value(z, y, 1, 3), 2000);
  assert.deepEqual(softmaxXent.gradient(z, y, 1, 3), Float64Array.of(1, 0, -1));
  assert.deepEqual(softmaxXent.tangent(z, zDot, y, 1, 3), Float64Array.of(0, 0, 0));
  assertClose(softmaxXent.labelTangent(z, zDot, y, 1, 3), [0, -1, -2]);
});

Deno.test("softmaxXent.hits are images with the largest of z where that of y is", () => {
  const z = Float64Array.of(-3, -1, -2, 0, 4, 5, 2, 2, 1, 1, 2, 2);
  const y = Float64Array.of(0.1, 0.6, 0.3, 0, 1, 0, 0.5, 0.5, 0, 0, 0, 1);
  assert.deepEqual(softmaxXent.hits(z, y, 4, 3), Uint8Array.of(1, 0, 1, 0));
});
