/** plot_test: the pictures of finished runs. */
import assert from "node:assert/strict";
import { distill } from "../../src/run/distill.ts";
import { plot } from "../../src/run/plot.ts";
import { easyDataset, easyTable, runTest, shortRecipe } from "../support/runs.ts";
import { namesIn } from "../support/temporary.ts";

const POINTS = {
  init: "random",
  arch: "linear2d",
  loss: "sigmoid",
  per_class: 3,
  steps: 2,
} as const;

runTest("plot: of a table of two columns rates, points and regions", async (device, dir) => {
  const table = easyTable();
  const runs = [1, 2].map((seed) => `${dir}/seed-${seed}`);
  for (const [i, out] of runs.entries()) {
    const recipe = shortRecipe({ ...POINTS, iterations: 8, test_networks: 1, seed: i + 1 });
    await distill(device, recipe, table, { out });
  }
  const out = `${dir}/pictures`;
  const archs = ["linear2d", "nonlinear"];
  const files = await plot(device, runs, table, { out, archs, networks: 2 });
  const names = ["rates.svg", "points.svg", "regions.svg"];
  assert.deepEqual(files, names.map((name) => `${out}/${name}`));
  assert.deepEqual((await namesIn(out)).sort(), [...names].sort());
  const [rates, points, regions] = await Promise.all(files.map((path) => Deno.readTextFile(path)));
  assert.match(rates!, />people: mean of 2 runs, band ± 1 std</);
  assert.match(points!, />people: 12 distilled points over 120 real ones</);
  assert.equal([...points!.matchAll(/<circle/g)].length, 12);
  for (const text of ["120 real points", "12 distilled, recorded steps", ...archs, "height"]) {
    assert.ok(regions!.includes(`>${text}<`), `no ${text}`);
  }
  const captions = [...regions!.matchAll(/>\d+\.\d ± \d+\.\d %</g)];
  assert.equal(captions.length, 6);
});

runTest("plot: of images the rates alone, of runs of one length", async (device, dir) => {
  const images = easyDataset(40, 20);
  const runs = [1, 2].map((steps) => `${dir}/steps-${steps}`);
  for (const [i, out] of runs.entries()) {
    await distill(device, shortRecipe({ iterations: 1, steps: i + 1 }), images, { out });
  }
  const out = `${dir}/pictures`;
  assert.deepEqual(await plot(device, runs.slice(0, 1), images, { out }), [`${out}/rates.svg`]);
  await assert.rejects(plot(device, runs, images, { out }), {
    name: "UsageError",
    message:
      `Cannot draw ${dir}/steps-2 beside ${dir}/steps-1: got 4 steps on 2 blocks, expected 2 ` +
      "steps on 1 blocks; give runs of equal settings",
  });
});
