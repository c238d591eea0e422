/** regions_test: what networks say of places, against what their parameters come to there. */
import assert from "node:assert/strict";
import { regionsOfDistilled, regionsOfReal, type Survey } from "../../src/evaluate/regions.ts";
import { drawHeldOut } from "../../src/evaluate/measure.ts";
import { DistilledData } from "../../src/meta/distilled_data.ts";
import type { Device } from "../../src/gpu/mod.ts";
import { buildNet } from "../../src/nets/build.ts";
import { exportParameters } from "../../src/nets/export.ts";
import { easyTable, runTest } from "../support/runs.ts";
import { unrollSpec } from "../support/specs.ts";

const NETWORKS = 5;
const SIDE = 9;
const DOMAIN = [[140, 200], [38.5, 41.5]] as const;

const dataset = easyTable(64, 20);

function surveyOf(device: Device): Survey {
  const net = buildNet(device, "linear2d", { channels: 2, height: 1, width: 1 }, 1, "sigmoid_xent");
  const how = { init: "random", method: "xavier_normal", param: 1, seed: 4 } as const;
  return { net, dataset, how, networks: NETWORKS, places: { domain: DOMAIN, side: SIDE } };
}

runTest("networks that have not moved say at every place what their weights do", async (device) => {
  const survey = surveyOf(device);
  const { net, how } = survey;
  const spec = unrollSpec({ blocks: 1, perBlock: 4 });
  using data = new DistilledData(net, spec); // its rate is 0
  const { votes, accuracy } = await regionsOfDistilled(survey, { data, spec });
  using theta = net.theta(NETWORKS);
  drawHeldOut(net, theta, how, 0);
  const words = await theta.read();
  const shares = new Float64Array(SIDE * SIDE);
  for (let r = 0; r < NETWORKS; r++) {
    const [weight, bias] = Object.values(exportParameters(net, words, r)).map(({ data }) => data);
    for (let i = 0; i < SIDE * SIDE; i++) {
      const along = (axis: 0 | 1, n: number) => {
        const [low, high] = DOMAIN[axis];
        return (low + (high - low) * n / (SIDE - 1) - dataset.mean[axis]!) / dataset.std[axis]!;
      };
      const [x, y] = [along(0, i % SIDE), along(1, Math.floor(i / SIDE))];
      const logit = weight![0]! * x + weight![1]! * y + bias![0]!;
      if (i !== (SIDE * SIDE - 1) / 2) assert.ok(Math.abs(logit) > 1e-4, "too near to tell");
      if (logit > 0) shares[i]! += 1 / NETWORKS;
    }
  }
  const middle = (SIDE * SIDE - 1) / 2; // where all logits are 0
  shares.forEach((share, i) => {
    if (i === middle) return;
    assert.ok(Math.abs(votes[1]![i]! - share) < 1e-6, `place ${i}: ${votes[1]![i]} and ${share}`);
    assert.ok(Math.abs(votes[0]![i]! - (1 - share)) < 1e-6);
  });
  assert.equal(accuracy.networks, NETWORKS);
});

runTest("networks that trained on real points have learned from them", async (device) => {
  const survey = surveyOf(device);
  const net = buildNet(device, "nonlinear", survey.net.input, 1, "sigmoid_xent");
  const { votes, accuracy } = await regionsOfReal({ ...survey, net });
  const spec = unrollSpec({ blocks: 1, perBlock: 4 });
  using data = new DistilledData(net, spec);
  const untrained = await regionsOfDistilled({ ...survey, net }, { data, spec });
  assert.ok(accuracy.mean > untrained.accuracy.mean, `${accuracy.mean}`);
  assert.deepEqual(votes.map(({ length }) => length), [SIDE * SIDE, SIDE * SIDE]);
});
