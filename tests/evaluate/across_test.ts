/** across_test: runs for several architectures, and what other networks and strategies make of them. */
import assert from "node:assert/strict";
import type { Device } from "../../src/gpu/mod.ts";
import { acrossRuns, evaluateAcross, trainingBy } from "../../src/evaluate/across.ts";
import { evaluate } from "../../src/evaluate/evaluate.ts";
import { type Accuracy, pooled, summarize } from "../../src/evaluate/accuracy.ts";
import { evaluateStandard } from "../../src/evaluate/standard.ts";
import { ratesBy, STRATEGIES } from "../../src/evaluate/strategies.ts";
import { openArtifact } from "../../src/store/open_artifact.ts";
import type { Recipe } from "../../src/recipe/recipe.ts";
import { distill } from "../../src/run/distill.ts";
import { readGain } from "../../src/run/finished.ts";
import { easyDataset, easyTable, runTest, shortRecipe, SMALL } from "../support/runs.ts";

const table = easyTable();

const BOTH: Partial<Recipe> = {
  arch: ["linear2d", [{ dense: { outputs: 5 } }, "relu", { dense: { outputs: "classes" } }]],
  init: "random",
  networks: 2,
  test_networks: 3,
  steps: 2,
  epochs: 2,
  per_class: 2,
  loss: "sigmoid",
};

async function distilled(device: Device, out: string, settings: Partial<Recipe> = {}) {
  const gain = await distill(device, shortRecipe({ ...BOTH, ...settings }), table, { out });
  const { before, after, archs } = gain;
  return { before, after, archs };
}

Deno.test("pooled is the accuracy over the networks of all groups", () => {
  const groups = [[0.5, 0.75, 1], [0.25, 0.5]];
  const { mean, std, networks } = pooled(groups.map(summarize));
  const all = summarize(groups.flat());
  assert.equal(networks, 5);
  assert.ok(Math.abs(mean - all.mean) < 1e-15 && Math.abs(std - all.std) < 1e-15);
  assert.deepEqual(pooled([summarize([0.5])]), { mean: 0.5, std: 0, networks: 1 });
});

runTest(
  "a run for two architectures tells what each reaches, and evaluates to the same",
  async (device, dir) => {
    const gain = await distilled(device, dir);
    assert.deepEqual(gain.archs!.map(({ arch }) => arch), ["linear2d", "network 2"]);
    assert.deepEqual(gain.after, pooled(gain.archs!.map(({ after }) => after)));
    assert.equal(gain.after.networks, 6);
    assert.deepEqual(await readGain(dir), gain);
    assert.deepEqual(await evaluate(device, dir, table, { networks: 3 }), gain);
    const rows = await evaluateAcross(device, dir, table, { networks: 3 });
    assert.deepEqual(
      rows,
      gain.archs!.map(({ arch, before, after }) => ({ arch, before, after: { raw: after } })),
    );
    const { networks } = await evaluateStandard(device, dir, table, { networks: 2 });
    assert.equal(networks, 4);
  },
);

runTest(
  "evaluateAcross takes fresh networks of other architectures by every strategy",
  async (device, dir) => {
    await distilled(device, dir);
    const lines: string[] = [];
    const rows = await evaluateAcross(device, dir, table, {
      archs: ["more_nonlinear", "linear2d"],
      strategies: STRATEGIES,
      networks: 4,
      onProgress: (line) => void lines.push(line),
    });
    assert.deepEqual(rows.map(({ arch }) => arch), ["more_nonlinear", "linear2d"]);
    for (const { before, after } of rows) {
      assert.equal(before.networks, 4);
      assert.deepEqual(Object.keys(after).sort(), [...STRATEGIES].sort());
    }
    const found = new Set(Object.values(rows[0]!.after).map(({ mean, std }) => `${mean} ${std}`));
    assert.ok(found.size > 1, "strategies differ");
    assert.deepEqual(lines.slice(0, 2), [
      "4 × more_nonlinear, strategy raw",
      "4 × more_nonlinear, strategy 1",
    ]);
    const trained = { pretrained: "networks.safetensors" };
    for (const options of [trained, { ...trained, archs: ["nonlinear"] }]) {
      await assert.rejects(
        evaluateAcross(device, dir, table, options),
        /^UsageError: Cannot evaluate .* got --init, expected none/,
      );
    }
    const convnet = evaluateAcross(device, dir, table, { archs: ["convnet3"] });
    const message =
      /^Cannot evaluate .*: Cannot build convnet3: got images of 2×1×1, expected any×32×32/;
    await assert.rejects(convnet, { name: "UsageError", message });
  },
);

runTest(
  "images of one known network are tried on fresh ones where an architecture is given",
  async (device, dir) => {
    const images = easyDataset(60, 20);
    await distill(device, shortRecipe({ iterations: 2 }), images, { out: dir });
    const own = await evaluateAcross(device, dir, images);
    const { before, after } = await evaluate(device, dir, images);
    assert.deepEqual(own, [{ arch: "network 1", before, after: { raw: after } }]);
    const archs = ["lenet", SMALL];
    const others = await evaluateAcross(device, dir, images, { archs, networks: 3 });
    const counts = others.map(({ arch, before }) => [arch, before.networks]);
    assert.deepEqual(counts, [["lenet", 3], ["network 2", 3]]); // evaluate refuses three of the known one
  },
);

runTest("trainingBy trains at the rates of a strategy", async (device, dir) => {
  await distilled(device, dir);
  const { artifact, netOf } = await openArtifact(device, dir, table);
  for (const strategy of STRATEGIES) {
    const { data, spec } = trainingBy(netOf("nonlinear"), artifact, strategy);
    using _data = data;
    const rates = ratesBy(strategy, { rates: artifact.lrs.data, blocks: 2, optimizer: "gd" });
    assert.deepEqual([await data.lrs.read(), spec.total], [rates, rates.length]);
    assert.deepEqual(await data.images.read(), artifact.images.data);
  }
});

Deno.test("acrossRuns: mean and deviation over runs of the means of each", () => {
  const accuracy = (mean: number): Accuracy => ({ mean, std: 0.1, networks: 20 });
  const run = (before: number, raw: number, arch = "lenet") => [
    { arch, before: accuracy(before), after: { raw: accuracy(raw) } },
  ];
  assert.deepEqual(acrossRuns([run(0.25, 0.5), run(0.75, 1)]), [{
    arch: "lenet",
    before: summarize([0.25, 0.75]),
    after: { raw: summarize([0.5, 1]) },
  }]);
  assert.throws(() => acrossRuns([run(0, 1), run(0, 1, "convnet3")]), {
    name: "UsageError",
    message: "Cannot compare runs: got convnet3 in one and lenet in another, expected the same " +
      "architectures; give them with --arch",
  });
});
