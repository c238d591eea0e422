// deno-lint-ignore-file camelcase -- settings are spelled as in the files
/** Runs of kernel regression, from the recipe to its evaluation and its exports. */
import assert from "node:assert/strict";
import { baselines } from "../../src/evaluate/baselines.ts";
import { evaluateAcross } from "../../src/evaluate/across.ts";
import { evaluate } from "../../src/evaluate/evaluate.ts";
import { evaluateStandard } from "../../src/evaluate/standard.ts";
import { EXPORT_FORMATS, exportArtifact } from "../../src/export/export.ts";
import { estimate } from "../../src/run/estimate.ts";
import { plot } from "../../src/run/plot.ts";
import { readRun } from "../../src/run/finished.ts";
import { distill, type Progress } from "../../src/run/distill.ts";
import type { Recipe } from "../../src/recipe/recipe.ts";
import { readArtifact } from "../../src/store/artifact.ts";
import {
  contentsOf,
  easyDataset,
  easyTable,
  expectSame,
  pick,
  runTest,
  shortRecipe,
} from "../support/runs.ts";

const dataset = easyDataset();

function kernelRecipe(settings: Partial<Recipe> = {}): Recipe {
  return shortRecipe({
    objective: "kernel",
    init: "random",
    epochs: 1,
    soft_labels: true,
    batch: 60,
    iterations: 8,
    log_every: 1,
    ...settings,
  });
}

for (const settings of [{}, { kernel: "conv", depth: 2, zca: 0.1 }] as const) {
  const name = JSON.stringify(settings);
  runTest(
    `kernel: distils, and its artifact alone gives the number back ${name}`,
    async (device, dir) => {
      const recipe = kernelRecipe({ ...settings, lr: 0.05 });
      const { before, after, by } = await distill(device, recipe, dataset, { out: dir });
      assert.equal(by, "kernel regression");
      assert.ok(after.mean > before.mean + 0.05, `${before.mean} to ${after.mean}`);
      assert.deepEqual(await evaluate(device, dir, dataset), { before, after, by });
      const { labels, lrs, metadata } = await readArtifact(dir);
      assert.deepEqual([labels.shape, lrs.shape], [[10, 10], [0]]);
      const expected = {
        objective: "kernel",
        kernel: "fc",
        depth: "1",
        sigma_w2: "2",
        reg: "0.000001",
      };
      assert.deepEqual({ ...metadata, ...expected, ...strings(settings) }, metadata);
      const run = await readRun(dir);
      assert.deepEqual([run.after, run.by], [after, by]);
    },
  );
}

function strings(settings: Readonly<Record<string, unknown>>): Record<string, string> {
  return Object.fromEntries(Object.entries(settings).map(([key, value]) => [key, `${value}`]));
}

runTest("kernel: a table of numbers", async (device, dir) => {
  const table = easyTable();
  const recipe = kernelRecipe({
    image_init: "real",
    per_class: 2,
    batch: 40,
    iterations: 20,
    lr: 0.05,
  });
  const { after } = await distill(device, recipe, table, { out: dir });
  assert.ok(after.mean > 0.9, `${after.mean}`);
  assert.ok((await contentsOf(dir))["distilled.csv"]!.length > 0);
});

runTest("kernel: stopped and resumed, the same bytes", async (device, dir) => {
  const recipe = kernelRecipe({ checkpoint_every: 3 });
  await distill(device, recipe, dataset, { out: `${dir}/whole` });
  const whole = await contentsOf(`${dir}/whole`);
  const stop = ({ iteration }: Progress) => {
    if (iteration === 5) throw new Error("stopped");
  };
  const out = `${dir}/stopped`;
  const stopped = distill(device, recipe, dataset, { out, onProgress: stop });
  await assert.rejects(stopped, { message: "stopped" });
  await distill(device, recipe, dataset, { out, resume: true });
  const same = ["distilled.safetensors", "checkpoint.safetensors", "images.png"];
  expectSame("resumed", pick(await contentsOf(out), ...same), pick(whole, ...same));
});

runTest("kernel: the memory budget decides how many targets run at once", async (device, dir) => {
  const recipe = kernelRecipe({ iterations: 2 });
  const lines: string[] = [];
  const onPlan = (plan: string[]) => lines.push(plan[0]!);
  await distill(device, recipe, dataset, { out: `${dir}/large`, onPlan });
  await distill(device, recipe, dataset, {
    out: `${dir}/small`,
    onPlan,
    memoryBudget: 0.8 * 2 ** 20,
  });
  const targets = lines.map((line) => Number(/kernels of (\d+) targets/.exec(line)![1]));
  assert.ok(targets[0] === 60 && targets[1]! < 60, lines.join("; "));
  const [large, small] = [await readArtifact(`${dir}/large`), await readArtifact(`${dir}/small`)];
  const off = Math.max(...large.images.data.map((x, i) => Math.abs(x - small.images.data[i]!)));
  assert.ok(off < 1e-4, `${off}`);
  await assert.rejects(
    distill(device, recipe, dataset, { out: `${dir}/none`, memoryBudget: 1000 }),
    /^UsageError: Cannot fit this run into 1000 B of GPU memory: got .* raise --memory-budget/,
  );
});

runTest("kernel: solved labels err less than labels of one class", async (device, dir) => {
  const settings = { soft_labels: false, label_solve: true, iterations: 0 };
  const recipe = kernelRecipe(settings);
  const { before, after } = await distill(device, recipe, dataset, { out: dir });
  assert.ok(after.mean > before.mean, `${before.mean} to ${after.mean}`);
  const { images, labels } = await readArtifact(dir);
  assert.ok(labels.data.some((y) => y !== Math.fround(0.9) && y !== Math.fround(-0.1)));
  const again = await distill(device, recipe, dataset, { out: dir, resume: true });
  assert.deepEqual(again.after, after);
  assert.deepEqual((await readArtifact(dir)).labels.data, labels.data);
  assert.deepEqual(images.shape, [10, 1, 28, 28]);
});

runTest("kernel: exports, standard training, and what a dry run tells", async (device, dir) => {
  const recipe = kernelRecipe();
  const { after } = await distill(device, recipe, dataset, { out: `${dir}/run` });
  for (const format of EXPORT_FORMATS) {
    await exportArtifact(`${dir}/run`, format, `${dir}/${format}`);
  }
  const card = await Deno.readTextFile(`${dir}/hf/README.md`);
  assert.match(card, /kernel regression predicts/);
  assert.match(
    card,
    new RegExp(`\\*\\*${(100 * after.mean).toFixed(1)} %\\*\\* \\(kernel regression\\)`),
  );
  const training = JSON.parse(await Deno.readTextFile(`${dir}/hf/distilled.json`));
  const kernel = { kernel: "fc", depth: 1, sigma_w2: 2, sigma_b2: 1e-4, reg: 1e-6 };
  assert.deepEqual([training.objective, training.kernel], ["kernel", kernel]);
  assert.deepEqual([training.optimizer, training.learning_rates, training.epochs], [null, [], 0]);
  const how = { networks: 2, training: { epochs: 100, batch: 10, rate: 0.01, momentum: 0.9 } };
  const standard = await evaluateStandard(device, `${dir}/run`, dataset, how);
  assert.ok(standard.mean > 0.3, `${standard.mean}`);
  const { secondsPerIteration } = await estimate(device, recipe, dataset);
  assert.ok(secondsPerIteration > 0);
});

runTest(
  "kernel: what does not fit together is refused before anything is written",
  async (device, dir) => {
    const refused: [Partial<Recipe>, RegExp][] = [
      [{ batch: 9 }, /got batch 9, expected at least as many targets as the 10 distilled images/],
      [{ batch: 1000 }, /got batch 1000, expected at most its 240 training images/],
      [{ per_class: 101, batch: 240 }, /got 1010 distilled images, expected at most 1000/],
    ];
    for (const [settings, message] of refused) {
      const run = distill(device, kernelRecipe(settings), dataset, { out: `${dir}/no` });
      await assert.rejects(run, message);
    }
    await distill(device, kernelRecipe({ iterations: 1 }), dataset, { out: `${dir}/run` });
    await assert.rejects(
      evaluate(device, `${dir}/run`, dataset, { networks: 3 }),
      /^UsageError: Cannot evaluate .* on networks: it was distilled for kernel regression/,
    );
    await assert.rejects(
      evaluateAcross(device, `${dir}/run`, dataset, { archs: ["lenet"] }),
      /^UsageError: Cannot evaluate .* on architectures: .* objective kernel, .* but --standard$/,
    );
    await assert.rejects(
      baselines(device, kernelRecipe(), dataset),
      /^UsageError: Cannot measure baselines of short: got objective kernel, expected unrolled/,
    );
    await assert.rejects(
      plot(device, [`${dir}/run`], dataset, { out: `${dir}/plots` }),
      /^UsageError: Cannot plot .*: got objective kernel, which records no steps/,
    );
  },
);
