import assert from "node:assert/strict";
import { mse } from "../../src/oracle/mse.ts";
import { oracleNet } from "../../src/oracle/net.ts";
import { sigmoidXent } from "../../src/oracle/sigmoid_xent.ts";
import { softmaxXent } from "../../src/oracle/softmax_xent.ts";
import { metaGradient, type UnrollProblem } from "../../src/oracle/unroll.ts";
import { assertClose, gradient, random } from "./numeric.ts";
import { gatedToy, scalarToy, smoothToy, type Toy } from "./toy.ts";

for (
  const [toy, loss, under] of [
    [smoothToy, softmaxXent, "softmaxXent"],
    [gatedToy, softmaxXent, "softmaxXent"],
    [scalarToy, sigmoidXent, "sigmoidXent"],
    [scalarToy, mse, "mse"],
    [smoothToy, mse, "mse"],
  ] as const
) {
  const net = oracleNet(toy().logits, loss);
  const problem = problemOf(toy());
  const lossWith = (changed: Partial<UnrollProblem>) =>
    metaGradient(net, { ...problem, ...changed }).loss;

  Deno.test(`metaGradient() of ${toy.name} under ${under}: dImages matches central differences`, () => {
    const { dImages } = metaGradient(net, problem);
    assertClose(dImages, gradient((images) => lossWith({ images }), problem.images));
  });

  Deno.test(`metaGradient() of ${toy.name} under ${under}: dLabels matches central differences`, () => {
    const { dLabels } = metaGradient(net, problem);
    assertClose(dLabels, gradient((labels) => lossWith({ labels }), problem.labels));
  });

  Deno.test(`metaGradient() of ${toy.name} under ${under}: dLrs matches central differences`, () => {
    const { dLrs } = metaGradient(net, problem);
    assertClose(dLrs, gradient((lrs) => lossWith({ lrs }), problem.lrs));
  });
}

Deno.test("metaGradient() trains step t on block t mod steps at rate t", () => {
  const { logits, theta } = smoothToy();
  const net = oracleNet(logits);
  const problem = problemOf({ logits, theta });
  let expected = theta;
  [0, 1, 2, 0, 1, 2].forEach((i, t) => {
    const x = problem.images.slice(i * 2 * logits.inSize, (i + 1) * 2 * logits.inSize);
    const y = problem.labels.slice(i * 2 * logits.outSize, (i + 1) * 2 * logits.outSize);
    const { dTheta } = net.grad(expected, x, y, 2);
    expected = expected.map((value, p) => value - problem.lrs[t]! * dTheta[p]!);
  });
  const before = structuredClone(problem);
  const { loss, thetaT } = metaGradient(net, problem);
  assertClose(thetaT, expected, 1e-14);
  assert.equal(loss, net.loss(thetaT, problem.realImages, problem.realLabels, 5));
  assert.deepEqual(problem, before, "inputs are left as they were");
});

/** 3 blocks of 2 images, passed twice, judged on 5 real images; the labels are soft. */
function problemOf({ logits, theta }: Toy): UnrollProblem {
  return {
    theta0: theta,
    images: random(3 * 2 * logits.inSize, 31),
    labels: random(3 * 2 * logits.outSize, 32).map(Math.abs),
    lrs: Float64Array.of(0.02, 0.05, 0.03, 0.06, 0.01, 0.04),
    steps: 3,
    epochs: 2,
    perStep: 2,
    realImages: random(5 * logits.inSize, 33),
    realLabels: random(5 * logits.outSize, 34).map(Math.abs),
    realCount: 5,
    classes: logits.outSize,
  };
}
