// losses_test: runs whose networks have another loss than softmax, from the recipe to their evaluation.
// deno-lint-ignore-file camelcase -- settings are spelled as in the files
import assert from "node:assert/strict";
import type { Dataset, Split } from "../../src/sets/dataset.ts";
import { evaluate } from "../../src/evaluate/evaluate.ts";
import { evaluateStandard } from "../../src/evaluate/standard.ts";
import { distill } from "../../src/run/distill.ts";
import { readArtifact } from "../../src/store/artifact.ts";
import type { Layer } from "../../src/nets/arch.ts";
import { namesIn } from "../support/temporary.ts";
import { easyDataset, easyTable, expectSame, runTest, shortRecipe } from "../support/runs.ts";

/** Images of two classes, the bright bar above or below. */
function twoClasses(): Dataset {
  const dataset = easyDataset();
  const halved = (split: Split) => ({ ...split, labels: split.labels.map((k) => k < 5 ? 0 : 1) });
  const splits = { train: halved(dataset.train), test: halved(dataset.test) };
  return { ...dataset, classes: 2, ...splits };
}

const DENSE: readonly Layer[] = [
  { dense: { outputs: 8 } },
  "relu",
  { dense: { outputs: "classes" } },
];

const LEARNING = { iterations: 24, batch: 32, distill_lr: 0.05 };

/** How a network does that was trained on few images by standard training. */
const STANDARD = {
  networks: 2,
  training: { epochs: 20, batch: 4, rate: 0.01, momentum: 0.9 },
};

runTest(
  "sigmoid: two classes of images by one output, distilled and evaluated",
  async (device, dir) => {
    const dataset = twoClasses();
    const recipe = shortRecipe({ ...LEARNING, loss: "sigmoid", per_class: 3 });
    const { before, after } = await distill(device, recipe, dataset, { out: dir });
    assert.ok(
      after.mean > before.mean + 0.2 && after.mean > 0.8,
      `${before.mean} to ${after.mean}`,
    );
    assert.deepEqual(await evaluate(device, dir, dataset), { before, after });
    const { labels, init, metadata } = await readArtifact(dir);
    assert.equal(metadata.loss, "sigmoid");
    assert.deepEqual(labels.shape, [6, 2]);
    assert.deepEqual([...labels.data], [1, 0, 1, 0, 1, 0, 0, 1, 0, 1, 0, 1]);
    assert.deepEqual(init["fc1.weight"]!.shape, [1, 144]);
    const standard = await evaluateStandard(device, dir, dataset, STANDARD);
    assert.ok(standard.mean > 0.7, `${standard.mean}`);
  },
);

runTest("sigmoid: a table of two classes, with its CSV and picture", async (device, dir) => {
  const table = easyTable();
  const sizes = { iterations: 24, batch: 32, lr: 0.2, distill_lr: 0.3 };
  const recipe = shortRecipe({ ...sizes, loss: "sigmoid", per_class: 2, arch: DENSE });
  const { before, after } = await distill(device, recipe, table, { out: dir });
  assert.ok(after.mean > 0.85, `${after.mean}`);
  assert.deepEqual(await evaluate(device, dir, table), { before, after });
  assert.ok((await namesIn(dir)).includes("images.png"));
  const lines = (await Deno.readTextFile(`${dir}/distilled.csv`)).trimEnd().split("\n");
  const labels = lines.slice(1).map((line) => line.split(",")[2]);
  assert.deepEqual(labels, ["short", "short", "tall", "tall"]);
});

runTest("mse: ten classes, hard labels or soft, distilled and evaluated", async (device, dir) => {
  const dataset = easyDataset();
  for (const soft_labels of [false, true]) {
    const out = `${dir}/${soft_labels}`;
    const sizes = { iterations: 24, batch: 64, lr: 0.05, distill_lr: 0.03, epochs: 8 };
    const recipe = shortRecipe({ ...sizes, image_init: "real", loss: "mse", soft_labels });
    const { before, after } = await distill(device, recipe, dataset, { out });
    assert.ok(after.mean > before.mean + 0.2, `accuracy from ${before.mean} to ${after.mean}`);
    assert.deepEqual(await evaluate(device, out, dataset), { before, after });
    const { labels } = await readArtifact(out);
    assert.deepEqual(labels.shape, [10, 10]);
  }
});

runTest("auto is softmax, to the bit", async (device, dir) => {
  const dataset = easyDataset();
  const found: Float32Array[] = [];
  for (const loss of ["auto", "softmax"] as const) {
    const out = `${dir}/${loss}`;
    await distill(device, shortRecipe({ iterations: 3, loss }), dataset, { out });
    found.push((await readArtifact(out)).images.data);
  }
  expectSame("images", { images: found[1]! }, { images: found[0]! });
});

runTest("a loss or minibatches that do not suit the classes are refused", async (device, dir) => {
  const refused = [
    [
      { loss: "sigmoid" },
      "Cannot distil mnist: got loss sigmoid and 10 classes, expected 2; set loss to softmax",
    ],
    [
      { inner_batch: 21, steps: 1, per_class: 2 },
      "Cannot distil mnist: got inner_batch 21, expected at most its 20 distilled images; raise " +
      "per_class",
    ],
  ] as const;
  for (const [settings, message] of refused) {
    const run = distill(device, shortRecipe(settings), easyDataset(), { out: `${dir}/out` });
    await assert.rejects(run, { name: "UsageError", message });
  }
  assert.deepEqual(await namesIn(dir), []);
});
