/** matching_test: gradient matching against float64 central differences of the distance, and how it goes on. */
import assert from "node:assert/strict";
import type { Device } from "../../../src/gpu/mod.ts";
import { type Planes, sizeOf } from "../../../src/layers/op.ts";
import { DistilledData } from "../../../src/meta/distilled_data.ts";
import { GivenNetworks } from "../../../src/meta/initial_networks.ts";
import { Matching } from "../../../src/meta/objectives/matching.ts";
import { siameseDraw } from "../../../src/meta/siamese.ts";
import type { Layer } from "../../../src/nets/arch.ts";
import { buildNet, twinOf } from "../../../src/nets/build.ts";
import type { Net } from "../../../src/nets/net.ts";
import { oracleNet } from "../../../src/oracle/net.ts";
import { rowDistance, squaredDistance } from "../../../src/oracle/row_distance.ts";
import { augmented } from "../../../src/oracle/siamese.ts";
import { axpy, dot } from "../../../src/oracle/vector.ts";
import type { Split } from "../../../src/sets/dataset.ts";
import { directional, gradient, moved, random } from "../../oracle/numeric.ts";
import { gpuTest } from "../../support/device.ts";
import { rounded } from "../../support/layout.ts";
import { relativeError, thinned, unflatten } from "../../support/nets.ts";
import { unrollSpec } from "../../support/specs.ts";

interface Case {
  readonly arch: readonly Layer[];
  readonly input: Planes;
  readonly classes: number;
  readonly perClass: number;
  /** Real images of each class, and those that run at once. */
  readonly real: number;
  readonly part: number;
  readonly isSiamese: boolean;
  /** Gradients unless it says features. */
  readonly match?: "features";
  /** Standard deviation of the weights, about. */
  readonly scale: number;
}

const SEED = 3;
const RATE = Math.fround(0.05);
const STEPS = 2;
const WAY = 0.01;

/** A small net of odd sizes, whose weights have rows that do not fill vec4s. */
const SMALL: Case = {
  arch: [
    { conv: { name: "conv", channels: 3, size: 3, stride: 1, pad: 1 } },
    { instance_norm: { eps: 1e-5 } },
    "relu",
    { dense: { name: "fc1", outputs: 6 } },
    "relu",
    { dense: { name: "fc2", outputs: "classes" } },
  ],
  input: { channels: 2, height: 4, width: 5 },
  classes: 3,
  perClass: 2,
  real: 11,
  part: 4,
  isSiamese: false,
  scale: 0.4,
};

const MNIST: Planes = { channels: 1, height: 28, width: 28 };

/** Inputs in float64, each a number of f32. */
function inputsOf({ arch, input, classes, perClass, real, scale }: Case) {
  const oracle = oracleNet(twinOf(arch, input, classes));
  const size = sizeOf(input);
  return {
    oracle,
    theta: rounded(random(oracle.logits.params, 1, 1.7 * scale)),
    images: rounded(random(classes * perClass * size, 2, 1.7)),
    realImages: rounded(random(classes * real * size, 3, 1.7)),
  };
}

function make(device: Device, test: Case, imageSteps: number) {
  const { arch, input, classes, perClass, real, part, isSiamese } = test;
  const { theta, images, realImages } = inputsOf(test);
  const net = buildNet(device, arch, input, classes);
  const train: Split = {
    images: Float32Array.from(realImages),
    labels: Uint8Array.from({ length: classes * real }, (_, n) => Math.floor(n / real)),
    count: classes * real,
  };
  const spec = unrollSpec({
    blocks: 1,
    perBlock: classes * perClass,
    total: STEPS,
    rates: "fixed",
  });
  const initial = new GivenNetworks(false, () => unflatten(net, [theta]));
  const objective = new Matching(net, initial, {
    spec,
    imageSteps,
    train,
    batch: classes * real,
    part,
    normalization: { mean: [0], std: [1] },
    match: test.match ?? "gradients",
    isSiamese,
    seed: SEED,
  });
  const data = new DistilledData(net, spec);
  data.images.write(Float32Array.from(images));
  data.labels.write(labelsOf(classes, perClass));
  data.lrs.write([RATE]);
  return { net, objective, data };
}

/** One-hot labels, class by class. */
function labelsOf(classes: number, each: number): Float64Array {
  const labels = new Float64Array(classes * each * classes);
  for (let n = 0; n < classes * each; n++) labels[n * classes + Math.floor(n / each)] = 1;
  return labels;
}

/** D of each class in iteration k at its images x̃, in float64. The networks' steps before it are on those given. */
function distancesAt(test: Case, net: Net, k: number): ((images: Float64Array) => number)[] {
  const { input, classes, perClass, real, isSiamese } = test;
  const { oracle, theta: start, images, realImages } = inputsOf(test);
  const seen = (x: Float64Array, draw: number) =>
    isSiamese ? augmented(x, siameseDraw(input, SEED, k, draw), input) : x;
  const theta = start.slice();
  for (let t = 0; t < (k > 0 ? STEPS : 0); t++) {
    const n = classes * perClass;
    const { dTheta } = oracle.grad(theta, seen(images, t + 1), labelsOf(classes, perClass), n);
    axpy(-RATE, dTheta, theta);
  }
  const gradientOf = (x: Float64Array, each: number, c: number) => {
    const y = ofClass(labelsOf(classes, each), classes, c);
    return oracle.grad(theta, seen(x, 0), y, each).dTheta;
  };
  return Array.from({ length: classes }, (_, c) => {
    const b = gradientOf(ofClass(realImages, classes, c), real, c);
    return (x) => ofWeights(net, gradientOf(x, perClass, c), b);
  });
}

/** The part of an array that is of class c. */
function ofClass<T extends Float64Array | Float32Array>(array: T, classes: number, c: number) {
  const length = array.length / classes;
  return Float64Array.from(array.subarray(c * length, (c + 1) * length));
}

/** D of two gradients [parameters] over the weights of a net. */
function ofWeights({ parameters }: Net, a: Float64Array, b: Float64Array): number {
  let [sum, next] = [0, 0];
  for (const { shape, initial } of parameters) {
    const at = [next, next += shape.reduce((p, q) => p * q, 1)] as const;
    if (initial === "weight") sum += rowDistance(a.subarray(...at), b.subarray(...at), shape[0]!);
  }
  return sum;
}

/** The loss and the gradient in the images of iterations 0 up to `end`, the images standing still. */
async function iterate(device: Device, test: Case, end: number) {
  const { net, objective, data } = make(device, test, 2);
  using _objective = objective;
  using _data = data;
  for (let k = 0; k < end; k++) submit(device, objective, data, k);
  return {
    net,
    loss: (await objective.loss.read())[0]!,
    images: await objective.gradient.images.read(),
  };
}

function submit(device: Device, objective: Matching, data: DistilledData, k: number): void {
  const draw = objective.draw(k);
  const record = device.record();
  draw.record(record, data);
  record.submit();
}

for (const isSiamese of [false, true]) {
  const name = isSiamese ? "DSA" : "DC";
  gpuTest(
    `${name}: the gradient agrees with central differences, pixel by pixel`,
    async (device) => {
      const test = { ...SMALL, isSiamese };
      for (const end of [1, 2]) { // at a fresh network, and after steps of it
        const found = await iterate(device, test, end);
        const { images } = inputsOf(test);
        let loss = 0;
        distancesAt(test, found.net, end - 1).forEach((distance, c) => {
          const x = ofClass(images, test.classes, c);
          const bar = ofClass(found.images, test.classes, c);
          const error = relativeError(bar, gradient(distance, x));
          assert.ok(error < 1e-5, `relative error ${error} of class ${c}, iteration ${end - 1}`);
          loss += distance(x);
        });
        assert.ok(Math.abs(found.loss / loss - 1) < 1e-5, `loss ${found.loss}, expected ${loss}`);
      }
    },
  );
}

const NETWORKS: Record<string, Case> = {
  lenet: {
    ...SMALL,
    arch: thinned("lenet", MNIST, 2),
    input: MNIST,
    classes: 2,
    real: 3,
    isSiamese: true,
    scale: 0.1, // with larger weights p − y, the difference of two f32 near 1, has few digits left
  },
  "convnet3:width=16,depth=1": {
    ...SMALL,
    arch: thinned("convnet3:width=16,depth=1", MNIST, 1),
    input: MNIST,
    classes: 2,
    real: 3,
    scale: 0.2,
  },
};

for (const [name, test] of Object.entries(NETWORKS)) {
  gpuTest(`${name}: the gradient agrees with central differences`, async (device) => {
    const found = await iterate(device, test, 1);
    const { images } = inputsOf(test);
    distancesAt(test, found.net, 0).forEach((distance, c) => {
      const x = ofClass(images, test.classes, c);
      const bar = ofClass(found.images, test.classes, c);
      // Along the gradient nearly, where a difference is large beside what rounding makes of it. The steps are small,
      // since a gradient jumps where a maximum or the sign before a ReLU changes.
      const noise = random(x.length, 5 + c);
      const length = Math.hypot(...bar) / Math.hypot(...noise);
      const way = noise.map((v, i) => (bar[i]! + length * v) * WAY);
      const [expected] = directional((step) => Float64Array.of(distance(moved(x, way, step))));
      const slope = dot(bar, way);
      const error = Math.abs(slope / expected! - 1);
      assert.ok(error < 1e-5, `slope ${slope}, expected ${expected}: relative error ${error}`);
    });
  });
}

gpuTest("Matching: parts of the real batch add up to the whole", async (device) => {
  const [parts, whole] = [
    await iterate(device, SMALL, 1),
    await iterate(device, { ...SMALL, part: 12 }, 1),
  ];
  const error = relativeError(parts.images, whole.images);
  assert.ok(error > 0 && error < 1e-5, `relative error ${error}`);
});

gpuTest("Matching: goes on to the same bits where it was saved", async (device) => {
  const test = { ...SMALL, isSiamese: true };
  const [straight, stopped, resumed] = [1, 2, 3].map(() => make(device, test, 3));
  const gradientOf = async (
    { objective, data }: ReturnType<typeof make>,
    from: number,
    to: number,
  ) => {
    for (let k = from; k < to; k++) submit(device, objective, data, k);
    return await objective.gradient.images.read();
  };
  const expected = await gradientOf(straight!, 0, 3);
  await gradientOf(stopped!, 0, 2);
  resumed!.objective.restore(await stopped!.objective.save());
  assert.deepEqual(await gradientOf(resumed!, 2, 3), expected);
  for (const { objective, data } of [straight!, stopped!, resumed!]) {
    objective[Symbol.dispose]();
    data[Symbol.dispose]();
  }
});

for (const isSiamese of [false, true]) {
  const name = isSiamese ? "features, augmented" : "features";
  gpuTest(`Matching: of mean ${name}, against central differences`, async (device) => {
    const test: Case = { ...SMALL, isSiamese, match: "features" };
    const found = await iterate(device, test, 1);
    const { images } = inputsOf(test);
    const distance = featureDistance(test);
    const error = relativeError(found.images, gradient(distance, images));
    assert.ok(error < 1e-5, `relative error ${error}`);
    const expected = distance(images);
    assert.ok(Math.abs(found.loss / expected - 1) < 1e-5, `loss ${found.loss}, not ${expected}`);
  });
}

/** (1 − 1/K) Σ classes |mean h(x̃) − mean h(x)|² of the features h before the last layer, in float64. */
function featureDistance(test: Case): (images: Float64Array) => number {
  const { arch, input, classes, perClass, real, isSiamese } = test;
  const { theta, realImages } = inputsOf(test);
  const before = twinOf(arch.slice(0, -1), input, classes);
  const means = (images: Float64Array, each: number) => {
    const x = isSiamese ? augmented(images, siameseDraw(input, SEED, 0, 0), input) : images;
    const h = before.fwd(x, theta.subarray(0, before.params), classes * each);
    const sums = new Float64Array(classes * before.outSize);
    h.forEach((value, i) => {
      const image = Math.floor(i / before.outSize);
      sums[Math.floor(image / each) * before.outSize + i % before.outSize]! += value / each;
    });
    return sums;
  };
  const ofReal = means(realImages, real);
  return (images) => (1 - 1 / classes) * squaredDistance(means(images, perClass), ofReal);
}
