/** KernelRegression: loss and gradient against float64, in one part and in several. */
import assert from "node:assert/strict";
import type { Device } from "../../../src/gpu/mod.ts";
import { Learned } from "../../../src/meta/learned.ts";
import { centredLabels, KernelRegression } from "../../../src/meta/objectives/kernel_regression.ts";
import type { NtkSpec } from "../../../src/ntk/ntk.ts";
import { regressionLoss } from "../../../src/oracle/kernel_regression.ts";
import { kernelDataOf } from "../../../src/recipe/spec.ts";
import type { Dataset } from "../../../src/sets/dataset.ts";
import { BalancedBatches } from "../../../src/sets/batches.ts";
import { normalized } from "../../../src/sets/normalized.ts";
import { random } from "../../oracle/numeric.ts";
import { gpuTest } from "../../support/device.ts";
import { rounded } from "../../support/layout.ts";

const INPUT = { channels: 2, height: 3, width: 4 };
const D = 24;
const [K, PER_CLASS, BATCH, REG, SEED] = [3, 2, 11, 1e-3, 5];
const N = K * PER_CLASS;

function dataset(): Dataset {
  const count = 30;
  const images = Uint8Array.from(random(count * D, 1), (value) => 128 + 127 * value);
  const labels = Uint8Array.from({ length: count }, (_, n) => n % K);
  const split = { images, labels, count };
  return {
    name: "noise",
    ...INPUT,
    classes: K,
    mean: [0.5, 0.4],
    std: [0.25, 0.3],
    train: split,
    test: split,
  };
}

/** L of images [N, D] and labels [N, K] in float64. */
function lossOf(
  images: Float64Array,
  labels: Float64Array,
  targets: Float64Array,
  targetLabels: Float32Array,
  network: NtkSpec,
): number {
  const problem = { images, labels, targets, targetLabels: Float64Array.from(targetLabels) };
  return regressionLoss(problem, { network, extents: INPUT, reg: REG });
}

async function onGpu(
  device: Device,
  kernel: NtkSpec,
  part: number,
  data: { images: Float64Array; labels: Float64Array },
) {
  const space = { device, input: INPUT, classes: K };
  const spec = kernelDataOf({ per_class: PER_CLASS, soft_labels: true }, K);
  const set = dataset();
  const options = { spec, kernel, reg: REG, train: set.train, batch: BATCH, part, seed: SEED };
  using objective = new KernelRegression(space, { ...options, normalization: set });
  using learned = new Learned(space, spec);
  const [images, labels] = [data.images, data.labels].map((a) => Float32Array.from(a));
  learned.initialize({ images: images!, labels: labels!, rate: 1, momentum: 0.5 });
  const draw = objective.draw(0);
  const [first, rest] = [device.record(), device.record()];
  draw.record(first, learned.data);
  draw.recordRest!(rest, learned.data);
  for (let again = 0; again < 2; again++) { // the second time into gradients that are not zero
    first.submit();
    await draw.between!(learned.data);
    rest.submit();
  }
  const { gradient } = objective;
  return {
    loss: (await objective.loss.read())[0]!,
    images: await gradient.images.read(),
    labels: await gradient.labels.read(),
  };
}

const data = { images: rounded(random(N * D, 2)), labels: rounded(random(N * K, 3)) };

/** Fails where some directions' slopes differ from central differences by more than `most` of the largest. */
function assertSlopes(
  what: string,
  found: Float32Array,
  f: (moved: Float64Array) => number,
  at: Float64Array,
  most: number,
): void {
  const slopes = at.map((_, i) => {
    const along = (step: number) => f(at.map((value, j) => j === i ? value + step : value));
    return (along(1e-5) - along(-1e-5)) / 2e-5;
  });
  const size = Math.hypot(...slopes);
  const error = Math.hypot(...slopes.map((slope, i) => slope - found[i]!)) / size;
  assert.ok(error < most, `${what}: off by ${error}`);
}

const KERNELS: readonly NtkSpec[] = [
  { kernel: "fc", depth: 2, sigmaW2: 2, sigmaB2: 1e-2 },
  { kernel: "conv", depth: 2, sigmaW2: 2, sigmaB2: 1e-2 },
];

for (const kernel of KERNELS) {
  gpuTest(`KernelRegression: loss and gradient are float64's, ${kernel.kernel}`, async (device) => {
    const set = dataset();
    const chosen = new BalancedBatches(set.train, K, BATCH, SEED).indices(0);
    const targets = Float64Array.from(normalized(set, [...chosen]));
    const targetLabels = centredLabels(Array.from(chosen, (i) => set.train.labels[i]!), K);
    const { images, labels } = data;
    const found = await onGpu(device, kernel, 12, data);
    const expected = lossOf(images, labels, targets, targetLabels, kernel);
    assert.ok(Math.abs(found.loss / expected - 1) < 1e-5, `${found.loss}, not ${expected}`);
    assertSlopes(
      "∂L/∂ỹ",
      found.labels,
      (moved) => lossOf(images, moved, targets, targetLabels, kernel),
      labels,
      1e-5,
    );
    assertSlopes(
      "∂L/∂x̃",
      found.images,
      (moved) => lossOf(moved, labels, targets, targetLabels, kernel),
      images,
      1e-5,
    );
  });

  gpuTest(`KernelRegression: targets in parts are the same, ${kernel.kernel}`, async (device) => {
    const [whole, parts] = [
      await onGpu(device, kernel, 12, data),
      await onGpu(device, kernel, 4, data),
    ];
    const distance = Math.hypot(...whole.images.map((value, i) => value - parts.images[i]!));
    assert.ok(distance / Math.hypot(...whole.images) < 1e-5);
    assert.equal(whole.loss, parts.loss, "the kernels of a target do not depend on the others");
    assert.deepEqual(whole.labels, parts.labels);
  });
}
