// deno-lint-ignore-file camelcase -- metadata is spelled as in the file
/** KernelRegression: what distilled images and labels predict of real ones by the kernel that they were made for. */
import type { Tensor } from "../gpu/mod.ts";
import { padded } from "../layers/op.ts";
import type { Space } from "../meta/distilled_data.ts";
import { Blocks } from "../meta/blocks.ts";
import { MEMORY_BUDGET } from "../meta/memory.ts";
import { centredLabels, MOST_AT_ONCE } from "../meta/objectives/kernel_regression.ts";
import { type Normalization, RealBatch } from "../meta/real_batch.ts";
import { Ntk, type NtkSpec } from "../ntk/ntk.ts";
import type { Dataset, Split } from "../sets/dataset.ts";
import { LabelSolve, matrixOf, Ridge } from "../sets/kernel_ridge.ts";
import type { Artifact } from "../store/artifact.ts";
import { type Accuracy, fractionOf } from "./accuracy.ts";
import type { LabelledImages } from "./labelled_images.ts";
import type { Gain } from "./measure.ts";
import { firstImages } from "./real_sets.ts";

/** A kernel, and how regression by it is regularised. */
export interface Regression {
  readonly kernel: NtkSpec;
  /** λ in mean eigenvalues of K_ss. */
  readonly reg: number;
  /** Bytes of GPU memory that it may take. */
  readonly room?: number | undefined;
  /** Ends it early, with its reason. */
  readonly signal?: AbortSignal | undefined;
}

/** The most targets, a multiple of four, whose kernels with `images` others fit into `room` bytes and a binding. */
export function targetsAtOnce(
  { device, input }: Space,
  kernel: NtkSpec,
  images: number,
  wanted: number,
  room = MEMORY_BUDGET,
): number {
  const bytesOf = (left: number) =>
    device.count(() => new Ntk(device, kernel, input, left, images)).bytes;
  const each = (bytesOf(8) - bytesOf(4)) / 4;
  const pixels = kernel.kernel === "fc" ? 1 : input.height * input.width;
  const binding = device.info.limits.maxStorageBufferBindingSize! / (4 * pixels * images);
  const fit = Math.min(binding, (room - bytesOf(4)) / each, padded(wanted), MOST_AT_ONCE);
  return Math.max(4, Math.floor(fit / 4) * 4);
}

/** Kernels of n images with themselves and with the images of a split, some at a time. */
class Kernels implements Disposable {
  readonly part: number;
  readonly #images: Blocks;
  readonly #ts: Ntk;
  readonly #real: RealBatch;
  readonly #split: Split;
  readonly #space: Space;
  readonly #kernel: NtkSpec;
  readonly #count: number;
  readonly #signal: AbortSignal | undefined;
  readonly #owned: DisposableStack;

  constructor(
    space: Space,
    { kernel, room, signal }: Regression,
    { images, labels }: LabelledImages,
    split: Split,
    normalization: Normalization,
  ) {
    const { device, input, classes } = space;
    using owned = new DisposableStack();
    const count = labels.length / classes;
    const n = padded(count);
    this.part = targetsAtOnce(space, kernel, n, Math.min(split.count, WANTED), room);
    this.#space = space;
    this.#kernel = kernel;
    this.#count = count;
    this.#signal = signal;
    this.#split = split;
    this.#images = owned.use(new Blocks(device, "kernel", 1, images.length / count, count));
    this.#images.write(images);
    this.#ts = owned.use(new Ntk(device, kernel, input, this.part, n));
    this.#real = owned.use(new RealBatch(space, split, this.part, this.part, normalization));
    this.#owned = owned.move();
  }

  /** K_ss, factorised. */
  async ridge(reg: number): Promise<Ridge> {
    const { device, input } = this.#space;
    const n = padded(this.#count);
    using ss = new Ntk(device, this.#kernel, input, n, n);
    const x = this.#images.each[0]!;
    return new Ridge(await this.#rows(ss, x, this.#count), reg);
  }

  /** K_ts of the targets from number `first` on, [here, n], and how many there are. */
  async targets(first: number) {
    const last = this.#split.count - 1;
    const here = Math.min(this.part, this.#split.count - first);
    // The last part is filled up with the last image.
    this.#real.choose(Uint32Array.from({ length: this.part }, (_, i) => Math.min(first + i, last)));
    const left = this.#real.parts[0]!.x;
    return await this.#rows(this.#ts, left, here);
  }

  async #rows(ntk: Ntk, left: Tensor, rows: number) {
    const record = this.#space.device.record();
    if (ntk === this.#ts) this.#real.record(record);
    ntk.forward(record, { left, x: this.#images.each[0]! });
    await record.run(this.#signal);
    this.#signal?.throwIfAborted();
    const data = await ntk.kernel.read();
    return { data, rows, columns: this.#count, pitch: padded(this.#count) };
  }

  [Symbol.dispose](): void {
    this.#owned.dispose();
  }
}

/** Targets that are asked for at once. */
const WANTED = 1000;

/**
 * Test accuracy of kernel regression: the class of the largest prediction.
 *
 * @throws Error where the kernel of the images is singular.
 */
export async function regressionAccuracy(
  space: Space,
  regression: Regression,
  data: LabelledImages,
  { test, ...normalization }: Dataset,
): Promise<Accuracy> {
  const { classes: K } = space;
  using kernels = new Kernels(space, regression, data, test, normalization);
  const ridge = await kernels.ridge(regression.reg);
  const labels = { data: data.labels, rows: data.labels.length / K, columns: K };
  const alpha = ridge.solve(matrixOf(labels));
  const hits = new Uint8Array(test.count);
  for (let first = 0; first < test.count; first += kernels.part) {
    const predicted = matrixOf(await kernels.targets(first)).mmul(alpha);
    for (let i = 0; i < predicted.rows; i++) {
      const row = predicted.getRow(i);
      hits[first + i] = +(row.indexOf(Math.max(...row)) === test.labels[first + i]);
    }
  }
  return { mean: fractionOf(hits), std: 0, networks: 1 };
}

/** The labels that a run starts with, [classes · perClass, K]: centred, of one class each, in order. */
export function startLabels(classes: number, perClass: number): Float32Array<ArrayBuffer> {
  const inOrder = Array.from(
    { length: classes * perClass },
    (_, n) => Math.floor(n / perClass),
  );
  return centredLabels(inOrder, classes);
}

/** The images that a run starts from, and their labels. */
export async function startOf(
  { device, classes }: Space,
  sizes: Parameters<typeof firstImages>[1],
  dataset: Dataset,
): Promise<LabelledImages> {
  const images = await firstImages(device, sizes, dataset);
  return { images, labels: startLabels(classes, sizes.per_class) };
}

/** Test accuracy of kernel regression from the images that a run started with, and from those that it came to. */
export async function regressionGain(
  space: Space,
  regression: Regression,
  { start, data }: { readonly start: LabelledImages; readonly data: LabelledImages },
  dataset: Dataset,
): Promise<Gain> {
  return {
    before: await regressionAccuracy(space, regression, start, dataset),
    after: await regressionAccuracy(space, regression, data, dataset),
    by: "kernel regression",
  };
}

/**
 * The labels of images [n, K] by which kernel regression errs least on all training images (Label Solve).
 *
 * @throws Error where images or targets do not determine them.
 */
export async function solveLabels(
  space: Space,
  regression: Regression,
  data: LabelledImages,
  { train, ...normalization }: Dataset,
): Promise<Float32Array<ArrayBuffer>> {
  const { classes } = space;
  using kernels = new Kernels(space, regression, data, train, normalization);
  const ridge = await kernels.ridge(regression.reg);
  const solve = new LabelSolve(data.labels.length / classes, classes);
  for (let first = 0; first < train.count; first += kernels.part) {
    const kts = matrixOf(await kernels.targets(first));
    const here = Array.from(train.labels.subarray(first, first + kts.rows));
    const targets = { data: centredLabels(here, classes), rows: kts.rows, columns: classes };
    solve.add(kts, matrixOf(targets));
  }
  return Float32Array.from(solve.labels(ridge).to1DArray());
}

/** The regression of an artifact, by its metadata. */
export function regressionOf(
  { kernel, depth, sigma_w2, sigma_b2, reg }: Artifact["metadata"],
): Regression {
  return {
    kernel: {
      kernel: kernel as NtkSpec["kernel"],
      depth: Number(depth),
      sigmaW2: Number(sigma_w2),
      sigmaB2: Number(sigma_b2),
    },
    reg: Number(reg),
  };
}
