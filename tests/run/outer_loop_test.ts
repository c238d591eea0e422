/** outer_loop_test: an iteration is recorded once for each kind that there is, and submitted again. */
import assert from "node:assert/strict";
import type { Recipe } from "../../src/recipe/recipe.ts";
import { firstImages } from "../../src/evaluate/real_sets.ts";
import { setUpUnrolled } from "../../src/run/set_up_unrolled.ts";
import type { Device } from "../../src/gpu/mod.ts";
import { easyDataset, expectSame, runTest, shortRecipe } from "../support/runs.ts";

const dataset = easyDataset();

/** Iterates a recipe: its dispatches and what was recorded at each iteration, and what it has learned. */
async function run(device: Device, settings: Partial<Recipe>, iterations: number) {
  const recipe = shortRecipe(settings);
  const { loop } = setUpUnrolled(device, recipe, dataset);
  using _ = loop;
  const images = await firstImages(device, recipe, dataset);
  loop.learned.initialize({ images, rate: recipe.distill_lr, momentum: recipe.momentum });
  assert.equal(loop.dispatches, 0);
  const { record } = device;
  let recorded = 0;
  device.record = () => (recorded++, record.call(device));
  const found: { dispatches: number; recorded: number }[] = [];
  try {
    for (let k = 0; k < iterations; k++) {
      recorded = 0;
      await loop.iterate(k);
      found.push({ dispatches: loop.dispatches, recorded });
    }
  } finally {
    device.record = record;
  }
  assert.ok(Number.isFinite(await loop.loss()));
  return found;
}

const total = (found: { recorded: number }[]) => found.reduce((sum, f) => sum + f.recorded, 0);

runTest("OuterLoop: random networks are one recording", async (device) => {
  const found = await run(device, { init: "random", networks: 2 }, 5);
  assert.deepEqual(found.map(({ recorded }) => recorded), [1, 0, 0, 0, 0]);
  assert.equal(new Set(found.map(({ dispatches }) => dispatches)).size, 1);
  assert.ok(found[0]!.dispatches > 0);
});

runTest("OuterLoop: a fixed network is drawn at the first iteration alone", async (device) => {
  const found = await run(device, {}, 5);
  assert.deepEqual(found.map(({ recorded }) => recorded), [1, 1, 0, 0, 0]);
  const [first, ...rest] = found.map(({ dispatches }) => dispatches);
  assert.equal(new Set(rest).size, 1);
  assert.ok(first! > rest[0]!, `${first} dispatches, then ${rest[0]}`);
});

runTest("OuterLoop: a window is recorded once for each step that it starts at", async (device) => {
  const found = await run(device, { init: "random", steps: 2, epochs: 2, window: 2 }, 16);
  assert.equal(total(found), 3, "starts 0, 1 and 2");
  const dispatches = new Set(found.map(({ dispatches }) => dispatches));
  assert.equal(dispatches.size, 3, "a later start takes more steps");
  const steps = [...dispatches].sort((a, b) => a - b);
  assert.equal(steps[1]! - steps[0]!, steps[2]! - steps[1]!);
});

runTest("OuterLoop: a pool has no more recordings than sets and ages", async (device) => {
  const pool = { init: "random", steps_total: 5, window: 2, pool: 2 } as const;
  const found = await run(device, { ...pool, optimizer: "adam" }, 24);
  // Of each set: fresh at ages 0 to 3, or going on from 2 or 3.
  assert.ok(total(found) <= 2 * 6, `${total(found)} recordings`);
  assert.ok(total(found.slice(-6)) < 6, "the last iterations are recorded anew");
});

runTest("OuterLoop.restore goes on where save was, whatever was done since", async (device) => {
  const recipe = shortRecipe({ init: "random", steps_total: 4, window: 2, pool: 2 });
  const { loop } = setUpUnrolled(device, recipe, dataset);
  using _ = loop;
  const images = await firstImages(device, recipe, dataset);
  loop.learned.initialize({ images, rate: recipe.distill_lr, momentum: recipe.momentum });
  const arrays = async () => {
    const saved = Object.entries(await loop.save());
    return Object.fromEntries(saved.map(([name, { data }]) => [name, Float32Array.from(data)]));
  };
  for (let k = 0; k < 3; k++) await loop.iterate(k);
  const saved = await loop.save();
  for (let k = 3; k < 6; k++) await loop.iterate(k);
  const expected = await arrays();
  loop.restore(saved);
  for (let k = 3; k < 6; k++) await loop.iterate(k);
  expectSame("after restoring", await arrays(), expected);
});
