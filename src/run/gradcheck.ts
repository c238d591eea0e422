/** Gradcheck: the whole meta-gradient in f32 on the GPU against the float64 oracle. */
import { encodeSafetensors, type FloatTensor } from "../base/safetensors.ts";
import type { Device } from "../gpu/mod.ts";
import { sizeOf } from "../layers/op.ts";
import type { Arch } from "../nets/arch.ts";
import { buildNet, twinOf } from "../nets/build.ts";
import { exportParameters, type NamedArray } from "../nets/export.ts";
import { initialize } from "../nets/init.ts";
import { imageOf } from "../nets/named.ts";
import type { Net } from "../nets/net.ts";
import { oracleNet } from "../oracle/net.ts";
import { metaGradient } from "../oracle/unroll.ts";
import { writeAtomic } from "../base/atomic.ts";
import { Blocks } from "../meta/blocks.ts";
import { drawNormal } from "../meta/noise.ts";
import { DistilledData } from "../meta/distilled_data.ts";
import type { OptimizerName } from "../meta/optimizers/list.ts";
import { Unroll, type UnrollSpec } from "../meta/unroll.ts";

/** The sizes of a check. */
export interface GradcheckOptions {
  /** Name of the network, or its layers (for images of 1×28×28). */
  readonly arch: Arch;
  /** What it is trained with, one of LOSS_NAMES; softmax_xent when left out. */
  readonly loss?: string;
  /** Gradient steps in an epoch, each on its own images. */
  readonly steps: number;
  /** Passes over all steps. */
  readonly epochs: number;
  /** Distilled images in a step, divided by ten. */
  readonly perClass: number;
  /** Real images. */
  readonly batch: number;
  /** What networks are trained with; gd when left out. */
  readonly optimizer?: OptimizerName;
  /** Steps in the middle that are differentiated, after those before were taken without; all when left out. */
  readonly window?: number;
  /** Whether one rate is learned for all steps. */
  readonly oneRate?: boolean;
  /** Images that a step draws from all, with steps: 1; all when left out. */
  readonly innerBatch?: number;
  /** R, networks trained side by side. */
  readonly networks: number;
  /** Seed of everything drawn, an unsigned 32-bit integer. */
  readonly seed: number;
  /** A safetensors file for the inputs and the GPU's results. */
  readonly dump?: string;
}

/** How far the GPU is from the oracle: ‖GPU − oracle‖ / ‖oracle‖, of the block where it is farthest. */
export interface GradcheckResult {
  /** L, and how far it is off. */
  readonly loss: { gpu: number; oracle: number; relativeError: number };
  /** ∂L/∂x̃, a block for each step. */
  readonly images: { relativeError: number };
  /** ∂L/∂ỹ, a block for each step. */
  readonly labels: { relativeError: number };
  /** ∂L/∂η and, for optimizer momentum, ∂L/∂μ, one block. */
  readonly hyper: { relativeError: number };
  /** All of them below 1e-5. */
  readonly passed: boolean;
}

/** Relative error below which a gradient in f32 is right. */
export const TOLERANCE = 1e-5;

/** Classes that the network tells apart, and images of one `perClass`. */
const CLASSES = 10;

/** Constants of the optimisers, and rates that they train stably at. */
const CONSTANTS = { beta1: 0.9, beta2: 0.99, epsRoot: 1e-6 };
const MOMENTUM = 0.9;
const RATES = { gd: 0.05, momentum: 0.01, adam: 0.002 };

interface Problem {
  theta0: Float32Array;
  images: Float32Array<ArrayBuffer>;
  labels: Float32Array<ArrayBuffer>;
  lrs: Float32Array<ArrayBuffer>;
  realImages: Float32Array<ArrayBuffer>;
  realLabels: Float32Array<ArrayBuffer>;
  /** Images of each step, where they are drawn. */
  batches: Uint32Array[];
}

interface Gradients {
  loss: number;
  images: ArrayLike<number>;
  labels: ArrayLike<number>;
  lrs: ArrayLike<number>;
  momentum: number;
}

/**
 * Draws networks, soft-labelled noise images and rates, and compares their meta-gradients.
 *
 * @throws RangeError for an unknown arch, or layers that do not fit one another.
 */
export async function gradcheck(
  device: Device,
  options: GradcheckOptions,
): Promise<GradcheckResult> {
  const outputs = options.loss === "sigmoid_xent" ? 1 : CLASSES;
  const net = buildNet(device, options.arch, imageOf(options.arch), outputs, options.loss);
  const [problem, gpu] = await onGpu(device, net, options);
  const oracle = onOracle(net, problem, options);
  if (options.dump !== undefined) await dump(options.dump, net, problem, gpu, options);
  const loss = {
    gpu: gpu.loss,
    oracle: oracle.loss,
    relativeError: relativeError([gpu.loss], [oracle.loss]),
  };
  const images = { relativeError: relativeError(gpu.images, oracle.images, options.steps) };
  const labels = { relativeError: relativeError(gpu.labels, oracle.labels, options.steps) };
  const hyperOf = ({ lrs, momentum }: Gradients) => [...Array.from(lrs), momentum];
  const hyper = { relativeError: relativeError(hyperOf(gpu), hyperOf(oracle)) };
  const passed = [loss, images, labels, hyper].every((e) => e.relativeError < TOLERANCE);
  return { loss, images, labels, hyper, passed };
}

/** What a check unrolls, and the step that its window starts at: one in the middle. */
function specOf(options: GradcheckOptions): { spec: UnrollSpec; first: number } {
  const { steps, epochs, perClass, networks, optimizer = "gd", innerBatch = 0, oneRate } = options;
  const total = steps * epochs;
  const { window = total } = options;
  const spec: UnrollSpec = {
    ...CONSTANTS,
    networks,
    blocks: steps,
    perBlock: perClass * CLASSES,
    total,
    window,
    innerBatch,
    optimizer,
    rates: oneRate ? "one" : "per_step",
    labels: "probabilities",
    learnMomentum: optimizer === "momentum",
  };
  return { spec, first: Math.ceil((total - window) / 2) };
}

async function onGpu(
  device: Device,
  net: Net,
  options: GradcheckOptions,
): Promise<[Problem, Gradients]> {
  const { steps, batch, seed } = options;
  const { spec, first } = specOf(options);
  using unroll = new Unroll(net, spec, { part: batch, total: batch });
  using data = new DistilledData(net, spec);
  using realX = new Blocks(device, "real images", 1, sizeOf(net.input), batch);
  using realY = new Blocks(device, "real labels", 1, net.classes, batch);
  using draw = device.tensor([2], "draw").write(Uint32Array.of(seed, 0));
  const count = steps * spec.perBlock;
  const rate = RATES[spec.optimizer];
  const numbers = (stream: number, size: number) => drawNormal(device, seed, stream, size);
  const problem = {
    images: await numbers(101, count * sizeOf(net.input)),
    labels: labelsOf(await numbers(102, count * net.classes), net.classes),
    lrs: (await numbers(103, data.lrs.length)).map((g) => rate * Math.exp(0.3 * g)),
    realImages: await numbers(104, batch * sizeOf(net.input)),
    realLabels: labelsOf(await numbers(105, batch * net.classes), net.classes),
    batches: unroll.inner.draw(seed, 0),
  };
  data.images.write(problem.images);
  data.labels.write(problem.labels);
  data.lrs.write(problem.lrs);
  data.momentum.write([MOMENTUM]);
  realX.write(problem.realImages);
  realY.write(problem.realLabels);
  const { start: { theta } } = unroll;
  const initial = device.record();
  initialize(initial, net, theta, draw, { method: "xavier_normal", param: 1 });
  initial.submit();
  const theta0 = await theta.read();
  const record = device.record();
  unroll.advance(record, data, first);
  unroll.metaGradient(record, data, [{ x: realX.each[0]!, y: realY.each[0]! }], first);
  record.submit();
  const { gradient } = unroll;
  const gradients = {
    loss: (await unroll.loss.read())[0]!,
    images: await gradient.images.read(),
    labels: await gradient.labels.read(),
    lrs: await gradient.lrs.read(),
    momentum: (await gradient.momentum.read())[0]!,
  };
  return [{ ...problem, theta0 }, gradients];
}

/** Soft labels: softmax of each row of K scores, sharpened so that labels differ well; of one, its sigmoid. */
function labelsOf(scores: Float32Array<ArrayBuffer>, K: number): Float32Array<ArrayBuffer> {
  const labels = scores.map((score) => Math.exp(2 * score));
  if (K === 1) return labels.map((odds) => odds / (1 + odds));
  for (let row = 0; row < labels.length; row += K) {
    const sum = labels.subarray(row, row + K).reduce((a, b) => a + b, 0);
    for (let k = row; k < row + K; k++) labels[k]! /= sum;
  }
  return labels;
}

/** The mean over networks, each in float64 from the very numbers that the GPU had. */
function onOracle(net: Net, problem: Problem, options: GradcheckOptions): Gradients {
  const { arch, steps, epochs, batch, networks } = options;
  const { classes } = net;
  const { spec: { perBlock, window, optimizer, innerBatch }, first } = specOf(options);
  const [beta1, beta2, epsRoot, mu] = [...Object.values(CONSTANTS), MOMENTUM].map(Math.fround);
  const settings = {
    gd: { kind: "gd" },
    momentum: { kind: "momentum", momentum: mu! },
    adam: { kind: "adam", beta1: beta1!, beta2: beta2!, epsRoot: epsRoot! },
  } as const;
  const trained = {
    optimizer: settings[optimizer],
    ...(innerBatch > 0 && { batches: problem.batches }),
  };
  const twin = oracleNet(twinOf(arch, net.input, classes), net.loss.twin);
  const rest = { ...trained, steps, epochs, perStep: perBlock, realCount: batch, classes };
  const [images, labels, lrs, realImages, realLabels] = [
    problem.images,
    problem.labels,
    problem.lrs,
    problem.realImages,
    problem.realLabels,
  ].map((a) => Float64Array.from(a)) as [
    Float64Array,
    Float64Array,
    Float64Array,
    Float64Array,
    Float64Array,
  ];
  const sum = {
    loss: 0,
    images: new Float64Array(images.length),
    labels: new Float64Array(labels.length),
    lrs: new Float64Array(lrs.length),
    momentum: 0,
  };
  for (let r = 0; r < networks; r++) {
    const theta0 = flat(exportParameters(net, problem.theta0, r));
    const data = { theta0, images, labels, lrs, realImages, realLabels, ...rest };
    const { thetaT, stateT } = metaGradient(twin, { ...data, to: first }); // for where it comes to
    const at = { theta0: thetaT, state0: stateT, from: first, to: first + window };
    const one = metaGradient(twin, { ...data, ...at });
    sum.loss += one.loss / networks;
    one.dImages.forEach((g, i) => sum.images[i]! += g / networks);
    one.dLabels.forEach((g, i) => sum.labels[i]! += g / networks);
    one.dLrs.forEach((g, i) => sum.lrs[i]! += g / networks);
    sum.momentum += one.dMomentum / networks;
  }
  return sum;
}

/** Parameters one after the other, as the oracle has them. */
function flat(named: Record<string, NamedArray>): Float64Array {
  return Float64Array.from(Object.values(named).flatMap(({ data }) => Array.from(data)));
}

/** The relative error of the worst of some blocks of equal length. */
export function relativeError(
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
  blocks = 1,
): number {
  const length = expected.length / blocks;
  const errors = Array.from({ length: blocks }, (_, block) => {
    let [difference, size] = [0, 0];
    for (let i = block * length; i < (block + 1) * length; i++) {
      difference += (actual[i]! - expected[i]!) ** 2;
      size += expected[i]! ** 2;
    }
    return size === 0 ? Math.sqrt(difference) : Math.sqrt(difference / size);
  });
  return Math.max(...errors);
}

async function dump(
  path: string,
  net: Net,
  problem: Problem,
  gradients: Gradients,
  options: GradcheckOptions,
): Promise<void> {
  const { steps, epochs, perClass, batch, networks } = options;
  const { channels, height, width } = net.input;
  const image = [channels, height, width];
  const count = steps * perClass * CLASSES;
  const tensors: Record<string, FloatTensor> = {};
  for (let r = 0; r < networks; r++) {
    const prefix = networks === 1 ? "theta0" : `theta0/${r}`;
    for (
      const [name, { shape, data }] of Object.entries(exportParameters(net, problem.theta0, r))
    ) {
      tensors[`${prefix}/${name}`] = { shape: [...shape], data };
    }
  }
  const put = (name: string, shape: number[], data: ArrayLike<number>) => {
    tensors[name] = { shape, data: Float32Array.from(data) };
  };
  put("images", [count, ...image], problem.images);
  put("labels", [count, net.classes], problem.labels);
  put("lrs", [problem.lrs.length], problem.lrs);
  put("real_images", [batch, ...image], problem.realImages);
  put("real_labels", [batch, net.classes], problem.realLabels);
  put("loss", [1], [gradients.loss]);
  put("d_images", [count, ...image], gradients.images);
  put("d_labels", [count, net.classes], gradients.labels);
  put("d_lrs", [problem.lrs.length], gradients.lrs);
  await writeAtomic(path, encodeSafetensors(tensors, { steps: `${steps}`, epochs: `${epochs}` }));
}
