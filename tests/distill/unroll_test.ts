import assert from "node:assert/strict";
import { Blocks } from "../../src/distill/blocks.ts";
import { measure } from "../../src/distill/memory.ts";
import { keepAll, Synthetic, type TrajectoryPlan, Unroll } from "../../src/distill/unroll.ts";
import type { Device } from "../../src/gpu/mod.ts";
import { oracleNet } from "../../src/oracle/net.ts";
import { metaGradient } from "../../src/oracle/unroll.ts";
import { random } from "../oracle/numeric.ts";
import { gpuTest } from "../support/device.ts";
import { rounded } from "../support/layout.ts";
import { expectSame } from "../support/runs.ts";
import { flatten, oddNet, oddOracle, relativeError, unflatten } from "../support/nets.ts";

const SIZE = 3 * 5 * 7;
const CLASSES = 7;

interface Spec {
  steps: number;
  epochs: number;
  perStep: number;
  networks: number;
  labels: boolean;
}

const SMALL: Spec = { steps: 3, epochs: 2, perStep: 5, networks: 3, labels: true };
const REAL = 11;

/** Everything that a meta-gradient starts from, in numbers that f32 holds. */
function numbersOf({ steps, epochs, perStep, networks }: Spec, params: number) {
  const positive = (size: number, seed: number) => rounded(random(size, seed).map(Math.abs));
  return {
    thetas: Array.from({ length: networks }, (_, r) => rounded(random(params, 10 + r, 0.3))),
    images: rounded(random(steps * perStep * SIZE, 1)),
    labels: positive(steps * perStep * CLASSES, 2),
    lrs: positive(steps * epochs, 3).map((v) => Math.fround(0.05 * v + 0.02)),
    realImages: rounded(random(REAL * SIZE, 4)),
    realLabels: positive(REAL * CLASSES, 5),
  };
}

/** The meta-gradient on the GPU, the real batch in parts of `part`. */
async function onGpu(device: Device, spec: Spec, part: number, plan?: TrajectoryPlan) {
  const net = oddNet(device);
  const numbers = numbersOf(spec, net.parameterCount);
  using data = new Synthetic(net, spec);
  data.images.write(numbers.images);
  data.labels.write(numbers.labels);
  data.lrs.write(numbers.lrs);
  const count = Math.ceil(REAL / part);
  using x = new Blocks(device, "real images", count, SIZE, part);
  using y = new Blocks(device, "real labels", count, CLASSES, part);
  const filled = (array: Float64Array, rows: number) => {
    const whole = new Float64Array(count * part * rows); // the last part is filled up with zeros
    whole.set(array);
    return whole;
  };
  x.write(filled(numbers.realImages, SIZE));
  y.write(filled(numbers.realLabels, CLASSES));
  using unroll = new Unroll(net, spec, { part, total: REAL }, plan);
  unroll.theta0.write(unflatten(net, numbers.thetas));
  const record = device.record();
  const batches = x.each.map((x, i) => ({
    x,
    y: y.each[i]!,
    count: Math.min(part, REAL - i * part),
  }));
  unroll.metaGradient(record, data, batches);
  record.submit();
  const { gradient } = unroll;
  return {
    loss: (await unroll.loss.read())[0]!,
    images: await gradient.images.read(),
    labels: await gradient.labels.read(),
    lrs: await gradient.lrs.read(),
    thetaT: await unroll.thetaT.read(),
  };
}

function arraysOf({ loss, ...rest }: Awaited<ReturnType<typeof onGpu>>) {
  return { loss: Float32Array.of(loss), ...rest };
}

/** The same by the oracle: one result for each network. */
function onOracle(spec: Spec) {
  const logits = oddOracle();
  const { thetas, ...rest } = numbersOf(spec, logits.params);
  const sizes = { ...spec, realCount: REAL, classes: CLASSES };
  return thetas.map((theta0) => ({
    theta0,
    ...metaGradient(oracleNet(logits), { ...sizes, ...rest, theta0 }),
  }));
}

function mean(arrays: Float64Array[]): Float64Array {
  return arrays[0]!.map((_, i) => arrays.reduce((sum, a) => sum + a[i]!, 0) / arrays.length);
}

function same(what: string, actual: ArrayLike<number>, expected: ArrayLike<number>, least: number) {
  const error = relativeError(actual, expected);
  assert.ok(error < least, `${what}: relative error ${error}`);
}

for (const spec of [SMALL, { ...SMALL, steps: 2, epochs: 1, perStep: 9, networks: 1 }]) {
  gpuTest(`Unroll.metaGradient ${JSON.stringify(spec)} agrees with the oracle`, async (device) => {
    const gpu = await onGpu(device, spec, REAL);
    const oracle = onOracle(spec);
    const net = oddNet(device);
    oracle.forEach(({ theta0, thetaT }, r) => {
      // What training moved, not where it ended: θ_0 would hide an error.
      const moved = flatten(net, gpu.thetaT, r).map((value, i) => value - theta0[i]!);
      same(`θ_T − θ_0 of network ${r}`, moved, thetaT.map((v, i) => v - theta0[i]!), 1e-5);
    });
    same("L", [gpu.loss], [mean(oracle.map(({ loss }) => Float64Array.of(loss)))[0]!], 1e-6);
    same("∂L/∂x̃", gpu.images, mean(oracle.map((o) => o.dImages)), 1e-5);
    same("∂L/∂ỹ", gpu.labels, mean(oracle.map((o) => o.dLabels)), 1e-5);
    same("∂L/∂η", gpu.lrs, mean(oracle.map((o) => o.dLrs)), 1e-5);
  });
}

gpuTest("Unroll.metaGradient of a real batch in parts is that in one", async (device) => {
  const whole = await onGpu(device, SMALL, REAL);
  for (const part of [8, 4, 3]) { // the last part of 8 has 3 images, that of 3 has 2
    const parts = await onGpu(device, SMALL, part);
    same(`L in parts of ${part}`, [parts.loss], [whole.loss], 1e-6);
    for (const name of ["images", "labels", "lrs"] as const) {
      same(`∂L/∂${name} in parts of ${part}`, parts[name], whole[name], 1e-5);
    }
  }
});

gpuTest("Unroll.metaGradient gives the same bits again", async (device) => {
  assert.deepEqual(await onGpu(device, SMALL, 8), await onGpu(device, SMALL, 8));
});

gpuTest("Unroll: whatever is kept for the way back, the bits are the same", async (device) => {
  const spec = { ...SMALL, steps: 7, epochs: 2 };
  const all = await onGpu(device, spec, REAL);
  assert.ok(all.images.some((value) => value !== 0));
  for (const segment of [1, 2, 3, 4, 5, 7, 13, 14]) { // the last segment of 4 has two steps
    for (const keepActivations of [true, false]) {
      const found = await onGpu(device, spec, REAL, { segment, keepActivations });
      expectSame(
        `segments of ${segment}, activations kept: ${keepActivations}`,
        arraysOf(found),
        arraysOf(all),
      );
    }
  }
});

gpuTest("Unroll takes again the steps and passes that plans count, and no more", (device) => {
  const net = oddNet(device);
  const spec = { ...SMALL, steps: 7, epochs: 2 };
  using data = new Synthetic(net, spec);
  const train = { images: new Uint8Array(), labels: new Uint8Array(), count: 0 };
  const dataset = { train, mean: [0, 0, 0], std: [1, 1, 1] };
  const needs = { net, spec, dataset, batch: REAL, part: REAL, evaluation: 0 };
  const record = (plan: TrajectoryPlan, what: "train" | "back") => {
    using unroll = new Unroll(net, spec, { part: REAL, total: REAL }, plan);
    const record = device.record();
    unroll[what](record, data);
    return record.dispatches;
  };
  const all = keepAll(spec);
  const [step, back] = [record(all, "train") / 14, record(all, "back")];
  const pass = (record({ ...all, keepActivations: false }, "back") - back) / 13;
  assert.ok(Number.isInteger(step) && Number.isInteger(pass) && pass < step);
  for (let segment = 1; segment <= 14; segment++) {
    for (const keepActivations of [true, false]) {
      const plan = { segment, keepActivations };
      const { extraSteps, extraPasses } = measure(needs, plan, REAL, false);
      const expected = back + extraSteps * step + extraPasses * pass;
      assert.equal(record(plan, "back"), expected, JSON.stringify(plan));
    }
  }
  return Promise.resolve();
});

gpuTest("Unroll without learned labels leaves ∂L/∂ỹ zero and the rest as it is", async (device) => {
  const { labels, ...rest } = await onGpu(device, { ...SMALL, labels: false }, REAL);
  assert.ok(labels.every((value) => value === 0));
  const { labels: wanted, ...same } = await onGpu(device, SMALL, REAL);
  assert.deepEqual(rest, same);
  assert.ok(wanted.some((value) => value !== 0));
});

gpuTest("Unroll: running again starts afresh, and disposing frees all", async (device) => {
  const net = oddNet(device);
  const numbers = numbersOf(SMALL, net.parameterCount);
  const before = device.bytes;
  {
    using data = new Synthetic(net, SMALL);
    data.images.write(numbers.images);
    data.labels.write(numbers.labels);
    data.lrs.write(numbers.lrs);
    using x = new Blocks(device, "x", 1, SIZE, REAL);
    using y = new Blocks(device, "y", 1, CLASSES, REAL);
    x.write(numbers.realImages);
    y.write(numbers.realLabels);
    using unroll = new Unroll(net, SMALL, { part: REAL, total: REAL });
    unroll.theta0.write(unflatten(net, numbers.thetas));
    const results: Float32Array[] = [];
    for (let run = 0; run < 2; run++) {
      const record = device.record();
      unroll.metaGradient(record, data, [{ x: x.each[0]!, y: y.each[0]! }]);
      record.submit();
      results.push(await unroll.gradient.images.read());
    }
    assert.deepEqual(results[1], results[0], "the gradient is not added to the last one");
  }
  const scratch = device.bytes - before; // ops keep their partial sums
  using again = new Unroll(net, SMALL, { part: REAL, total: REAL });
  assert.ok(again.steps === 6 && device.bytes - before > scratch);
  again[Symbol.dispose]();
  assert.equal(device.bytes - before, scratch);
});
