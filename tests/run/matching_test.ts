// deno-lint-ignore-file camelcase -- settings are spelled as in the files
/** Runs of gradient matching, from the recipe to its evaluation and its exports. */
import assert from "node:assert/strict";
import { evaluateAcross } from "../../src/evaluate/across.ts";
import { evaluate } from "../../src/evaluate/evaluate.ts";
import { evaluateStandard } from "../../src/evaluate/standard.ts";
import { EXPORT_FORMATS, exportArtifact } from "../../src/export/export.ts";
import type { Recipe } from "../../src/recipe/recipe.ts";
import { distill, type Progress } from "../../src/run/distill.ts";
import { estimate } from "../../src/run/estimate.ts";
import { setUp } from "../../src/run/set_up.ts";
import { readArtifact } from "../../src/store/artifact.ts";
import {
  contentsOf,
  easyDataset,
  expectSame,
  pick,
  runTest,
  shortRecipe,
} from "../support/runs.ts";

const dataset = easyDataset();

function matchingRecipe(settings: Partial<Recipe> = {}): Recipe {
  return shortRecipe({
    objective: "matching",
    init: "random",
    epochs: 1,
    batch: 40,
    iterations: 7,
    log_every: 1,
    image_steps: 3,
    network_steps: 2,
    outer_optimizer: "sgd",
    lr: 0.1,
    test_networks: 2,
    ...settings,
  });
}

const DSA = { augment: "siamese", per_class: 2, inner_batch: 7 } as const;

const DM = { match: "features", image_steps: 1, augment: "siamese" } as const;

for (const settings of [{}, DSA, DM, { zca: 0.1, image_init: "real" }] as const) {
  const name = JSON.stringify(settings);
  runTest(`matching: its artifact alone gives the number back ${name}`, async (device, dir) => {
    const recipe = matchingRecipe(settings);
    const { before, after, by } = await distill(device, recipe, dataset, { out: dir });
    assert.deepEqual([by, after.networks], ["standard training", 2]);
    assert.notEqual(before.mean, after.mean);
    assert.deepEqual(await evaluate(device, dir, dataset), { before, after, by });
    assert.deepEqual(await evaluateStandard(device, dir, dataset, { networks: 2 }), after);
    await assert.rejects(
      evaluateAcross(device, dir, dataset, { archs: ["lenet"] }),
      /^UsageError: Cannot evaluate .* on architectures: .* objective matching, .* but --standard$/,
    );
    const { lrs, metadata } = await readArtifact(dir);
    assert.deepEqual([lrs.shape, metadata.objective, metadata.steps_total], [[0], "matching", "0"]);
    for (const format of EXPORT_FORMATS) {
      await exportArtifact(dir, format, `${dir}/${format}`);
    }
    const card = await Deno.readTextFile(`${dir}/hf/README.md`);
    const isOfFeatures = "match" in settings;
    assert.match(
      card,
      isOfFeatures ? /mean features .*Zhao and Bilen 2023/s : /gradients .*Zhao, Mopuri and Bilen/s,
    );
    assert.match(card, /\(standard training\)/);
  });
}

runTest("matching: stopped and resumed, the same bytes", async (device, dir) => {
  const recipe = matchingRecipe({ ...DSA, checkpoint_every: 2 });
  await distill(device, recipe, dataset, { out: `${dir}/whole` });
  const whole = await contentsOf(`${dir}/whole`);
  for (const last of [3, 5]) { // after a checkpoint of a network that goes on, and before a fresh one
    const stop = ({ iteration }: Progress) => {
      if (iteration === last) throw new Error("stopped");
    };
    const out = `${dir}/stopped-${last}`;
    const stopped = distill(device, recipe, dataset, { out, onProgress: stop });
    await assert.rejects(stopped, { message: "stopped" });
    await distill(device, recipe, dataset, { out, resume: true });
    const same = ["distilled.safetensors", "checkpoint.safetensors", "images.png"];
    expectSame(`stopped at ${last}`, pick(await contentsOf(out), ...same), pick(whole, ...same));
  }
});

runTest("matching: is estimated, and refused where it does not fit", async (device) => {
  const recipe = matchingRecipe({ per_class: 2 });
  const { bytes, dispatches, plan } = await estimate(device, recipe, dataset);
  assert.ok(bytes > 0 && dispatches > 0);
  assert.match(plan[0]!, /4 real images of each class at a time/);
  assert.throws(() => setUp(device, recipe, dataset, { memoryBudget: 1e5 }), {
    name: "UsageError",
    message: /Cannot fit this run into .* with 4 real images of a class at a time/,
  });
});

runTest(
  "matching: refuses real batches that are no multiple of the classes",
  async (device, dir) => {
    const run = distill(device, matchingRecipe({ batch: 45 }), dataset, { out: `${dir}/x` });
    await assert.rejects(run, {
      name: "UsageError",
      message: /got batch 45, expected a multiple of its 10/,
    });
  },
);
