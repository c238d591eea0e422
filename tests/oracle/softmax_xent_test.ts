import assert from "node:assert/strict";
import * as softmaxXent from "../../src/oracle/softmax_xent.ts";
import { dot } from "../../src/oracle/vector.ts";
import { assertClose, directional, gradient, moved, random } from "./numeric.ts";

const N = 3;
const K = 5;
const Z = random(N * K, 1, 3);
const Y = random(N * K, 2); // no row sums to 1
const Z_DOT = random(N * K, 3);
const Y_DOT = random(N * K, 4);

Deno.test("softmaxXent.fwd of equal logits is log K", () => {
  const y = Float64Array.of(0, 1, 0, 0, 0.25, 0.75);
  assertClose([softmaxXent.fwd(new Float64Array(6), y, 2, 3)], [Math.log(3)], 1e-15);
});

Deno.test("softmaxXent.fwd equals its formula read literally", () => {
  let loss = 0;
  for (let n = 0; n < N; n++) {
    const z = [...Z.subarray(n * K, n * K + K)];
    const sum = z.reduce((total, value) => total + Math.exp(value), 0);
    z.forEach((value, k) => loss -= Y[n * K + k]! * Math.log(Math.exp(value) / sum) / N);
  }
  assertClose([softmaxXent.fwd(Z, Y, N, K)], [loss], 1e-13);
});

Deno.test("softmaxXent.jvp matches central differences", () => {
  const lossDot = softmaxXent.jvp(Z, Z_DOT, Y, Y_DOT, N, K);
  const moving = (h: number) => softmaxXent.fwd(moved(Z, Z_DOT, h), moved(Y, Y_DOT, h), N, K);
  assertClose([lossDot], directional((h) => Float64Array.of(moving(h))));
});

Deno.test("softmaxXent.vjpZ matches central differences", () => {
  assertClose(softmaxXent.vjpZ(Z, Y, N, K), gradient((z) => softmaxXent.fwd(z, Y, N, K), Z));
});

Deno.test("softmaxXent.vjpY matches central differences", () => {
  assertClose(softmaxXent.vjpY(Z, N, K), gradient((y) => softmaxXent.fwd(Z, y, N, K), Y));
});

Deno.test("softmaxXent.hvpZ matches central differences", () => {
  const numeric = directional((h) => softmaxXent.vjpZ(moved(Z, Z_DOT, h), Y, N, K));
  assertClose(softmaxXent.hvpZ(Z, Z_DOT, Y, N, K), numeric);
});

Deno.test("softmaxXent.hvpY matches central differences", () => {
  const numeric = directional((h) => softmaxXent.vjpY(moved(Z, Z_DOT, h), N, K));
  assertClose(softmaxXent.hvpY(Z, Z_DOT, N, K), numeric);
});

Deno.test("softmaxXent.vjpZ and vjpY are the adjoint of jvp", () => {
  const pulled = dot(softmaxXent.vjpZ(Z, Y, N, K), Z_DOT) + dot(softmaxXent.vjpY(Z, N, K), Y_DOT);
  assertClose([pulled], [softmaxXent.jvp(Z, Z_DOT, Y, Y_DOT, N, K)], 1e-12);
});

Deno.test("softmaxXent stays finite for logits that overflow exp", () => {
  const z = Float64Array.of(1000, 0, -1000);
  const y = Float64Array.of(0, 0, 1);
  const zDot = Float64Array.of(1, 2, 3);
  assert.equal(softmaxXent.fwd(z, y, 1, 3), 2000);
  assert.deepEqual(softmaxXent.vjpZ(z, y, 1, 3), Float64Array.of(1, 0, -1));
  assertClose(softmaxXent.vjpY(z, 1, 3), [0, 1000, 2000]);
  assert.deepEqual(softmaxXent.hvpZ(z, zDot, y, 1, 3), Float64Array.of(0, 0, 0));
  assertClose(softmaxXent.hvpY(z, zDot, 1, 3), [0, -1, -2]);
});
