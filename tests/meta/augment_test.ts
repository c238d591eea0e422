// Random crops and reflections: fair draws, fixed for all time, and each image of a batch its own.
import assert from "node:assert/strict";
import { AUGMENTATIONS, cropFlip, PADDING } from "../../src/meta/augment.ts";
import { distill } from "../../src/run/distill.ts";
import { RealBatch, ResidentSplit } from "../../src/meta/real_batch.ts";
import { UsageError } from "../../src/base/usage_error.ts";
import { packMove } from "../../src/ops/pack.ts";
import { gpuTest } from "../support/device.ts";
import { download } from "../support/layout.ts";
import { oddNet } from "../support/nets.ts";
import { contentsOf, easyDataset, expectSame, runTest, shortRecipe } from "../support/runs.ts";

Deno.test("cropFlip is uniform: χ² over the 162 crops and reflections", () => {
  const counts = new Map<number, number>();
  for (let iteration = 0; iteration < 162; iteration++) {
    for (const move of cropFlip(1000, 3, iteration)) counts.set(move, (counts.get(move) ?? 0) + 1);
  }
  const moves = Array.from({ length: 81 }, (_, i) => [i % 9 - PADDING, Math.floor(i / 9) - PADDING])
    .flatMap(([down, right]) =>
      [false, true].map((flip) => packMove({ down: down!, right: right!, flip }))
    );
  assert.deepEqual([...counts.keys()].sort(), moves.sort());
  const chi2 = [...counts.values()].reduce((sum, count) => sum + (count - 1000) ** 2 / 1000, 0);
  assert.ok(chi2 < 221, `χ² = ${chi2}, expected < 221 (161 degrees of freedom, p = 0.001)`);
});

Deno.test("cropFlip depends on seed, iteration and place alone, and never changes", () => {
  const moves = cropFlip(64, 7, 3);
  assert.deepEqual(cropFlip(64, 7, 3), moves);
  assert.deepEqual(cropFlip(9, 7, 3), moves.slice(0, 9));
  assert.notDeepEqual(cropFlip(64, 8, 3), moves);
  assert.notDeepEqual(cropFlip(64, 7, 4), moves);
  assert.deepEqual([...cropFlip(4, 42, 0)], [510, 767, 64515, 767]);
});

gpuTest("RealBatch gives each image of every part its own move", async (device) => {
  const net = oddNet(device); // 3 × 5 × 7
  const images = Uint8Array.from({ length: 13 * 105 }, (_, i) => i * 31 % 251);
  const split = { images, labels: new Uint8Array(13), count: 13 };
  const indices = Uint32Array.from({ length: 11 }, (_, n) => (5 * n + 3) % 13);
  const moves = Uint32Array.from(
    indices,
    (_, n) => packMove({ down: 0, right: 0, flip: n % 3 === 0 }),
  );
  for (const resident of [false, true]) {
    using home = new ResidentSplit(net, split);
    const source = resident ? home : split;
    using batch = new RealBatch(net, source, 11, 4, { mean: [0, 0, 0], std: [1, 1, 1] });
    for (const [moved, flips] of [[moves, true], [undefined, false]] as const) {
      const record = device.record();
      batch.choose(indices, moved);
      batch.record(record, moved !== undefined);
      record.submit();
      for (const [p, { x }] of batch.parts.entries()) {
        const [actual] = await download(x, 1, 105, 4);
        indices.subarray(4 * p, 4 * p + 4).forEach((index, n) => {
          const flip = flips && (4 * p + n) % 3 === 0;
          for (let i = 0; i < 105; i++) {
            const from = flip ? i - i % 7 + 6 - i % 7 : i;
            const wanted = images[index * 105 + from]! / 255;
            assert.ok(Math.abs(actual![n * 105 + i]! - wanted) < 1e-6, `image ${4 * p + n}, ${i}`);
          }
        });
      }
    }
  }
});

runTest("distill augments as the recipe says", async (device, dir) => {
  const dataset = easyDataset();
  const run = async (out: string, augment: typeof AUGMENTATIONS[number]) => {
    const recipe = shortRecipe({ iterations: 2, epochs: 1, augment });
    await distill(device, recipe, dataset, { out });
    const { "distilled.safetensors": artifact } = await contentsOf(out);
    return { artifact: artifact! };
  };
  const augmented = await run(`${dir}/a`, "crop-flip");
  const plain = await run(`${dir}/b`, "none");
  assert.throws(() => expectSame("plain", plain, augmented));
});

runTest("distill refuses to crop images that are too small", async (device, dir) => {
  const dataset = { ...easyDataset(), width: PADDING };
  const recipe = shortRecipe({ augment: "crop-flip" });
  await assert.rejects(distill(device, recipe, dataset, { out: dir }), (error: Error) => {
    assert.match(
      error.message,
      /got images of 28×4 with augment crop-flip, expected more than 4 rows/,
    );
    return error instanceof UsageError;
  });
});
