// deno-lint-ignore-file camelcase -- settings are spelled as in the files
import assert from "node:assert/strict";
import { averageSet, firstImages, kmeansSet, randomSet } from "../../src/evaluate/real_sets.ts";
import { normalized } from "../../src/sets/normalized.ts";
import { UsageError } from "../../src/base/usage_error.ts";
import { easyDataset, expectSame, runTest, shortRecipe } from "../support/runs.ts";

const dataset = easyDataset(120);
const SIZE = 28 * 28;
const sizes = { steps: 3, per_class: 2, seed: 7 };

const image = (images: Float32Array, n: number) => images.subarray(n * SIZE, (n + 1) * SIZE);
const same = (a: Float32Array, b: Float32Array) => a.every((value, i) => value === b[i]);

Deno.test("every set: steps of two images of class 0, two of class 1 and so on", async () => {
  const expected = Array.from({ length: 60 }, (_, n) => Math.floor(n % 20 / 2));
  for (const make of [averageSet, kmeansSet]) {
    const { images, labels } = await make(dataset, sizes);
    assert.deepEqual([...labels], expected);
    assert.equal(images.length, 60 * SIZE);
  }
  assert.deepEqual([...randomSet(dataset, sizes, 0).labels], expected);
});

Deno.test("randomSet: different training images of the right class, others in another draw", () => {
  const every = normalized(dataset, Array.from({ length: 120 }, (_, n) => n));
  const { images, labels } = randomSet(dataset, sizes, 0);
  const sources = Array.from(labels, (label, n) => {
    const source = dataset.train.labels.findIndex((_, m) =>
      same(image(every, m), image(images, n))
    );
    assert.equal(dataset.train.labels[source], label);
    return source;
  });
  assert.equal(new Set(sources).size, 60);
  assert.ok(same(randomSet(dataset, sizes, 0).images, images));
  assert.ok(!same(randomSet(dataset, sizes, 1).images, images));
});

Deno.test("averageSet: the mean of each class, in every step", () => {
  const { images } = averageSet(dataset, sizes);
  for (const [n, k] of [[0, 0], [1, 0], [21, 0], [5, 2], [59, 9]] as const) {
    let [sum, count] = [0, 0];
    dataset.train.labels.forEach((label, m) => {
      if (label !== k) return;
      sum += (dataset.train.images[m * SIZE + 123]! / 255 - 0.1307) / 0.3081;
      count++;
    });
    assert.ok(Math.abs(images[n * SIZE + 123]! - sum / count) < 1e-6, `image ${n}`);
  }
});

Deno.test("kmeansSet: centres that are all different, the same again", async () => {
  const { images } = await kmeansSet(dataset, sizes);
  const ofClass4 = [8, 9, 28, 29, 48, 49].map((n) => image(images, n).join());
  assert.equal(new Set(ofClass4).size, 6);
  assert.ok(same((await kmeansSet(dataset, sizes)).images, images));
});

Deno.test("normalized: each channel by its own mean and deviation", () => {
  const [mean, std] = [[0.1, 0.5], [0.2, 0.4]];
  const split = { images: Uint8Array.of(0, 255, 51, 102), labels: Uint8Array.of(0), count: 1 };
  const two = { ...dataset, channels: 2, height: 1, width: 2, mean, std, train: split };
  const expected = [-0.5, 4.5, -0.75, -0.25];
  normalized(two, [0]).forEach((v, i) => assert.ok(Math.abs(v - expected[i]!) < 1e-6));
});

Deno.test("a class with too few images is named", async () => {
  for (const make of [kmeansSet, (d: typeof dataset, s: typeof sizes) => randomSet(d, s, 0)]) {
    await assert.rejects(
      async () => await make(dataset, { ...sizes, steps: 7 }),
      (error: Error) => {
        assert.ok(error instanceof UsageError);
        assert.match(
          error.message,
          /^Cannot take real images of mnist: got 12 of class 0, expected/,
        );
        return true;
      },
    );
  }
});

runTest("firstImages: standard normal noise, that the seed decides", async (device) => {
  const noise = async (seed: number) => ({
    images: await firstImages(device, shortRecipe({ steps: 2, per_class: 2, seed }), dataset),
  });
  const { images } = await noise(1);
  const mean = images.reduce((a, b) => a + b, 0) / images.length;
  const variance = images.reduce((a, b) => a + b * b, 0) / images.length;
  assert.equal(images.length, 2 * 20 * 784);
  assert.ok(Math.abs(mean) < 0.03 && Math.abs(variance - 1) < 0.05, `got ${mean}, ${variance}`);
  expectSame("the same seed", await noise(1), { images });
  const other = await noise(2);
  assert.throws(() => expectSame("another seed", other, { images }), /differs from byte/);
});

runTest("firstImages: real images as image_init says", async (device) => {
  const settings = { steps: 3, per_class: 2, seed: 7 };
  for (const image_init of ["real", "kmeans"] as const) {
    const notes: string[] = [];
    const recipe = shortRecipe({ ...settings, image_init });
    const images = await firstImages(device, recipe, dataset, (line) => void notes.push(line));
    const expected = image_init === "real"
      ? randomSet(dataset, sizes, 0)
      : await kmeansSet(dataset, sizes);
    expectSame(image_init, { images }, { images: expected.images });
    assert.equal(notes.length, image_init === "real" ? 0 : 10);
  }
});
