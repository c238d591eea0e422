import assert from "node:assert/strict";
import { mse } from "../../src/oracle/mse.ts";
import { type OracleNet, oracleNet } from "../../src/oracle/net.ts";
import type { OracleOptimizerSettings } from "../../src/oracle/optimizers/list.ts";
import { sigmoidXent } from "../../src/oracle/sigmoid_xent.ts";
import { softmaxXent } from "../../src/oracle/softmax_xent.ts";
import { metaGradient, type UnrollProblem } from "../../src/oracle/unroll.ts";
import { assertClose, gradient, random } from "./numeric.ts";
import { gatedToy, scalarToy, smoothToy, type Toy } from "./toy.ts";

const OPTIMIZERS: readonly OracleOptimizerSettings[] = [
  { kind: "gd" },
  { kind: "momentum", momentum: 0.8 },
  { kind: "adam" },
];

const LOSSES = { softmaxXent, sigmoidXent, mse };

/** Ways to train the same 6 steps. */
const VARIANTS: Record<string, Partial<UnrollProblem>> = {
  "all steps": {},
  "steps 2 to 5": { from: 2, to: 5 },
  "one rate": { lrs: Float64Array.of(0.04) },
  "random minibatches, steps 1 to 4": {
    from: 1,
    to: 4,
    steps: 1,
    epochs: 6,
    perStep: 6,
    batches: [[4, 1], [0, 5, 2], [3], [1, 4], [2, 0], [5, 1, 3]],
  },
};

for (const optimizer of OPTIMIZERS) {
  for (const how of Object.keys(VARIANTS)) {
    testGradient(smoothToy, "softmaxXent", optimizer, how);
    testGradient(gatedToy, "softmaxXent", optimizer, how);
  }
  testGradient(smoothToy, "mse", optimizer, "all steps");
  testGradient(scalarToy, "mse", optimizer, "all steps");
  testGradient(scalarToy, "sigmoidXent", optimizer, "all steps");
}

/** Every part of the meta-gradient against central differences. */
function testGradient(
  toy: () => Toy,
  loss: keyof typeof LOSSES,
  optimizer: OracleOptimizerSettings,
  how: string,
): void {
  const name = `metaGradient() of ${toy.name} under ${loss}, ${optimizer.kind}, ${how}`;
  Deno.test(`${name}: matches central differences`, () => {
    const net = oracleNet(toy().logits, LOSSES[loss]);
    const problem = startedAt(net, { ...problemOf(toy()), optimizer, ...VARIANTS[how] });
    const lossWith = (changed: Partial<UnrollProblem>) =>
      metaGradient(net, { ...problem, ...changed }).loss;

    const { dImages, dLabels, dLrs, dMomentum } = metaGradient(net, problem);
    assertClose(dImages, gradient((images) => lossWith({ images }), problem.images));
    assertClose(dLabels, gradient((labels) => lossWith({ labels }), problem.labels));
    assertClose(dLrs, gradient((lrs) => lossWith({ lrs }), problem.lrs));
    if (optimizer.kind !== "momentum") return assert.equal(dMomentum, 0);
    const inMomentum = ([momentum]: Float64Array) =>
      lossWith({ optimizer: { kind: "momentum", momentum: momentum! } });
    assertClose([dMomentum], gradient(inMomentum, Float64Array.of(optimizer.momentum)));
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

for (const optimizer of OPTIMIZERS) {
  const { logits, theta } = smoothToy();
  const net = oracleNet(logits);
  const problem = { ...problemOf({ logits, theta }), optimizer };

  Deno.test(`metaGradient() with ${optimizer.kind}: a window goes on where training stopped`, () => {
    const { thetaT, stateT } = metaGradient(net, problem);
    const rest = metaGradient(net, startedAt(net, { ...problem, from: 4 }));
    assert.deepEqual([rest.thetaT, rest.stateT], [thetaT, stateT]);
  });

  Deno.test(`metaGradient() with ${optimizer.kind}: batches that are blocks change nothing`, () => {
    const blocks = [[0, 1], [2, 3], [4, 5]];
    const batches = { steps: 1, epochs: 6, perStep: 6, batches: [...blocks, ...blocks] };
    assert.deepEqual(metaGradient(net, { ...problem, ...batches }), metaGradient(net, problem));
  });

  Deno.test(`metaGradient() with ${optimizer.kind}: one rate is that rate at every step`, () => {
    const one = metaGradient(net, { ...problem, lrs: Float64Array.of(0.04) });
    const all = metaGradient(net, { ...problem, lrs: new Float64Array(6).fill(0.04) });
    assert.deepEqual(one.thetaT, all.thetaT);
    assertClose(one.dLrs, [all.dLrs.reduce((sum, value) => sum + value)], 1e-14);
  });
}

Deno.test("metaGradient() of no steps is the loss where it starts", () => {
  const { logits, theta } = smoothToy();
  const net = oracleNet(logits);
  const problem = problemOf({ logits, theta });
  const { loss, thetaT, dImages } = metaGradient(net, { ...problem, from: 3, to: 3 });
  assert.equal(loss, net.loss(theta, problem.realImages, problem.realLabels, 5));
  assert.deepEqual(thetaT, theta);
  assert.ok(dImages.every((value) => value === 0));
});

Deno.test("metaGradient() refuses sizes that do not agree", () => {
  const { logits, theta } = smoothToy();
  const problem = problemOf({ logits, theta });
  const wrong: [Partial<UnrollProblem>, RegExp][] = [
    [{ from: -1 }, /from step -1 to 6: expected 0 ≤ from ≤ to ≤ 6/],
    [{ from: 4, to: 3 }, /from step 4 to 3: expected 0 ≤ from ≤ to ≤ 6/],
    [{ to: 7 }, /from step 0 to 7: expected 0 ≤ from ≤ to ≤ 6/],
    [{ lrs: Float64Array.of(1, 2) }, /got learning rates of length 2, expected 6/],
    [{ batches: [[0]] }, /got batches of length 1, expected 6/],
    [{ optimizer: { kind: "adam" }, state0: [theta] }, /state of length 1, expected 2/],
  ];
  for (const [change, message] of wrong) {
    assert.throws(() => metaGradient(oracleNet(logits), { ...problem, ...change }), message);
  }
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

/** The problem with the point that training has reached at step `from`. */
function startedAt(
  net: OracleNet,
  problem: UnrollProblem,
): UnrollProblem {
  const { thetaT, stateT } = metaGradient(net, { ...problem, from: 0, to: problem.from ?? 0 });
  return { ...problem, theta0: thetaT, state0: stateT };
}
