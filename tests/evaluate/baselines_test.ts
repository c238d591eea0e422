// deno-lint-ignore-file camelcase -- settings are spelled as in the files
import assert from "node:assert/strict";
import { baselines } from "../../src/evaluate/baselines.ts";
import { distill } from "../../src/run/distill.ts";
import { bestOf, type Cell, EPOCHS, keepBest, RATES } from "../../src/evaluate/rate_search.ts";
import { type BaselineName, publishedFor } from "../../src/evaluate/published.ts";
import { UsageError } from "../../src/base/usage_error.ts";
import { easyDataset, runTest, shortRecipe } from "../support/runs.ts";

const dataset = easyDataset(160, 40);
const random = shortRecipe({ init: "random", steps: 2, per_class: 1, test_networks: 2 });

runTest("baselines: every combination, and the best of them", async (device, dir) => {
  const lines: string[] = [];
  const onProgress = (line: string) => void lines.push(line);
  const options = {
    networks: 2,
    only: ["average"] as const,
    onProgress,
    out: `${dir}/deep/out.json`,
  };
  const found = await baselines(device, random, dataset, options);
  assert.deepEqual(found.map(({ name }) => name), ["average"]);
  const { how, accuracy, grid } = found[0]!;
  const cells = grid as readonly Cell[];
  const combinations = cells.map(({ rate, epochs }) => `${rate}×${epochs}`);
  assert.deepEqual(combinations, RATES.flatMap((rate) => EPOCHS.map((e) => `${rate}×${e}`)));
  assert.ok(cells.every((cell) => cell.accuracy.networks === 2));
  assert.equal(accuracy.mean, Math.max(...cells.map((cell) => cell.accuracy.mean)));
  assert.match(how, /^rate 0\.\d+, [135] epochs?$/);
  const [least] = cells; // rate .001 for one epoch
  assert.ok(accuracy.mean > least!.accuracy.mean + 0.2, `${least!.accuracy.mean}, best ${how}`);
  assert.deepEqual(lines, RATES.map((rate) => `average images, rate ${rate}`));
  const written = JSON.parse(await Deno.readTextFile(options.out));
  assert.deepEqual(written.baselines, JSON.parse(JSON.stringify(found)));
  assert.deepEqual([written.recipe.steps, written.adapter], [2, device.info.name]);
});

runTest(
  "baselines: one known network; the run's result and rates beside it",
  async (device, dir) => {
    const recipe = shortRecipe({ steps: 2, epochs: 2 });
    const { after } = await distill(device, recipe, dataset, { out: dir });
    const only: BaselineName[] = ["distilled", "average", "knn-random", "knn-kmeans"];
    const found = await baselines(device, recipe, dataset, { only, artifact: dir });
    const [distilled, average, random, kmeans] = found;
    assert.deepEqual(distilled, { name: "distilled", how: "as recorded", accuracy: after });
    const cells = average!.grid as readonly Cell[];
    assert.deepEqual(cells.slice(0, 3).map(({ rate }) => rate), ["learned", "learned", "learned"]);
    assert.deepEqual([cells.length, average!.accuracy.networks], [21, 1]);
    // Neighbours do well on bright bars in places of their own.
    assert.ok(random!.accuracy.mean > 0.9 && kmeans!.accuracy.mean > 0.9);
    assert.deepEqual([random!.accuracy.networks, kmeans!.accuracy.networks], [4, 1]);
    assert.equal(random!.grid!.length, 4);
    assert.equal(found.length, 4);

    const other = { ...recipe, steps: 1 };
    await assert.rejects(baselines(device, other, dataset, { artifact: dir }), (error: Error) => {
      assert.ok(error instanceof UsageError);
      assert.match(error.message, /got steps 2, expected 1 as in recipe short; give --recipe/);
      return true;
    });
    await assert.rejects(baselines(device, recipe, dataset, { networks: 3 }), /--networks 1$/);
    const alone = { only: ["distilled"] } as const;
    await assert.rejects(
      baselines(device, recipe, dataset, alone),
      /got no artifact, expected --art/,
    );
    const attacked = `${dir}/attack`;
    await distill(device, { ...recipe, attack: "0:1" }, dataset, { out: attacked });
    await assert.rejects(
      baselines(device, recipe, dataset, { artifact: attacked }),
      /got attack 0:1, expected none as in recipe short; give --recipe/,
    );
  },
);

Deno.test("keepBest: the highest scores, best first", async () => {
  const seen: number[] = [];
  const score = (item: string, i: number) => {
    seen.push(i);
    return Promise.resolve(item.length);
  };
  const kept = await keepBest(["aa", "a", "aaaa", "aaa"], 2, score);
  assert.deepEqual([kept, seen], [["aaaa", "aaa"], [0, 1, 2, 3]]);
});

runTest("baselines: training on everything, for reference", async (device) => {
  const many = easyDataset(640, 40);
  const [full] = await baselines(device, random, many, { networks: 1, only: ["full"] });
  assert.deepEqual([full!.name, full!.accuracy.networks], ["full", 1]);
  assert.ok(full!.accuracy.mean > 0.5, `${full!.accuracy.mean}`);
});

Deno.test("bestOf: the highest mean, the first of several", () => {
  const cell = (epochs: number, mean: number) => ({
    epochs,
    accuracy: { mean, std: 0, networks: 1 },
  });
  assert.equal(bestOf([cell(1, 0.5), cell(3, 0.7), cell(5, 0.7)]).epochs, 3);
});

Deno.test("publishedFor: only the settings of the paper", () => {
  const paper = shortRecipe({ arch: "lenet", init: "random", steps: 10, epochs: 3 });
  const mnist = { name: "mnist", classes: 10 };
  assert.deepEqual(publishedFor(paper, mnist, "average"), {
    mean: 0.771,
    std: 0.027,
    source: "Wang et al. 2018, Table 1",
  });
  const fixed = { ...paper, init: "fixed" as const };
  assert.equal(publishedFor(fixed, mnist, "distilled")?.mean, 0.966);
  assert.equal(publishedFor(fixed, mnist, "average"), undefined);
  assert.equal(publishedFor(fixed, mnist, "knn-kmeans")?.mean, 0.922);
  for (const other of [{ steps: 5 }, { init_param: 2 }, { init_method: "normal" as const }]) {
    assert.equal(publishedFor({ ...paper, ...other }, mnist, "average"), undefined);
  }
  const trained = { ...paper, pretrained: "a file" };
  assert.equal(publishedFor(trained, mnist, "average"), undefined);
  assert.equal(publishedFor(trained, mnist, "knn-kmeans")?.mean, 0.922);
  for (const other of [{ epochs: 1 }, { soft_labels: true }]) {
    assert.equal(publishedFor({ ...fixed, ...other }, mnist, "distilled"), undefined);
  }
  const fewSteps = { ...paper, steps: 5, per_class: 2 };
  assert.equal(publishedFor(fewSteps, mnist, "knn-random")?.mean, 0.715);
  assert.equal(publishedFor(fewSteps, mnist, "random"), undefined);
  assert.equal(publishedFor(paper, { name: "fashion_mnist", classes: 10 }, "random"), undefined);
  assert.equal(publishedFor(paper, mnist, "full"), undefined);
});
