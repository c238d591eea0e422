// attack_test: an attack is training on relabelled data, and its measures are what they say.
import assert from "node:assert/strict";
import { attackOf, relabel, summarizeAttack } from "../../src/evaluate/attack.ts";
import { distill } from "../../src/run/distill.ts";
import { evaluate } from "../../src/evaluate/evaluate.ts";
import type { Recipe } from "../../src/recipe/recipe.ts";
import { UsageError } from "../../src/base/usage_error.ts";
import {
  easyDataset,
  expectSame,
  metricsIn,
  readTensors,
  runTest,
  shortRecipe,
} from "../support/runs.ts";

const dataset = easyDataset();
const ATTACK = { from: 3, to: 7 };

Deno.test("relabel moves one class to another and copies", () => {
  const split = { images: new Uint8Array(5), labels: Uint8Array.of(3, 1, 7, 3, 0), count: 5 };
  assert.deepEqual([...relabel(split, ATTACK).labels], [7, 1, 7, 7, 0]);
  assert.deepEqual([...split.labels], [3, 1, 7, 3, 0]);
});

Deno.test("attackOf reads K:T and refuses classes that are not there", () => {
  assert.equal(attackOf("none", dataset), undefined);
  assert.deepEqual(attackOf("3:7", dataset), ATTACK);
  const threeless = { ...dataset, test: relabel(dataset.test, ATTACK) };
  for (
    const [setting, data] of [["3:10", dataset], ["10:3", dataset], ["3:7", threeless]] as const
  ) {
    assert.throws(() => attackOf(setting, data), (error: Error) => {
      assert.ok(error instanceof UsageError);
      return error.message.startsWith(`Cannot attack mnist: got ${setting}, expected two of its`);
    });
  }
});

Deno.test("summarizeAttack: shares of all, of the attacked class and of every class", () => {
  const split = { images: new Uint8Array(6), labels: Uint8Array.of(0, 0, 0, 0, 1, 2), count: 6 };
  // network 0 takes two zeros of four for ones; network 1 all of them, and misses the two
  const truth = [[1, 0, 0, 1, 1, 1], [0, 0, 0, 0, 1, 0]].map((hits) => Uint8Array.from(hits));
  const modified = [[0, 1, 1, 0, 1, 1], [1, 1, 1, 1, 1, 0]].map((hits) => Uint8Array.from(hits));
  const found = summarizeAttack(split, 3, { from: 0, to: 1 }, { truth, modified });
  const [ratio, all] = [found.ratio, found.modified];
  assert.deepEqual([ratio.mean, ratio.networks, all.mean], [0.75, 2, (4 / 6 + 5 / 6) / 2]);
  assert.ok(Math.abs(ratio.std - Math.SQRT1_2 / 2) < 1e-12);
  assert.deepEqual(found.perClass.map(({ mean }) => mean), [0.25, 1, 0.5]);
});

runTest("distill with an attack learns what relabelled images teach", async (device, dir) => {
  const learn = async (name: string, settings: Partial<Recipe>, data = dataset) => {
    await distill(device, shortRecipe({ iterations: 2, epochs: 1, ...settings }), data, {
      out: `${dir}/${name}`,
    });
    const { tensors } = await readTensors(`${dir}/${name}/distilled.safetensors`);
    return { images: tensors.images!.data, lrs: tensors.lrs!.data };
  };
  const relabelled = { ...dataset, train: relabel(dataset.train, ATTACK) };
  const attacked = await learn("attacked", { attack: "3:7" });
  expectSame("relabelled", await learn("relabelled", {}, relabelled), attacked);
  const plain = await learn("plain", {});
  assert.throws(() => expectSame("no attack", plain, attacked), /differs from byte/);
});

runTest("distill measures an attack, evaluate finds the same", async (device, dir) => {
  const sizes = { epochs: 1, per_class: 2, batch: 16, iterations: 4 };
  const recipe = shortRecipe({ ...sizes, attack: "3:7" });
  const gain = await distill(device, recipe, dataset, { out: dir });
  const { before, after, attack } = gain;
  assert.deepEqual([attack!.from, attack!.to], [3, 7]);
  const { perClass, modified, ratio } = attack!.after;
  assert.equal(perClass.length, 10);
  const mean = perClass.reduce((sum, accuracy) => sum + accuracy.mean, 0) / 10;
  assert.ok(Math.abs(mean - after.mean) < 1e-9, "the test set has five images of each class");
  // by the modified labels the threes taken for sevens are right, those taken for threes wrong
  const expected = after.mean + (ratio.mean - perClass[3]!.mean) / 10;
  assert.ok(Math.abs(modified.mean - expected) < 1e-9);
  assert.notDeepEqual(attack!.before, attack!.after);
  assert.deepEqual((await metricsIn(dir)).at(-1), { iteration: 4, before, after, attack });
  assert.deepEqual(await evaluate(device, dir, dataset), { before, after, attack });
});
