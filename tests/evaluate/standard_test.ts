import assert from "node:assert/strict";
import { evaluateStandard } from "../../src/evaluate/standard.ts";
import { distill } from "../../src/run/distill.ts";
import { easyDataset, runTest, shortRecipe } from "../support/runs.ts";

runTest("evaluateStandard: fresh networks learn from the images of a run", async (device, dir) => {
  const dataset = easyDataset();
  const sizes = { steps: 1, epochs: 3, iterations: 12, batch: 64 };
  const rates = { distill_lr: 0.05, soft_labels: true };
  await distill(device, shortRecipe({ ...sizes, ...rates }), dataset, { out: dir });
  const training = { epochs: 20, batch: 10, rate: 0.01, momentum: 0.9 };
  const options = { networks: 2, training };
  const standard = await evaluateStandard(device, dir, dataset, options);
  assert.equal(standard.networks, 2);
  assert.ok(standard.std > 0, "two fresh networks are all the same");
  const still = { ...options, training: { ...training, rate: 1e-9 } };
  const untrained = await evaluateStandard(device, dir, dataset, still);
  assert.ok(standard.mean > untrained.mean + 0.1, `${untrained.mean} to ${standard.mean}`);
});
