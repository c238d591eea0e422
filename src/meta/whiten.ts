/**
 * Whiten: ZCA whitening of a data set (sets/whitening.ts). The eigenvectors are found in float64 on the
 * processor. Everything else is products of matrices, which run on the GPU as a fully connected layer.
 */
import type { Dataset, Split } from "../sets/dataset.ts";
import { digestOf } from "../sets/digest.ts";
import { spectrumOf, type Whitening } from "../sets/whitening.ts";
import type { Device } from "../gpu/mod.ts";
import { buildNet } from "../nets/build.ts";
import { importNetworks } from "../nets/export.ts";
import { Blocks } from "./blocks.ts";
import { normalized } from "../sets/normalized.ts";
import { UsageError } from "../base/usage_error.ts";

/** Numbers of an image up to which eigenvectors are found in minutes. */
const MOST = 4096;

/** Images in memory as floats at once. Sums within such a chunk are in float32, over chunks in float64. */
const CHUNK = 4096;

/** Rows that the GPU multiplies at once. */
const ROWS = 1024;

/** Who hears of whitening, and who ends it. */
interface WhitenOptions {
  /** Called with a line when something long begins. */
  readonly onNote?: ((line: string) => void) | undefined;
  /** Ends it between two parts; finding eigenvectors is one, and nothing else of the process gets a turn during it. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * The data set as networks see it: whitened where `zca` > 0, by its own training images; else as it is.
 *
 * @throws UsageError for images of more than 4096 numbers, or the signal's reason.
 */
export async function whitened(
  device: Device,
  dataset: Dataset,
  zca: number,
  { onNote = () => {}, signal }: WhitenOptions = {},
): Promise<Dataset> {
  if (zca === 0) return dataset;
  const giveTurn = async () => {
    await new Promise((resolve) => setTimeout(resolve)); // for signals
    signal?.throwIfAborted();
  };
  const { train, test } = dataset;
  const D = sizeOf(dataset);
  onNote(`Whitening: covariance of ${train.count} training images`);
  const mean = meanOf(dataset, D);
  const covariance = await covarianceOf(device, dataset, mean);
  onNote(`Whitening: eigenvectors of ${D} × ${D} numbers`);
  await giveTurn();
  const { vectors, values } = spectrumOf(covariance, D);
  await giveTurn();
  const lambda = zca * values.reduce((sum, value) => sum + value, 0) / D;
  const power = async (exponent: number) => { // U diag((s + λ)^exponent) Uᵀ
    const scaled = vectors.map((u, i) => u * (Math.max(0, values[i % D]!) + lambda) ** exponent);
    return await multiply(device, scaled, vectors, D);
  };
  const whitening = { zca, mean, matrix: await power(-0.5), inverse: await power(0.5) };
  onNote(`Whitening: ${train.count + test.count} images`);
  return {
    ...dataset,
    sha256: await digestOf(dataset),
    whitening,
    train: await whitenSplit(device, dataset, train, whitening),
    test: await whitenSplit(device, dataset, test, whitening),
  };
}

/**
 * A data set of the form that `whitened` gives, with images of zeros: enough to count what a run takes.
 *
 * @throws UsageError as `whitened` does.
 */
export function whitenedForm(dataset: Dataset, zca: number): Dataset {
  if (zca === 0) return dataset;
  const D = sizeOf(dataset);
  const blank = (split: Split) => ({ ...split, images: new Float32Array(split.count * D) });
  return { ...dataset, train: blank(dataset.train), test: blank(dataset.test) };
}

/** Numbers of an image. @throws UsageError for too many. */
function sizeOf({ name, channels, height, width }: Dataset): number {
  const D = channels * height * width;
  if (D <= MOST) return D;
  throw new UsageError(
    `Cannot whiten ${name}: got images of ${channels}×${height}×${width}, ${D} numbers, expected ` +
      `at most ${MOST}, since eigenvectors of more take hours; set resize, or zca to 0`,
  );
}

/** A split of the data set with its images whitened, as floats. */
export async function whitenSplit(
  device: Device,
  dataset: Dataset,
  split: Split,
  { mean, matrix }: Whitening,
): Promise<Split> {
  const D = mean.length;
  const images = new Float32Array(split.count * D);
  for (const [first, chunk] of chunksOf(dataset, split, mean)) {
    images.set(await multiply(device, chunk, matrix, D), first * D);
  }
  return { ...split, images };
}

/** μ, the mean of each number over the training images. */
function meanOf(dataset: Dataset, D: number): Whitening["mean"] {
  const sums = new Float64Array(D);
  for (const [, chunk] of chunksOf(dataset, dataset.train, new Float32Array(D))) {
    chunk.forEach((value, i) => sums[i % D]! += value);
  }
  return Float32Array.from(sums, (sum) => sum / dataset.train.count);
}

/** C = mean of (z − μ)(z − μ)ᵀ over the training images, [D, D]. */
async function covarianceOf(device: Device, dataset: Dataset, mean: Whitening["mean"]) {
  const D = mean.length;
  const sum = new Float64Array(D * D);
  for (const [, chunk] of chunksOf(dataset, dataset.train, mean)) {
    const count = chunk.length / D;
    const columns = new Float32Array(chunk.length); // [D, count]
    chunk.forEach((value, i) => columns[i % D * count + Math.floor(i / D)] = value);
    (await multiply(device, columns, columns, count)).forEach((value, i) => sum[i]! += value);
  }
  return sum.map((value) => value / dataset.train.count);
}

/** Images z − μ of a split, normalised by channel, some at a time, with the number of the first. */
function* chunksOf(
  dataset: Dataset,
  split: Split,
  mean: Whitening["mean"],
): Generator<[first: number, chunk: Float32Array<ArrayBuffer>]> {
  for (let first = 0; first < split.count; first += CHUNK) {
    const length = Math.min(CHUNK, split.count - first);
    const indices = Array.from({ length }, (_, n) => first + n);
    const chunk = normalized(dataset, indices, split);
    chunk.forEach((value, i) => chunk[i] = value - mean[i % mean.length]!);
    yield [first, chunk];
  }
}

/** rows [N, K] times the transpose of matrix [M, K]: [N, M], in float32 on the GPU. */
async function multiply(
  device: Device,
  rows: Float32Array,
  matrix: Float32Array,
  K: number,
): Promise<Float32Array<ArrayBuffer>> {
  const [N, M] = [rows.length / K, matrix.length / K];
  const input = { channels: K, height: 1, width: 1 };
  const net = buildNet(device, [{ dense: { outputs: "classes", name: "product" } }], input, M);
  const product = new Float32Array(N * M);
  using theta = net.theta(1);
  theta.write(importNetworks(net, {
    "product.weight": { shape: [M, K], data: matrix },
    "product.bias": { shape: [M], data: new Float32Array(M) },
  }));
  for (let first = 0; first < N; first += ROWS) {
    const count = Math.min(ROWS, N - first);
    using x = new Blocks(device, "rows", 1, K, count);
    using y = new Blocks(device, "products", 1, M, count);
    using work = net.workspace(1, count, { passes: "forward" });
    x.write(rows.subarray(first * K, (first + count) * K));
    const record = device.record();
    record.copy(net.logits(record, work, theta, x.each[0]!), y.each[0]!);
    await record.run();
    product.set(await y.read(), first * M);
  }
  return product;
}
