/**
 * matching: small problems of gradient matching and their distances in float64, for its tests here and in a browser.
 */
import type { Device } from "../../src/gpu/mod.ts";
import { type Planes, sizeOf } from "../../src/layers/op.ts";
import { DistilledData } from "../../src/meta/distilled_data.ts";
import { GivenNetworks } from "../../src/meta/initial_networks.ts";
import { Matching } from "../../src/meta/objectives/matching.ts";
import { siameseDraw } from "../../src/meta/siamese.ts";
import type { Layer } from "../../src/nets/arch.ts";
import { buildNet, twinOf } from "../../src/nets/build.ts";
import type { Net } from "../../src/nets/net.ts";
import { oracleNet } from "../../src/oracle/net.ts";
import { rowDistance, squaredDistance } from "../../src/oracle/row_distance.ts";
import { augmented } from "../../src/oracle/siamese.ts";
import { axpy } from "../../src/oracle/vector.ts";
import type { Split } from "../../src/sets/dataset.ts";
import { random } from "../oracle/numeric.ts";
import { rounded } from "./layout.ts";
import { unflatten } from "./nets.ts";
import { unrollSpec } from "./specs.ts";

/** A network, its data, and what is compared. */
export interface Case {
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

export const SEED = 3;
const RATE = Math.fround(0.05);
const STEPS = 2;

/** A small net of odd sizes, whose weights have rows that do not fill vec4s. */
export const SMALL: Case = {
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

/** Inputs in float64, each a number of f32. */
export function inputsOf({ arch, input, classes, perClass, real, scale }: Case) {
  const oracle = oracleNet(twinOf(arch, input, classes));
  const size = sizeOf(input);
  return {
    oracle,
    theta: rounded(random(oracle.logits.params, 1, 1.7 * scale)),
    images: rounded(random(classes * perClass * size, 2, 1.7)),
    realImages: rounded(random(classes * real * size, 3, 1.7)),
  };
}

export function make(device: Device, test: Case, imageSteps: number) {
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
export function distancesAt(test: Case, net: Net, k: number): ((images: Float64Array) => number)[] {
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
export function ofClass<T extends Float64Array | Float32Array>(
  array: T,
  classes: number,
  c: number,
) {
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
export async function iterate(device: Device, test: Case, end: number) {
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

export function submit(device: Device, objective: Matching, data: DistilledData, k: number): void {
  const draw = objective.draw(k);
  const record = device.record();
  draw.record(record, data);
  record.submit();
}

/** (1 − 1/K) Σ classes |mean h(x̃) − mean h(x)|² of the features h before the last layer, in float64. */
export function featureDistance(test: Case): (images: Float64Array) => number {
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
