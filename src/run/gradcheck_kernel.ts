/** GradcheckKernel: the gradient of kernel regression in f32 on the GPU against float64 central differences. */
import type { Device } from "../gpu/mod.ts";
import { sizeOf } from "../layers/op.ts";
import { Learned } from "../meta/learned.ts";
import { drawNormal } from "../meta/noise.ts";
import { centredLabels, KernelRegression } from "../meta/objectives/kernel_regression.ts";
import type { NtkSpec } from "../ntk/ntk.ts";
import { regressionLoss, type RegressionProblem } from "../oracle/kernel_regression.ts";
import { BalancedBatches, gather } from "../sets/batches.ts";
import { kernelDataOf } from "../recipe/spec.ts";
import { type GradcheckResult, relativeError, TOLERANCE } from "./gradcheck.ts";

/** The sizes of a check. */
export interface KernelGradcheckOptions {
  /** The network that the kernel is of. */
  readonly kernel: NtkSpec;
  /** Distilled images, divided by ten. */
  readonly perClass: number;
  /** Targets. */
  readonly batch: number;
  /** Seed of everything drawn, an unsigned 32-bit integer. */
  readonly seed: number;
}

const CLASSES = 10;

/** Small images: a float64 kernel takes a pair of them at a time, and central differences many. */
const INPUT = { channels: 1, height: 5, width: 5 };

const REG = 1e-3;
const STEP = 1e-5;

/** Draws noise images and labels, and compares the gradient of their regression. */
export async function gradcheckKernel(
  device: Device,
  { kernel, perClass, batch, seed }: KernelGradcheckOptions,
): Promise<Omit<GradcheckResult, "hyper">> {
  const D = sizeOf(INPUT);
  const count = perClass * CLASSES;
  const numbers = (stream: number, size: number) => drawNormal(device, seed, stream, size);
  const images = await numbers(101, count * D);
  const labels = await numbers(102, count * CLASSES);
  const real = Math.max(batch, CLASSES); // some of each class
  const train = {
    images: await numbers(104, real * D),
    labels: Uint8Array.from({ length: real }, (_, n) => n % CLASSES),
    count: real,
  };
  const chosen = new BalancedBatches(train, CLASSES, batch, seed).indices(0);
  const targets = gather(train, chosen);
  const space = { device, input: INPUT, classes: CLASSES };
  const spec = kernelDataOf({ per_class: perClass, soft_labels: true }, CLASSES);
  using objective = new KernelRegression(space, {
    spec,
    kernel,
    reg: REG,
    train,
    batch,
    part: Math.ceil(batch / 4) * 4,
    normalization: { mean: [0], std: [1] },
    seed,
  });
  using learned = new Learned(space, spec);
  learned.initialize({ images, labels, rate: 1, momentum: 0.5 });
  const draw = objective.draw(0);
  const [first, rest] = [device.record(), device.record()];
  draw.record(first, learned.data);
  draw.recordRest?.(rest, learned.data);
  first.submit();
  await draw.between?.(learned.data);
  rest.submit();
  const problem = {
    images: Float64Array.from(images),
    labels: Float64Array.from(labels),
    targets: Float64Array.from(targets.images),
    targetLabels: Float64Array.from(centredLabels([...targets.labels], CLASSES)),
  };
  const lossOf = (changed: Partial<RegressionProblem>) =>
    regressionLoss({ ...problem, ...changed }, { network: kernel, extents: INPUT, reg: REG });
  const slopes = (key: "images" | "labels") => {
    const at = problem[key];
    return at.map((_, i) => {
      const along = (step: number) =>
        lossOf({ [key]: at.map((value, j) => j === i ? value + step : value) });
      return (along(STEP) - along(-STEP)) / (2 * STEP);
    });
  };
  const { gradient } = objective;
  const gpu = (await objective.loss.read())[0]!;
  const oracle = lossOf({});
  const loss = { gpu, oracle, relativeError: relativeError([gpu], [oracle]) };
  const ofImages = relativeError(await gradient.images.read(), slopes("images"));
  const ofLabels = relativeError(await gradient.labels.read(), slopes("labels"));
  return {
    loss,
    images: { relativeError: ofImages },
    labels: { relativeError: ofLabels },
    passed: [loss.relativeError, ofImages, ofLabels].every((error) => error < TOLERANCE),
  };
}
