// makeSplit and makeDataset: what fits together, what does not, and the statistics.
import assert from "node:assert/strict";
import { makeDataset, makeSplit } from "../../src/data/make_dataset.ts";
import type { Idx } from "../../src/data/idx.ts";

Deno.test("makeSplit pairs images with labels without copying", () => {
  const images = zeros([2, 3, 4]);
  const labels = { dims: [2], data: Uint8Array.of(1, 2) };
  const split = makeSplit(images, labels, 3, "toy");
  assert.equal(split.count, 2);
  assert.equal(split.images, images.data);
  assert.equal(split.labels, labels.data);
  assert.equal(makeSplit(zeros([2, 3, 4, 5]), labels, 3, "toy").images.length, 120);
});

Deno.test("makeSplit refuses arrays that do not fit together", () => {
  const labels = { dims: [2], data: Uint8Array.of(1, 2) };
  const cases: [Idx, Idx, RegExp][] = [
    [zeros([2, 3]), labels, /Cannot read toy: got images of shape \[2, 3\], expected \[count, H/],
    [zeros([2, 1, 1, 3, 3]), labels, /got images of shape \[2, 1, 1, 3, 3\]/],
    [zeros([0, 3, 3]), zeros([0]), /got images of shape \[0, 3, 3\], expected .* none of them 0/],
    [zeros([3, 3, 3]), labels, /got labels of shape \[2\], expected \[3\], one for each image/],
    [zeros([2, 3, 3]), zeros([2, 1]), /got labels of shape \[2, 1\], expected \[2\]/],
  ];
  for (const [images, wrong, message] of cases) {
    assert.throws(() => makeSplit(images, wrong, 3, "toy"), { name: "RangeError", message });
  }
});

Deno.test("makeSplit refuses a label that is no class", () => {
  const labels = { dims: [3], data: Uint8Array.of(1, 2, 3) };
  assert.throws(() => makeSplit(zeros([3, 1, 1]), labels, 3, "toy"), {
    name: "RangeError",
    message: /Cannot read toy: got label 3 at index 2, expected 0…2; check/,
  });
});

Deno.test("makeDataset computes classes, mean and std of each channel for an unknown name", () => {
  const trainImages = { dims: [2, 2, 1, 2], data: Uint8Array.of(0, 255, 51, 51, 0, 255, 51, 102) };
  const files = {
    trainImages,
    trainLabels: { dims: [2], data: Uint8Array.of(0, 6) },
    testImages: { dims: [1, 2, 1, 2], data: Uint8Array.of(9, 9, 9, 9) },
    testLabels: { dims: [1], data: Uint8Array.of(3) },
  };
  const dataset = makeDataset("toy", files, "toy");
  const { channels, height, width, classes } = dataset;
  assert.deepEqual({ channels, height, width, classes }, {
    channels: 2,
    height: 1,
    width: 2,
    classes: 7,
  });
  close(dataset.mean, [0.5, 0.25]);
  close(dataset.std, [0.5, Math.sqrt(3) / 20]);
  assert.deepEqual(trainImages.dims, [2, 2, 1, 2]);
});

Deno.test("makeDataset refuses splits of different image sizes and constant images", () => {
  const labels = { dims: [1], data: Uint8Array.of(0) };
  const files = {
    trainImages: zeros([1, 2, 3]),
    trainLabels: labels,
    testImages: zeros([1, 3, 2]),
    testLabels: labels,
  };
  assert.throws(() => makeDataset("toy", files, "here"), {
    name: "RangeError",
    message: /Cannot read here: got test images of shape \[3, 2\], expected \[2, 3\]/,
  });
  assert.throws(() => makeDataset("toy", { ...files, testImages: zeros([1, 2, 3]) }, "here"), {
    name: "RangeError",
    message: /Cannot read here: got one constant value in channel 0/,
  });
});

Deno.test("makeDataset refuses a form that fits into no memory, before it allocates", () => {
  const images = { dims: [60_000, 1, 1], data: new Uint8Array(60_000) };
  const labels = { dims: [60_000], data: new Uint8Array(60_000) };
  const files = {
    trainImages: images,
    trainLabels: labels,
    testImages: images,
    testLabels: labels,
  };
  assert.throws(() => makeDataset("toy", files, "toy", { size: 1024, channels: 3 }), {
    name: "UsageError",
    message:
      "Cannot load toy: got 60000 images of 3×1024×1024, 175.8 GB, expected at most 4.0 GB; " +
      "set a smaller resize or pad",
  });
});

Deno.test("makeDataset keeps published statistics, threefold in colour, but not of colour made grey", () => {
  const of = (channels: number) => ({
    trainImages: {
      dims: [1, channels, 1, 2],
      data: new Uint8Array(2 * channels).map((_, i) => 90 * i),
    },
    trainLabels: { dims: [1], data: Uint8Array.of(0) },
    testImages: zeros([1, channels, 1, 2]),
    testLabels: { dims: [1], data: Uint8Array.of(9) },
  });
  const usps = makeDataset("usps", of(1), "toy", { channels: 3, size: 2 });
  assert.deepEqual([usps.channels, usps.height, usps.width], [3, 2, 2]);
  assert.deepEqual(usps.mean, new Array(3).fill(0.15972736477851868));
  assert.deepEqual(makeDataset("cifar10", of(3), "toy", { size: 4 }).std, [0.247, 0.243, 0.261]);
  const grey = makeDataset("cifar10", of(3), "toy", { channels: 1 });
  assert.deepEqual([grey.mean.length, grey.classes], [1, 10]);
  const [first, second] = [grey.train.images[0]! / 255, grey.train.images[1]! / 255];
  close(grey.mean, [(first + second) / 2]);
  close(grey.std, [Math.abs(first - second) / 2]);
});

Deno.test("makeDataset takes the classes it is told, and finds labels past them", () => {
  assert.equal(makeDataset("toy", oneImage(), "toy", { classes: 5 }).classes, 5);
  assert.throws(() => makeDataset("toy", oneImage(), "toy", { classes: 1 }), {
    message: /Cannot read toy \(train\): got label 1 at index 0, expected 0…0/,
  });
});

Deno.test("makeDataset keeps class names that are one a class, and is silent about others", () => {
  const named = (classNames: unknown, name = "toy") =>
    makeDataset(name, oneImage(), "toy", { classes: 3, classNames });
  assert.deepEqual(named(["a", "", "c / d"]).classNames, ["a", "", "c / d"]);
  assert.equal(named(["a", "b", "c"], "mnist").classes, 10); // which is published
  const others = [["a", "b"], ["a", "b", "c", "a"], ["a", "b", "a"], ["a", "b", 3], "abc", null];
  for (const names of others) assert.ok(!("classNames" in named(names)), JSON.stringify(names));
  assert.ok(!("classNames" in named(["a", "b", "c"], "mnist")));
});

/** Files of one image of class 1 in each split. */
function oneImage() {
  const labels = { dims: [1], data: Uint8Array.of(1) };
  const images = { dims: [1, 1, 2], data: Uint8Array.of(0, 1) };
  return {
    trainImages: images,
    trainLabels: labels,
    testImages: images,
    testLabels: labels,
  };
}

function zeros(dims: number[]): Idx {
  return { dims, data: new Uint8Array(dims.reduce((product, size) => product * size, 1)) };
}

function close(got: number[], expected: number[]): void {
  assert.equal(got.length, expected.length);
  for (const [index, value] of got.entries()) assert.ok(Math.abs(value - expected[index]!) < 1e-12);
}
