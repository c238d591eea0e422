// evaluate_test: a finished run trained again from its file alone, and what cannot be evaluated.
import assert from "node:assert/strict";
import type { Layer } from "../../src/nets/arch.ts";
import { summarize } from "../../src/evaluate/accuracy.ts";
import { decodeSafetensors, encodeSafetensors } from "../../src/base/safetensors.ts";
import { readArtifact } from "../../src/store/artifact.ts";
import { distill } from "../../src/run/distill.ts";
import { evaluate } from "../../src/evaluate/evaluate.ts";
import type { Recipe } from "../../src/recipe/recipe.ts";
import { UsageError } from "../../src/base/usage_error.ts";
import { easyDataset, runTest, shortRecipe, SMALL } from "../support/runs.ts";

const dataset = easyDataset();

runTest("evaluate gives what distill reported for a fixed network", async (device, dir) => {
  const recipe = shortRecipe({ steps: 2, iterations: 12, batch: 32, soft_labels: true });
  const { before, after } = await distill(device, recipe, dataset, { out: dir });
  assert.ok(after.mean > before.mean, `accuracy from ${before.mean} to ${after.mean}`);
  assert.deepEqual(await evaluate(device, dir, dataset), { before, after });
  assert.deepEqual(await evaluate(device, dir, dataset, { networks: 1 }), { before, after });
  assert.deepEqual([after.networks, after.std], [1, 0]);
  await assert.rejects(evaluate(device, dir, dataset, { networks: 2 }), (error: Error) => {
    assert.ok(error instanceof UsageError);
    assert.match(error.message, /on 2 networks: it was distilled for one fixed network, expected/);
    return true;
  });
});

runTest("evaluate trains as many random networks as asked", async (device, dir) => {
  const recipe = shortRecipe({ init: "random", test_networks: 3, iterations: 4 });
  const gain = await distill(device, recipe, dataset, { out: dir });
  const three = await evaluate(device, dir, dataset, { networks: 3 });
  assert.deepEqual(three, { before: gain.before, after: gain.after });
  assert.equal(three.after.networks, 3);
  assert.ok(three.before.std > 0 && three.after.std > 0, "three networks are all the same");
  // at most ten run at once, so eleven run in two groups
  const eleven = await evaluate(device, dir, dataset, { networks: 11 });
  assert.equal(eleven.after.networks, 11);
  assert.notDeepEqual(eleven.before.mean, three.before.mean);
});

/** Inner trainings that are not plain gradient descent on blocks in order. */
const TRAININGS: Record<string, Partial<Recipe>> = {
  "adam": { optimizer: "adam", distill_lr: 0.01, adam_beta1: 0.8, adam_eps_root: 1e-5 },
  "learned momentum": { optimizer: "momentum", learn_momentum: true, distill_lr: 0.03 },
  "fixed momentum, one rate": { optimizer: "momentum", momentum: 0.5, rates: "one" },
  "minibatches of a pool": {
    steps: 1,
    per_class: 2,
    inner_batch: 7,
    steps_total: 5,
    window: 2,
    pool: 2,
  },
  "a rate that is not learned, steps that are not whole epochs": {
    rates: "fixed",
    steps: 2,
    steps_total: 5,
  },
};

for (const [kind, settings] of Object.entries(TRAININGS)) {
  runTest(`evaluate trains as distill did: ${kind}`, async (device, dir) => {
    const random = { init: "random", networks: 2, test_networks: 3 } as const;
    const recipe = shortRecipe({ ...random, iterations: 4, ...settings });
    const { before, after } = await distill(device, recipe, dataset, { out: dir });
    const found = await evaluate(device, dir, dataset, { networks: 3 });
    assert.deepEqual(found, { before, after });
    assert.notDeepEqual(after, before);
    const { metadata, lrs } = await readArtifact(dir);
    assert.equal(lrs.data.length, Number(metadata.steps_total));
    const momentum = Number(metadata.momentum);
    if (!recipe.learn_momentum) assert.equal(momentum, recipe.momentum);
    else assert.ok(momentum > 0 && momentum < 1 && Math.abs(momentum - 0.9) > 1e-4, `${momentum}`);
    const rates = new Set(lrs.data);
    if (recipe.rates !== "per_step") assert.equal(rates.size, 1);
    if (recipe.rates === "fixed") assert.deepEqual([...rates], [Math.fround(recipe.distill_lr)]);
    else assert.ok(!rates.has(Math.fround(recipe.distill_lr)), "no rate was learned");
  });
}

runTest("evaluate gives the same whatever memory the run had to test in", async (device, dir) => {
  const minibatches = { steps: 1, per_class: 2, inner_batch: 7, epochs: 5 };
  const random = { init: "random", test_networks: 12 } as const;
  const recipe = shortRecipe({ ...random, ...minibatches, iterations: 2 });
  const small = { out: dir, memoryBudget: 2.5 * 2 ** 20 }; // room for a few at once
  const { before, after } = await distill(device, recipe, dataset, small);
  assert.deepEqual(await evaluate(device, dir, dataset, { networks: 12 }), { before, after });
});

runTest("evaluate rebuilds a network of one's own from the artifact", async (device, dir) => {
  const stem: Layer = { conv: { name: "stem", channels: 4, size: 3, stride: 2, pad: 0 } };
  const arch = [stem, ...SMALL.slice(1)];
  const recipe = shortRecipe({ arch, iterations: 4 });
  const { before, after } = await distill(device, recipe, dataset, { out: dir });
  assert.deepEqual(await evaluate(device, dir, dataset), { before, after });
  const { init, metadata } = await readArtifact(dir);
  assert.deepEqual(JSON.parse(metadata.arch!), arch);
  assert.deepEqual(Object.entries(init).map(([name, { shape }]) => [name, ...shape]), [
    ["stem.weight", 4, 1, 3, 3],
    ["stem.bias", 4],
    ["fc1.weight", 10, 144],
    ["fc1.bias", 10],
  ]);
  const resumed = await distill(device, recipe, dataset, { out: dir, resume: true });
  assert.deepEqual(resumed.after, after);
  const other = { ...recipe, arch: [...arch.slice(0, 1), ...arch.slice(2)] };
  await assert.rejects(distill(device, other, dataset, { out: dir, resume: true }), {
    name: "UsageError",
    message: /^Cannot resume from .*: got arch \[.*, expected \[.*"relu".* as when it was/,
  });
});

runTest("evaluate refuses data that does not fit", async (device, dir) => {
  await distill(device, shortRecipe({ iterations: 1 }), dataset, { out: dir });
  const { train, test } = dataset;
  const halved = (split: typeof train) => ({ ...split, images: split.images.subarray(0, 392) });
  const narrow = { ...dataset, width: 14, train: halved(train), test: halved(test) };
  for (const [other, expected] of [[narrow, "1, 28, 14, 10"], [{ ...dataset, classes: 9 }, "9"]]) {
    await assert.rejects(evaluate(device, dir, other as typeof dataset), (error: Error) => {
      assert.ok(error instanceof UsageError);
      assert.match(
        error.message,
        /got images and classes \[1, 28, 28, 10\], expected those of the/,
      );
      return error.message.includes(`${expected}]`);
    });
  }
});

runTest("evaluate refuses other data of the same name and form", async (device, dir) => {
  await distill(device, shortRecipe({ iterations: 1 }), dataset, { out: dir });
  await assert.rejects(evaluate(device, dir, { ...dataset, std: [0.5] }), {
    name: "UsageError",
    message:
      /on mnist: got a std of \[0.5\], expected \[.*\] as in the distillation; give the data/,
  });
  const { test } = dataset;
  const other = { ...dataset, test: { ...test, labels: test.labels.with(0, 9) } };
  await assert.rejects(evaluate(device, dir, other), {
    name: "UsageError",
    message: /on mnist: got data of SHA-256 .{64}, expected .{64} as in the distillation; give the/,
  });
});

runTest("evaluate names what is wrong with a folder", async (device, dir) => {
  await assert.rejects(evaluate(device, dir, dataset), /^NotFound: Cannot read .*: got no such/);
  await distill(device, shortRecipe({ iterations: 1 }), dataset, { out: dir });
  const path = `${dir}/distilled.safetensors`;
  const bytes = await Deno.readFile(path);
  await Deno.writeFile(path, bytes.subarray(0, bytes.length - 1));
  await assert.rejects(evaluate(device, dir, dataset), /^RangeError: Cannot read .*truncated/);
  const { tensors, metadata } = decodeSafetensors(bytes, path);
  const { "init/conv1.bias": _, ...without } = tensors;
  await Deno.writeFile(path, encodeSafetensors(without, metadata));
  const message = /^TypeError: Cannot load custom: got nothing for conv1.bias, expected \[4\]/;
  await assert.rejects(evaluate(device, dir, dataset), message);
});

Deno.test("summarize: mean and unbiased deviation, which one network does not have", () => {
  assert.deepEqual(summarize([0.5]), { mean: 0.5, std: 0, networks: 1 });
  const { mean, std, networks } = summarize([0.25, 0.5, 0.75]);
  assert.deepEqual([mean, networks], [0.5, 3]);
  assert.ok(Math.abs(std - 0.25) < 1e-15);
});
