// distill_test: what a run leaves behind, that it repeats bit for bit, and that it learns.
// deno-lint-ignore-file camelcase -- metadata and settings are spelled as in the files
import assert from "node:assert/strict";
import { decode } from "fast-png";
import { distill, type Progress } from "../../src/run/distill.ts";
import { digestOf } from "../../src/sets/digest.ts";
import { kmeansSet, randomSet } from "../../src/evaluate/real_sets.ts";
import { loadRecipe, rateAt, type Recipe } from "../../src/recipe/recipe.ts";
import { version } from "../../src/base/version.ts";
import {
  contentsOf,
  easyDataset,
  expectSame,
  metricsIn,
  pick,
  readTensors,
  runTest,
  shortRecipe,
  SMALL,
} from "../support/runs.ts";

const dataset = easyDataset();

/** The initial network in an artifact. */
const INIT = {
  "init/conv1.weight": [4, 1, 3, 3],
  "init/conv1.bias": [4],
  "init/fc1.weight": [10, 144],
  "init/fc1.bias": [10],
};

runTest(
  "distill leaves the five files, the artifact's tensors and metadata",
  async (device, dir) => {
    const recipe = shortRecipe({ steps: 2, per_class: 2, iterations: 4, seed: 5 });
    const result = await distill(device, recipe, dataset, { out: `${dir}/a/b` });
    const files = await contentsOf(`${dir}/a/b`);
    assert.deepEqual(Object.keys(files).sort(), [
      "checkpoint.safetensors",
      "distilled.safetensors",
      "images.png",
      "metrics.jsonl",
      "recipe.yaml",
    ]);
    const named = Object.keys(files).map((name) => `${dir}/a/b/${name}`);
    assert.deepEqual(result.files.toSorted(), named.toSorted());
    const { tensors, metadata } = await readTensors(`${dir}/a/b/distilled.safetensors`);
    const shapes = Object.entries(tensors).map(([name, { shape }]) => [name, shape]);
    const learned = { images: [40, 1, 28, 28], labels: [40, 10], lrs: [4] };
    assert.deepEqual(Object.fromEntries(shapes), { ...learned, ...INIT });
    assert.deepEqual(metadata, {
      format: "retort-1",
      arch: JSON.stringify(SMALL),
      dataset: "mnist",
      dataset_sha256: await digestOf(dataset),
      steps: "2",
      epochs: "2",
      steps_total: "4",
      inner_batch: "0",
      objective: "unrolled",
      optimizer: "gd",
      momentum: "0.9",
      adam_beta1: "0.9",
      adam_beta2: "0.99",
      adam_eps_root: "0.000001",
      loss: "auto",
      per_step: "20",
      classes: "10",
      mean: "[0.1307]",
      std: "[0.3081]",
      init: "fixed",
      init_method: "xavier_normal",
      init_param: "1",
      seed: "5",
      iterations: "4",
      adapter: device.info.name,
      retort_version: version,
    });
    const { data } = tensors.labels!;
    const classOf = (n: number) => data.subarray(10 * n, 10 * n + 10).indexOf(1);
    const step = [0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 8, 9, 9];
    assert.deepEqual(Array.from({ length: 40 }, (_, n) => classOf(n)), [...step, ...step]);
    expectProbabilities(data);
    assert.ok(tensors.lrs!.data.every((eta) => eta > 0 && eta !== Math.fround(0.1)));
  },
);

runTest("distill writes a recipe, metrics and a picture that read back", async (device, dir) => {
  const recipe = shortRecipe({ iterations: 5, eval_every: 4, log_every: 2, checkpoint_every: 9 });
  const reports: Progress[] = [];
  const onProgress = (progress: Progress) => void reports.push(progress);
  const { before, after } = await distill(device, recipe, dataset, { out: dir, onProgress });
  assert.deepEqual(await loadRecipe(`${dir}/recipe.yaml`, {}), recipe);
  const records = await metricsIn(dir);
  assert.deepEqual(records.map(({ iteration }) => iteration), [2, 4, 5, 5]);
  assert.deepEqual(records.at(-1), { iteration: 5, before, after });
  records.slice(0, 3).forEach((record, i) => {
    const { iterations, read: _, ...rest } = reports[i]!;
    assert.deepEqual(record, { ...rest, rate: rateAt(recipe, rest.iteration - 1) });
    assert.equal(iterations, 5);
    assert.ok(rest.loss > 0 && rest.secondsPerIteration > 0);
  });
  assert.deepEqual(records.map((record) => "accuracy" in record), [false, true, false, false]);
  const { width, height, data } = decode(await Deno.readFile(`${dir}/images.png`));
  assert.ok(width > 280 && height > 28, `picture of ${width} × ${height}`);
  assert.ok(new Set(data).size > 20, "the picture is blank");
});

runTest(
  "distill: the same recipe gives the same bytes, another seed others",
  async (device, dir) => {
    const run = async (name: string, settings: Partial<Recipe>) => {
      await distill(device, shortRecipe(settings), dataset, { out: `${dir}/${name}` });
      const files = await contentsOf(`${dir}/${name}`);
      return pick(files, "distilled.safetensors", "checkpoint.safetensors");
    };
    const settings = { init: "random", networks: 2, test_networks: 2, soft_labels: true } as const;
    const first = await run("first", settings);
    expectSame("again", await run("second", settings), first);
    const other = await run("third", { ...settings, seed: 2 });
    assert.throws(() => expectSame("another seed", other, first), /differs from byte/);
  },
);

runTest("distill learns an easy data set: the loss falls, accuracy rises", async (device, dir) => {
  const losses: number[] = [];
  const onProgress = ({ loss }: Progress) => void losses.push(loss);
  const recipe = shortRecipe({ batch: 32, iterations: 24, log_every: 1, checkpoint_every: 99 });
  const { before, after } = await distill(device, recipe, dataset, { out: dir, onProgress });
  assert.equal(losses.length, 24);
  const mean = (numbers: number[]) => numbers.reduce((a, b) => a + b, 0) / numbers.length;
  const [early, late] = [mean(losses.slice(0, 3)), mean(losses.slice(-3))];
  assert.ok(late < 0.7 * early, `loss from ${early} to ${late}`);
  assert.ok(after.mean > before.mean + 0.2, `accuracy from ${before.mean} to ${after.mean}`);
});

runTest("distill with soft_labels moves labels, which stay probabilities", async (device, dir) => {
  const recipe = shortRecipe({ soft_labels: true });
  await distill(device, recipe, dataset, { out: dir });
  const { tensors } = await readTensors(`${dir}/distilled.safetensors`);
  const { data } = tensors.labels!;
  expectProbabilities(data);
  const start = Math.exp(5) / (Math.exp(5) + 9);
  const diagonal = Array.from({ length: 10 }, (_, n) => data[11 * n]!);
  assert.ok(diagonal.every((y) => Math.abs(y - start) > 1e-4), `labels did not move: ${diagonal}`);
  assert.ok(diagonal.every((y) => y > 0.5), `labels left their classes: ${diagonal}`);
});

runTest("distill starts from the real images that image_init says", async (device, dir) => {
  for (const image_init of ["real", "kmeans"] as const) {
    // rates so small that no image moves
    const recipe = shortRecipe({ image_init, steps: 2, per_class: 2, lr: 1e-30, iterations: 1 });
    const notes: string[] = [];
    const onNote = (line: string) => void notes.push(line);
    await distill(device, recipe, dataset, { out: `${dir}/${image_init}`, onNote });
    assert.equal(notes[9], image_init === "kmeans" ? "k-means centres of class 9" : undefined);
    const { tensors } = await readTensors(`${dir}/${image_init}/distilled.safetensors`);
    const { images } = image_init === "real"
      ? randomSet(dataset, recipe, 0)
      : await kmeansSet(dataset, recipe);
    expectSame(image_init, { images: tensors.images!.data as Float32Array }, { images });
  }
  const tooMany = distill(device, shortRecipe({ image_init: "real", per_class: 30 }), dataset, {
    out: `${dir}/none`,
  });
  const message = /got 24 of class 0, expected at least 30; lower steps or per_class/;
  await assert.rejects(tooMany, { name: "UsageError", message });
  await assert.rejects(Deno.stat(`${dir}/none`), Deno.errors.NotFound);
});

runTest("distill with init random stores no network and draws anew", async (device, dir) => {
  const losses = async (name: string, settings: Partial<Recipe>) => {
    const losses: number[] = [];
    // rates so small that nothing is learned: the loss is that of the untrained networks
    const still = { lr: 1e-9, distill_lr: 1e-9, log_every: 1, iterations: 3, batch: 240 };
    await distill(device, shortRecipe({ ...still, ...settings, test_networks: 2 }), dataset, {
      out: `${dir}/${name}`,
      onProgress: ({ loss }) => void losses.push(loss),
    });
    return losses;
  };
  const [first, second, third] = await losses("random", { init: "random" });
  assert.equal(new Set([first, second, third]).size, 3);
  assert.ok(Math.abs(first! - second!) > 1e-3, `all networks are alike: ${first}, ${second}`);
  const fixed = await losses("fixed", {});
  assert.ok(Math.abs(fixed[0]! - fixed[1]!) < 1e-5, "a fixed network has changed");
  const { tensors, metadata } = await readTensors(`${dir}/random/distilled.safetensors`);
  assert.deepEqual(Object.keys(tensors), ["images", "labels", "lrs"]);
  assert.equal(metadata.init, "random");
});

/** A network in which what overflows is divided by what has overflowed, and goes through ReLUs. */
const NORMALIZED = [
  { conv: { channels: 4, size: 3 } },
  "instance_norm",
  "relu",
  { max_pool: 4 },
  { dense: "classes" },
] as unknown as Recipe["arch"];

const DIVERGING: [settings: Partial<Recipe>, what: RegExp][] = [
  [{ lr: 1e38 }, /at iteration 2: got a loss of NaN,/],
  [{ distill_lr: 1e30 }, /at iteration 2: got a loss of NaN,/],
  [{ distill_lr: 1e6, lr: 1e6 }, /at iteration 2: got Infinity in images\/moment2,/],
  [{ init_param: 1e30, arch: NORMALIZED }, /at iteration 2: got a loss of NaN,/],
  [{ lr: 1e39, iterations: 1 }, /at iteration 1: got -?Infinity in images,/], // the loss is finite
];

runTest(
  "distill that diverges stops, and keeps no checkpoint that is not finite",
  async (device, dir) => {
    for (const [i, [settings, what]] of DIVERGING.entries()) {
      const out = `${dir}/${i}`;
      const bad = shortRecipe({ ...settings, schedule: "constant", checkpoint_every: 2 });
      await assert.rejects(distill(device, bad, dataset, { out }), (error: Error) => {
        assert.match(
          error.message,
          /^Cannot go on at iteration \d: got .*, expected finite numbers/,
        );
        assert.match(error.message, /lower lr \(now .*\) or distill_lr \(now .*\) and start in /);
        assert.match(error.message, what);
        return true;
      });
      const left = Object.keys(await contentsOf(out)).sort();
      assert.deepEqual(left, ["metrics.jsonl", "recipe.yaml"], JSON.stringify(settings));
    }
  },
);

runTest("distill that cannot start leaves the folder as it was", async (device, dir) => {
  const out = `${dir}/run`;
  const tooMany = shortRecipe({ batch: 241 });
  await assert.rejects(distill(device, tooMany, dataset, { out }), /got batch 241, expected/);
  const unknown = { ...shortRecipe(), arch: "resnet" };
  await assert.rejects(
    distill(device, unknown, dataset, { out }),
    /got "resnet", expected one of lenet/,
  );
  await assert.rejects(Deno.stat(out), Deno.errors.NotFound);
});

Deno.test("rateAt: constant, halved every few iterations, or a half cosine", () => {
  const at = (settings: Partial<Recipe>, k: number) =>
    rateAt(shortRecipe({ lr: 0.8, iterations: 8, ...settings }), k);
  const step = { schedule: "step", decay_every: 3, decay_factor: 0.5 } as const;
  assert.deepEqual([0, 2, 3, 5, 6].map((k) => at(step, k)), [0.8, 0.8, 0.4, 0.4, 0.2]);
  assert.deepEqual([0, 7].map((k) => at({ schedule: "constant" }, k)), [0.8, 0.8]);
  assert.equal(at({ schedule: "cosine" }, 0), 0.8);
  assert.ok(Math.abs(at({ schedule: "cosine" }, 4) - 0.4) < 1e-12);
});

function expectProbabilities(labels: Float32Array): void {
  assert.ok(labels.every((y) => y >= 0 && y <= 1));
  for (let n = 0; n < labels.length; n += 10) {
    const sum = labels.subarray(n, n + 10).reduce((a, b) => a + b, 0);
    assert.ok(Math.abs(sum - 1) < 1e-5, `labels of image ${n / 10} add up to ${sum}`);
  }
}
