/**
 * Ordinary: training as on any data set, on shuffled minibatches by gradient descent with momentum,
 * for R networks at once. It knows nothing of recorded steps or rates.
 */
import { Batches } from "../data/batches.ts";
import type { Dataset } from "../data/dataset.ts";
import type { Device, Recorder, Tensor } from "../gpu/mod.ts";
import type { Batch, Net } from "../nets/net.ts";
import type { Theta } from "../nets/theta.ts";
import { sizeOf } from "../layers/op.ts";
import { momentum } from "../ops/vector.ts";
import { type Accuracy, classify, fractionOf, summarize } from "./accuracy.ts";
import { Blocks } from "./blocks.ts";
import { drawHeldOut, type Initialization, networksAtOnce } from "./evaluate.ts";
import { openArtifact } from "./open_artifact.ts";
import { RealBatch } from "./real.ts";
import { pacing } from "./pacing.ts";

/** How networks are trained on a normal data set. */
export interface OrdinaryTraining {
  /** Passes over all images. */
  readonly epochs: number;
  /** Images of a minibatch; all of them where there are fewer. */
  readonly batch: number;
  /** Learning rate. */
  readonly rate: number;
  /** What remains of the velocity at each step. */
  readonly momentum: number;
}

/** What users do with 10 or 100 images: many epochs, and the commonest rate and momentum. */
export const ON_DISTILLED: OrdinaryTraining = { epochs: 300, batch: 32, rate: 0.01, momentum: 0.9 };

/** The same on a whole data set, of which a few epochs are enough. */
export const ON_EVERYTHING: OrdinaryTraining = { epochs: 3, batch: 64, rate: 0.01, momentum: 0.9 };

/** Minibatches that all networks share. */
export interface Minibatches {
  /** Images to choose from. */
  readonly count: number;
  /** Images of a minibatch. */
  readonly batch: number;
  /** Sets the images [batch] to take next, by index. */
  choose(indices: Uint32Array): void;
  /** Records what brings them into `part`. */
  record(record: Recorder): void;
  readonly part: Batch;
}

/** What moves θ against a gradient of its shape. */
export interface Optimizer {
  /** Records a step. */
  step(record: Recorder, gradient: Theta): void;
}

/** Gradient descent with momentum as PyTorch has it: v = μ · v + ∇, θ = θ − η · v. */
export class Sgd implements Optimizer, Disposable {
  readonly #theta: Theta;
  readonly #velocity: Theta;
  readonly #eta: Tensor;
  readonly #momentum: number;

  /** @param theta what is moved; the caller keeps owning it. */
  constructor(
    net: Net,
    theta: Theta,
    { rate, momentum }: Pick<OrdinaryTraining, "rate" | "momentum">,
  ) {
    this.#theta = theta;
    this.#velocity = net.theta(theta.networks);
    this.#eta = net.device.tensor([1], "eta").write(Float32Array.of(rate));
    this.#momentum = momentum;
  }

  step(record: Recorder, gradient: Theta): void {
    gradient.parts.forEach((a, i) => {
      const [moment1, out] = [this.#velocity.parts[i]!, this.#theta.parts[i]!];
      momentum(record, { a, moment1, eta: this.#eta, out }, this.#momentum);
    });
  }

  [Symbol.dispose](): void {
    this.#velocity[Symbol.dispose]();
    this.#eta[Symbol.dispose]();
  }
}

/** Distilled images and labels, or any other few arrays, as minibatches. */
export class ArrayMinibatches implements Minibatches, Disposable {
  readonly count: number;
  readonly batch: number;
  readonly part: Batch;
  readonly #arrays: readonly { readonly from: Float32Array; readonly rows: number; to: Blocks }[];
  readonly #owned: DisposableStack;

  /**
   * @param images [count, C, H, W], normalised. @param labels [count, K].
   * @param batch images of a minibatch; all where there are fewer.
   */
  constructor(net: Net, images: Float32Array, labels: Float32Array, batch: number) {
    this.count = labels.length / net.classes;
    this.batch = Math.min(batch, this.count);
    using owned = new DisposableStack();
    const array = (from: Float32Array, rows: number, label: string) => {
      const to = owned.use(new Blocks(net.device, label, 1, rows, this.batch));
      return { from, rows, to };
    };
    const x = array(images, sizeOf(net.input), "minibatch");
    const y = array(labels, net.classes, "minibatch labels");
    this.#arrays = [x, y];
    this.part = { x: x.to.each[0]!, y: y.to.each[0]! };
    this.#owned = owned.move();
  }

  choose(indices: Uint32Array): void {
    for (const { from, rows, to } of this.#arrays) {
      const chosen = new Float32Array(indices.length * rows);
      indices.forEach((index, n) => {
        chosen.set(from.subarray(index * rows, (index + 1) * rows), n * rows);
      });
      to.write(chosen);
    }
  }

  /** Nothing: the images are written as networks read them. */
  record(): void {}

  [Symbol.dispose](): void {
    this.#owned.dispose();
  }
}

/** The training images of a data set as minibatches, uploaded one by one. */
export class RealMinibatches implements Minibatches, Disposable {
  readonly count: number;
  readonly batch: number;
  readonly part: Batch;
  readonly #real: RealBatch;

  constructor(net: Net, dataset: Dataset, batch: number) {
    this.count = dataset.train.count;
    this.batch = Math.min(batch, this.count);
    this.#real = new RealBatch(net, dataset.train, this.batch, this.batch, dataset);
    this.part = this.#real.parts[0]!;
  }

  choose(indices: Uint32Array): void {
    this.#real.choose(indices);
  }

  record(record: Recorder): void {
    this.#real.record(record);
  }

  [Symbol.dispose](): void {
    this.#real[Symbol.dispose]();
  }
}

/**
 * Trains networks θ in place. Every epoch is a new order of all images, cut into minibatches;
 * what is left over after the last whole one is for another epoch. The seed gives the order.
 */
export async function fit(
  net: Net,
  theta: Theta,
  data: Minibatches,
  optimizer: Optimizer,
  { epochs, seed }: { epochs: number; seed: number },
): Promise<void> {
  using work = net.workspace(theta.networks, data.batch, { passes: "grad" });
  using thetaBar = net.theta(theta.networks);
  const record = net.device.record();
  data.record(record);
  net.grad(record, work, { theta, ...data.part, thetaBar });
  optimizer.step(record, thetaBar);
  const batches = new Batches(data, data.batch, seed);
  const pace = pacing(net.device);
  for (let k = 0; k < epochs * batches.perEpoch; k++) {
    data.choose(batches.indices(k));
    record.submit();
    await pace();
  }
}

/**
 * Test accuracy of `networks` fresh networks after ordinary training on images and labels. A network
 * that diverged counts with what it classifies right.
 */
export async function fitAndTest(
  net: Net,
  data: Minibatches,
  dataset: Dataset,
  how: Initialization,
  networks: number,
  training: OrdinaryTraining,
): Promise<Accuracy> {
  const atOnce = networksAtOnce(net, networks, data.batch);
  const fractions: number[] = [];
  for (let first = 0; first < networks; first += atOnce) {
    const here = Math.min(atOnce, networks - first);
    using theta = net.theta(here);
    drawHeldOut(net, theta, { ...how, init: "random" }, first);
    using sgd = new Sgd(net, theta, training);
    await fit(net, theta, data, sgd, { epochs: training.epochs, seed: how.seed });
    const { hits } = await classify(net, theta, dataset.test, dataset);
    fractions.push(...hits.map(fractionOf));
  }
  return summarize(fractions);
}

/**
 * The ordinary-training score of a finished run: test accuracy of `networks` (default 20) fresh
 * networks, drawn as the artifact says, each trained on the distilled images and labels as on any
 * data set. The recorded order and rates are not used, nor is a fixed initial network.
 *
 * @throws UsageError when the data set has other images or classes.
 */
export async function evaluateOrdinary(
  device: Device,
  dir: string,
  dataset: Dataset,
  options: { networks?: number; training?: OrdinaryTraining } = {},
): Promise<Accuracy> {
  const { networks = 20, training = ON_DISTILLED } = options;
  const { artifact: { images, labels }, net, how } = await openArtifact(device, dir, dataset);
  using data = new ArrayMinibatches(net, images.data, labels.data, training.batch);
  return await fitAndTest(net, data, dataset, how, networks, training);
}
