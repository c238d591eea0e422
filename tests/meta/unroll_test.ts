import assert from "node:assert/strict";
import { Blocks } from "../../src/meta/blocks.ts";
import { DistilledData } from "../../src/meta/distilled_data.ts";
import { ratesOf } from "../../src/meta/inner_spec.ts";
import { measure, type MemoryNeeds } from "../../src/meta/memory.ts";
import { OPTIMIZER_NAMES } from "../../src/meta/optimizers/list.ts";
import { keepAll, type TrajectoryPlan, Unroll, type UnrollSpec } from "../../src/meta/unroll.ts";
import type { Device } from "../../src/gpu/mod.ts";
import type { Net } from "../../src/nets/net.ts";
import { oracleNet } from "../../src/oracle/net.ts";
import { metaGradient } from "../../src/oracle/unroll.ts";
import { random } from "../oracle/numeric.ts";
import { gpuTest } from "../support/device.ts";
import { rounded } from "../support/layout.ts";
import { expectSame } from "../support/runs.ts";
import { flatten, oddNet, oddOracle, relativeError, unflatten } from "../support/nets.ts";
import { oracleSettings, unrollSpec } from "../support/specs.ts";

const SIZE = 3 * 5 * 7;
const CLASSES = 7;

const SMALL = unrollSpec({
  blocks: 3,
  perBlock: 5,
  total: 6,
  networks: 3,
  labels: "probabilities",
});
const REAL = 11;

/** Fourteen steps, and seven of them. */
const LONG = { ...SMALL, blocks: 7, total: 14, window: 14 };
const SEVEN = { ...LONG, window: 7 };

/** Rates that networks train stably at. */
const RATES = { gd: 0.05, momentum: 0.02, adam: 0.005 };
const MOMENTUM = 0.9;

/** Everything that a meta-gradient starts from, in numbers that f32 holds. */
function numbersOf(spec: UnrollSpec, params: number) {
  const { blocks, perBlock, networks, optimizer } = spec;
  const count = blocks * perBlock;
  const positive = (size: number, seed: number) => rounded(random(size, seed).map(Math.abs));
  const rate = RATES[optimizer];
  return {
    thetas: Array.from({ length: networks }, (_, r) => rounded(random(params, 10 + r, 0.3))),
    images: rounded(random(count * SIZE, 1)),
    labels: positive(count * CLASSES, 2),
    lrs: positive(ratesOf(spec), 3).map((v) => Math.fround(rate * (v + 0.4))),
    realImages: rounded(random(REAL * SIZE, 4)),
    realLabels: positive(REAL * CLASSES, 5),
  };
}

interface Options {
  /** Images of a part of the real batch, all when left out. */
  readonly part?: number;
  readonly plan?: TrajectoryPlan | undefined;
  /** The step that the window starts at, after those before it were taken; 0 when left out. */
  readonly first?: number;
  /** Only some of the networks. */
  readonly only?: readonly number[];
}

/** The meta-gradient on the GPU. */
async function onGpu(device: Device, spec: UnrollSpec, options: Options = {}) {
  const { part = REAL, plan, first = 0, only } = options;
  const net = oddNet(device);
  const { thetas, ...numbers } = numbersOf(spec, net.parameterCount);
  const chosen = only?.map((r) => thetas[r]!) ?? thetas;
  const sizes = { ...spec, networks: chosen.length };
  using data = dataOf(net, sizes, numbers);
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
  using unroll = new Unroll(net, sizes, { part, total: REAL }, plan);
  unroll.start.theta.write(unflatten(net, chosen));
  const batches = unroll.inner.draw(3, 5);
  const record = device.record();
  const parts = x.each.map((x, i) => ({
    x,
    y: y.each[i]!,
    count: Math.min(part, REAL - i * part),
  }));
  unroll.advance(record, data, first);
  unroll.metaGradient(record, data, parts, first);
  record.submit();
  const { gradient, end } = unroll;
  const arrays = {
    loss: await unroll.loss.read(),
    images: await gradient.images.read(),
    labels: await gradient.labels.read(),
    lrs: await gradient.lrs.read(),
    momentum: await gradient.momentum.read(),
    theta: await end.theta.read(),
  };
  const state: Float32Array[] = [];
  for (const theta of end.state) state.push(await theta.read());
  const each = {
    losses: await unroll.losses.read(),
    images: await unroll.each.images.read(),
    labels: await unroll.each.labels.read(),
    lrs: await unroll.each.lrs.read(),
    momentum: await unroll.each.momentum.read(),
  };
  return { ...arrays, state, batches, each };
}

function dataOf(net: Net, spec: UnrollSpec, numbers: Omit<ReturnType<typeof numbersOf>, "thetas">) {
  const data = new DistilledData(net, spec);
  data.images.write(numbers.images);
  data.labels.write(numbers.labels);
  data.lrs.write(numbers.lrs);
  data.momentum.write([MOMENTUM]);
  return data;
}

type Found = Awaited<ReturnType<typeof onGpu>>;

/** What must be the same to the bit. */
function arraysOf({ state, batches: _, each: __, ...rest }: Found) {
  return { ...rest, ...Object.fromEntries(state.map((array, i) => [`state ${i}`, array])) };
}

/** The same by the oracle: one result for each network. */
function onOracle(spec: UnrollSpec, first: number, batches: readonly Uint32Array[]) {
  const logits = oddOracle();
  const { thetas, ...numbers } = numbersOf(spec, logits.params);
  const { blocks: steps, total, window, perBlock: perStep } = spec;
  const problem = {
    ...numbers,
    steps,
    epochs: total / steps,
    perStep,
    realCount: REAL,
    classes: CLASSES,
    optimizer: oracleSettings(spec, MOMENTUM),
    ...(spec.innerBatch > 0 && { batches }),
  };
  return thetas.map((theta0) => {
    const before = metaGradient(oracleNet(logits), { ...problem, theta0, to: first });
    const at = { theta0: before.thetaT, state0: before.stateT, from: first, to: first + window };
    return { theta0, ...metaGradient(oracleNet(logits), { ...problem, ...at }) };
  });
}

function mean(arrays: Float64Array[]): Float64Array {
  return arrays[0]!.map((_, i) => arrays.reduce((sum, a) => sum + a[i]!, 0) / arrays.length);
}

function same(what: string, actual: ArrayLike<number>, expected: ArrayLike<number>, least: number) {
  const error = relativeError(actual, expected);
  assert.ok(error < least, `${what}: relative error ${error}`);
}

/** Where training ends, the loss there and its gradient are the oracle's. */
async function agrees(device: Device, spec: UnrollSpec, first = 0): Promise<void> {
  const gpu = await onGpu(device, spec, { first });
  const oracle = onOracle(spec, first, gpu.batches);
  const net = oddNet(device);
  oracle.forEach(({ theta0, thetaT, stateT }, r) => {
    // What training moved, not where it ended: θ_0 would hide an error.
    const moved = flatten(net, gpu.theta, r).map((value, i) => value - theta0[i]!);
    same(`θ_T − θ_0 of network ${r}`, moved, thetaT.map((v, i) => v - theta0[i]!), 1e-5);
    assert.equal(gpu.state.length, stateT.length);
    stateT.forEach((array, i) => {
      same(`state ${i} of network ${r}`, flatten(net, gpu.state[i]!, r), array, 1e-5);
    });
  });
  same("L", gpu.loss, mean(oracle.map(({ loss }) => Float64Array.of(loss))), 1e-6);
  same("∂L/∂x̃", gpu.images, mean(oracle.map((o) => o.dImages)), 1e-5);
  same("∂L/∂ỹ", gpu.labels, mean(oracle.map((o) => o.dLabels)), 1e-5);
  same("∂L/∂η", gpu.lrs, mean(oracle.map((o) => o.dLrs)), 1e-5);
  if (!spec.learnMomentum) assert.deepEqual([...gpu.momentum], [0]);
  else same("∂L/∂μ", gpu.momentum, mean(oracle.map((o) => Float64Array.of(o.dMomentum))), 1e-5);
}

for (
  const spec of [SMALL, { ...SMALL, blocks: 2, total: 2, window: 2, perBlock: 9, networks: 1 }]
) {
  gpuTest(`Unroll.metaGradient ${JSON.stringify(spec)} agrees with the oracle`, async (device) => {
    await agrees(device, spec);
  });
}

for (const optimizer of OPTIMIZER_NAMES) {
  // With an ε_root of 1e-6 as in recipes, f32 is 1.03e-5 off for all steps: the error goes as its inverse.
  const spec = { ...SMALL, optimizer, epsRoot: 1e-5, learnMomentum: optimizer === "momentum" };
  const kinds: Record<string, [spec: UnrollSpec, first: number]> = {
    "of all steps": [spec, 0],
    "of a window in the middle": [{ ...spec, window: 3 }, 2],
    "at one rate, and of a window at the end": [{ ...spec, rates: "one", window: 4 }, 2],
    "of random minibatches": [{ ...spec, blocks: 1, perBlock: 14, innerBatch: 5 }, 0],
  };
  for (const [kind, [spec, first]] of Object.entries(kinds)) {
    gpuTest(`Unroll of ${optimizer} ${kind} agrees with the oracle`, async (device) => {
      await agrees(device, spec, first);
    });
  }
}

gpuTest("Unroll: what is outside of the window has no gradient", async (device) => {
  const spec = { ...SMALL, blocks: 6, window: 2 }; // each block is taken once
  const { images, labels, lrs } = await onGpu(device, spec, { first: 3 });
  for (const array of [images, labels, lrs]) {
    const each = array.length / 6;
    for (let t = 0; t < 6; t++) {
      const block = array.subarray(t * each, (t + 1) * each);
      assert.equal(block.some((value) => value !== 0), t === 3 || t === 4, `step ${t}`);
    }
  }
});

gpuTest("Unroll.draw: all images of a step are others, and no two draws alike", (device) => {
  const net = oddNet(device);
  const spec = { ...SMALL, blocks: 1, perBlock: 14, innerBatch: 5 };
  using unroll = new Unroll(net, spec, { part: REAL, total: REAL });
  const orders = (seed: number, number: number, isTest?: boolean) => {
    const drawn = unroll.inner.draw(seed, number, isTest);
    assert.equal(drawn.length, 6);
    for (const indices of drawn) {
      assert.equal(new Set(indices).size, 5);
      assert.ok(indices.every((index) => index < 14));
    }
    return drawn.map((indices) => indices.join());
  };
  assert.deepEqual(orders(3, 5), orders(3, 5));
  const all = [orders(3, 5), orders(3, 6), orders(4, 5), orders(3, 5, true)].flat();
  assert.equal(new Set(all).size, all.length);
  using whole = new Unroll(net, SMALL, { part: REAL, total: REAL });
  assert.deepEqual(whole.inner.draw(3, 5), []);
  return Promise.resolve();
});

gpuTest("Unroll.metaGradient of a real batch in parts is that in one", async (device) => {
  const whole = await onGpu(device, SMALL);
  for (const part of [8, 4, 3]) { // the last part of 8 has 3 images, that of 3 has 2
    const parts = await onGpu(device, SMALL, { part });
    same(`L in parts of ${part}`, parts.loss, whole.loss, 1e-6);
    for (const name of ["images", "labels", "lrs"] as const) {
      same(`∂L/∂${name} in parts of ${part}`, parts[name], whole[name], 1e-5);
    }
  }
});

gpuTest("Unroll.metaGradient gives the same bits again", async (device) => {
  const options = { part: 8 };
  assert.deepEqual(await onGpu(device, SMALL, options), await onGpu(device, SMALL, options));
});

/** Segments of 14 steps, the last of 4 having two, and of 7 steps. */
const FOURTEEN = [1, 2, 3, 4, 5, 7, 13, 14];
const OF_SEVEN = [1, 2, 3, 7];

const PLANNED: Record<string, [spec: UnrollSpec, first: number, segments: number[]]> = {
  "gd": [LONG, 0, FOURTEEN],
  "momentum": [{ ...LONG, optimizer: "momentum", learnMomentum: true }, 0, [1, 3, 4, 14]],
  "adam": [{ ...LONG, optimizer: "adam" }, 0, [1, 3, 4, 14]],
  "gd, a window": [SEVEN, 3, OF_SEVEN],
  "momentum, a window": [{ ...SEVEN, optimizer: "momentum" }, 3, OF_SEVEN],
  "adam, a window of random minibatches": [
    { ...SEVEN, optimizer: "adam", rates: "one", blocks: 1, perBlock: 14, innerBatch: 5 },
    3,
    OF_SEVEN,
  ],
};

for (const [kind, [spec, first, segments]] of Object.entries(PLANNED)) {
  gpuTest(
    `Unroll (${kind}): whatever is kept for the way back, the bits are the same`,
    async (device) => {
      const all = await onGpu(device, spec, { first });
      assert.ok(all.images.some((value) => value !== 0));
      for (const segment of segments) {
        for (const keepActivations of [true, false]) {
          const found = await onGpu(device, spec, { first, plan: { segment, keepActivations } });
          expectSame(
            `segments of ${segment}, activations kept: ${keepActivations}`,
            arraysOf(found),
            arraysOf(all),
          );
        }
      }
    },
  );
}

gpuTest("Unroll takes again the steps and passes that plans count, and no more", (device) => {
  const net = oddNet(device);
  const train = { images: new Uint8Array(), labels: new Uint8Array(), count: 0 };
  const normalization = { mean: [0, 0, 0], std: [1, 1, 1] };
  const expectCounted = (spec: UnrollSpec) => {
    using data = new DistilledData(net, spec);
    const rest = { train, batch: REAL, normalization, isAugmented: false, pool: 0, seed: 1 };
    const needs: MemoryNeeds = {
      nets: [net],
      objective: { spec, ...rest },
      part: REAL,
      evaluation: 0,
    };
    const record = (plan: TrajectoryPlan, what: "train" | "back") => {
      using unroll = new Unroll(net, spec, { part: REAL, total: REAL }, plan);
      const record = device.record();
      unroll[what](record, data);
      return record.dispatches;
    };
    const all = keepAll(spec);
    const { window } = spec;
    const [step, back] = [record(all, "train") / window, record(all, "back")];
    const pass = (record({ ...all, keepActivations: false }, "back") - back) / (window - 1);
    assert.ok(Number.isInteger(step) && Number.isInteger(pass) && pass < step);
    for (let segment = 1; segment <= window; segment++) {
      for (const keepActivations of [true, false]) {
        const plan = { segment, keepActivations };
        const { extraSteps, extraPasses } = measure(needs, plan, REAL, false);
        const expected = back + extraSteps * step + extraPasses * pass;
        assert.equal(record(plan, "back"), expected, JSON.stringify(plan));
      }
    }
  };
  expectCounted(LONG);
  for (const optimizer of OPTIMIZER_NAMES) expectCounted({ ...SEVEN, optimizer });
  return Promise.resolve();
});

/** What is of network r of R: parts of `length` numbers, those of all networks one after the other. */
function sliceOf(array: Float32Array, r: number, R: number, length: number): Float32Array {
  return array.filter((_, i) => Math.floor(i / length) % R === r);
}

/** What each of R networks comes to by itself. */
function slicesOf({ each, theta, state }: Found, R: number): Record<string, Float32Array>[] {
  const lengths = { losses: 1, images: SIZE, labels: CLASSES, lrs: 1, momentum: 1 };
  return Array.from({ length: R }, (_, r) => {
    const gradients = Object.entries(lengths).map(([name, length]) =>
      [name, sliceOf(each[name as keyof typeof each], r, R, length)] as const
    );
    const arrays = [theta, ...state].map((array, i) =>
      [`array ${i}`, sliceOf(array, r, R, array.length / R)] as const
    );
    return Object.fromEntries([...gradients, ...arrays]);
  });
}

for (const optimizer of OPTIMIZER_NAMES) {
  gpuTest(
    `Unroll (${optimizer}): the bits of a network are those it has beside others`,
    async (device) => {
      const four = { ...SMALL, networks: 4, optimizer, learnMomentum: optimizer === "momentum" };
      const found = await onGpu(device, four);
      const together = slicesOf(found, 4);
      for (const only of [[0, 1], [2, 3], [3]]) {
        const apart = slicesOf(await onGpu(device, four, { only }), only.length);
        apart.forEach((slices, i) => {
          expectSame(`network ${only[i]} of ${only}`, slices, together[only[i]!]!);
        });
      }
      // The mean is what the slices come to, added up in the order of networks.
      const { losses, ...gradients } = { ...found, losses: found.loss };
      for (const name of ["losses", "images", "labels", "lrs", "momentum"] as const) {
        const [first, ...rest] = together.map((slices) => slices[name]!);
        const sum = rest.reduce((a, b) => a.map((value, i) => value + b[i]!), first!);
        const mean = name === "losses" ? losses : gradients[name];
        expectSame(name, { mean }, { mean: sum.map((value) => value / 4) });
      }
    },
  );
}

gpuTest("Unroll without learned labels leaves ∂L/∂ỹ zero and the rest as it is", async (device) => {
  const { labels, ...rest } = arraysOf(await onGpu(device, { ...SMALL, labels: "fixed" }));
  assert.ok(labels.every((value) => value === 0));
  const { labels: wanted, ...same } = arraysOf(await onGpu(device, SMALL));
  assert.deepEqual(rest, same);
  assert.ok(wanted.some((value) => value !== 0));
});

gpuTest(
  "Unroll without learned momentum leaves ∂L/∂μ zero and the rest as it is",
  async (device) => {
    const spec = { ...SMALL, optimizer: "momentum" } as const;
    const { momentum, ...rest } = arraysOf(await onGpu(device, spec));
    assert.deepEqual([...momentum], [0]);
    const { momentum: wanted, ...same } = arraysOf(
      await onGpu(device, { ...spec, learnMomentum: true }),
    );
    assert.deepEqual(rest, same);
    assert.ok(wanted[0] !== 0);
  },
);

for (const optimizer of OPTIMIZER_NAMES) {
  gpuTest(
    `Unroll (${optimizer}): running again starts afresh, and disposing frees all`,
    async (device) => {
      const net = oddNet(device);
      const spec: UnrollSpec = { ...SMALL, optimizer };
      const { thetas, ...numbers } = numbersOf(spec, net.parameterCount);
      const before = device.bytes;
      {
        using data = dataOf(net, spec, numbers);
        using x = new Blocks(device, "x", 1, SIZE, REAL);
        using y = new Blocks(device, "y", 1, CLASSES, REAL);
        x.write(numbers.realImages);
        y.write(numbers.realLabels);
        using unroll = new Unroll(net, spec, { part: REAL, total: REAL });
        unroll.start.theta.write(unflatten(net, thetas));
        const results: Float32Array[] = [];
        for (let run = 0; run < 2; run++) {
          const record = device.record();
          unroll.metaGradient(record, data, [{ x: x.each[0]!, y: y.each[0]! }]);
          record.submit();
          results.push(await unroll.gradient.images.read());
        }
        assert.deepEqual(results[1], results[0], "the gradient is not added to the last one");
      }
      assert.equal(device.bytes, before);
      const again = new Unroll(net, spec, { part: REAL, total: REAL });
      assert.ok(device.bytes > before);
      again[Symbol.dispose]();
      assert.equal(device.bytes, before);
    },
  );
}
