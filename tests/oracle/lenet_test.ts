import assert from "node:assert/strict";
import { lenet } from "../../src/oracle/lenet.ts";
import { oracleNet } from "../../src/oracle/net.ts";
import { dot } from "../../src/oracle/vector.ts";
import { assertClose, random } from "./numeric.ts";

Deno.test("lenet() has the parameters and sizes of the original", () => {
  const mnist = lenet();
  assert.deepEqual([mnist.params, mnist.inSize, mnist.outSize], [61_706, 784, 10]);
  const color = lenet({ C: 3, size: 32 });
  assert.deepEqual([color.params, color.inSize, color.outSize], [62_006, 3072, 10]);
  assert.equal(lenet({ classes: 7 }).params, 61_706 - 3 * 85);
});

Deno.test("lenet() of 28 × 28 equals 32 × 32 on the image padded with zeros", () => {
  const theta = random(61_706, 1, 0.1);
  const image = random(28 * 28, 2);
  const padded = new Float64Array(32 * 32);
  for (let row = 0; row < 28; row++) {
    padded.set(image.subarray(row * 28, row * 28 + 28), (row + 2) * 32 + 2);
  }
  const z = lenet().fwd(image, theta, 1);
  assertClose(z, lenet({ size: 32 }).fwd(padded, theta, 1), 1e-12);
  assert.ok(z.some((value) => Math.abs(value - z[0]!) > 1e-3));
});

Deno.test("lenet() has a symmetric Hessian", () => {
  const net = oracleNet(lenet());
  const theta = random(61_706, 1, 0.1);
  const u = random(61_706, 2);
  const v = random(61_706, 3);
  const x = random(2 * 784, 4);
  const y = random(2 * 10, 5);
  const uHv = dot(u, net.hvp(theta, v, x, y, 2).thetaBarDot);
  const vHu = dot(v, net.hvp(theta, u, x, y, 2).thetaBarDot);
  assert.notEqual(uHv, 0);
  assertClose([uHv], [vHu], 1e-10);
});

Deno.test("lenet() refuses a size it has no plan for", () => {
  assert.throws(() => lenet({ size: 30 }), {
    name: "RangeError",
    message: "Cannot build lenet: got size 30, expected 28 or 32",
  });
});
