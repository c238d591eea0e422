import assert from "node:assert/strict";
import { mse } from "../../src/oracle/mse.ts";
import { oracleNet } from "../../src/oracle/net.ts";
import { softmaxXent } from "../../src/oracle/softmax_xent.ts";
import { dot } from "../../src/oracle/vector.ts";
import { assertClose, directional, gradient, moved, random } from "./numeric.ts";
import { gatedToy, smoothToy } from "./toy.ts";

const N = 3;

for (const toy of [smoothToy, gatedToy]) {
  const { logits, theta } = toy();
  const net = oracleNet(logits);
  const thetaDot = random(theta.length, 1);
  const x = random(N * logits.inSize, 2);
  const y = random(N * logits.outSize, 3);

  Deno.test(`oracleNet() of ${toy.name}: grad matches central differences`, () => {
    const { loss, dTheta } = net.grad(theta, x, y, N);
    assert.equal(loss, net.loss(theta, x, y, N));
    assertClose(dTheta, gradient((at) => net.loss(at, x, y, N), theta));
  });

  Deno.test(`oracleNet() of ${toy.name}: hvp matches central differences`, () => {
    const { thetaBarDot, xBarDot, yBarDot, dTheta } = net.hvp(theta, thetaDot, x, y, N);
    const slope = (x: Float64Array, y: Float64Array) =>
      dot(thetaDot, net.grad(theta, x, y, N).dTheta);
    assert.deepEqual(dTheta, net.grad(theta, x, y, N).dTheta);
    assertClose(
      thetaBarDot,
      directional((h) => net.grad(moved(theta, thetaDot, h), x, y, N).dTheta),
    );
    assertClose(xBarDot, gradient((at) => slope(at, y), x));
    assertClose(yBarDot, gradient((at) => slope(x, at), y));
  });

  Deno.test(`oracleNet() of ${toy.name}: the Hessian is symmetric`, () => {
    const u = random(theta.length, 4);
    const uHv = dot(u, net.hvp(theta, thetaDot, x, y, N).thetaBarDot);
    const vHu = dot(thetaDot, net.hvp(theta, u, x, y, N).thetaBarDot);
    assertClose([uHv], [vHu], 1e-11);
  });
}

Deno.test("oracleNet() takes the loss given, and cross-entropy when none is", () => {
  const { logits, theta } = smoothToy();
  const x = random(N * logits.inSize, 5);
  const y = random(N * logits.outSize, 6);
  const z = logits.fwd(x, theta, N);
  assert.equal(oracleNet(logits).loss(theta, x, y, N), softmaxXent.value(z, y, N, 5));
  assert.equal(oracleNet(logits, mse).loss(theta, x, y, N), mse.value(z, y, N, 5));
});
