/** Accuracy: networks trained on distilled data exactly as recorded, tested on real images. */
import type { Split } from "../data/dataset.ts";
import type { Tensor } from "../gpu/mod.ts";
import type { Net } from "../nets/net.ts";
import { thetaTensor } from "../ops/theta_window.ts";
import { type Normalization, partOf, RealBatch } from "./real.ts";
import type { Synthetic } from "./unroll.ts";

/** Test accuracy over networks, as fractions; std is the unbiased one, 0 for one network. */
export interface Accuracy {
  /** Mean over networks, 0 … 1. */
  mean: number;
  /** Unbiased standard deviation over networks. */
  std: number;
  /** How many networks. */
  networks: number;
}

/**
 * Trains networks θ [R, P] in place on `data`: `epochs` passes over its blocks, plain gradient
 * descent at the recorded rates. Steps `from` up to `to` alone where they are given.
 */
export function train(
  net: Net,
  theta: Tensor,
  data: Synthetic,
  perStep: number,
  from = 0,
  to = data.lrs.each.length,
): void {
  const { device } = net;
  const networks = theta.size / net.stride;
  using work = net.workspace(networks, perStep, { passes: "grad" });
  using thetaBar = thetaTensor(device, theta.shape, "thetaBar");
  using next = thetaTensor(device, theta.shape, "theta");
  const record = device.record();
  for (let t = from; t < to; t++) {
    const i = t % data.images.each.length;
    const [x, y, eta] = [data.images.each[i]!, data.labels.each[i]!, data.lrs.each[t]!];
    net.grad(record, work, { theta, x, y, thetaBar, descent: { a: theta, eta, out: next } });
    record.copy(next, theta);
  }
  record.submit();
}

/**
 * The fraction of images that each network of θ [R, P] classifies right, [R].
 *
 * @param room bytes that the activations may take, about.
 * @throws Error when a loss is not finite: the networks have diverged.
 */
export async function test(
  net: Net,
  theta: Tensor,
  split: Split,
  normalization: Normalization,
  room?: number,
): Promise<number[]> {
  return (await hitsOf(net, theta, split, normalization, room)).map(fractionOf);
}

/**
 * Which images each network of θ [R, P] classifies right: for each network [count], 1 where it does.
 *
 * @param room bytes that the activations may take, about.
 * @throws Error when a loss is not finite: the networks have diverged.
 */
export async function hitsOf(
  net: Net,
  theta: Tensor,
  split: Split,
  normalization: Normalization,
  room?: number,
): Promise<Uint8Array[]> {
  const { hits, diverged } = await classify(net, theta, split, normalization, room);
  if (!diverged.includes(true)) return hits;
  throw new Error(
    "Cannot test networks: got a loss that is not finite, expected finite numbers; training on " +
      "these images at these rates diverges: distil with a lower lr or distill_lr",
  );
}

/** As `hitsOf`, but it also says which networks, [R], have diverged, whose hits mean nothing. */
export async function classify(
  net: Net,
  theta: Tensor,
  split: Split,
  normalization: Normalization,
  room?: number,
): Promise<{ hits: Uint8Array[]; diverged: boolean[] }> {
  const networks = theta.size / net.stride;
  const part = partOf(net, networks, split.count, "forward", room);
  using batch = new RealBatch(net, split, part, part, normalization);
  using work = net.workspace(networks, part, { passes: "forward" });
  const { images } = work.span;
  const parts = Math.ceil(split.count / part);
  const last = split.count - 1;
  using hits = net.device.tensor([parts, networks, images], "hits");
  using losses = net.device.tensor([parts, networks, images], "losses");
  for (let i = 0; i < parts; i++) {
    const record = net.device.record();
    // The last part is filled up with the last image.
    const indices = Uint32Array.from({ length: part }, (_, n) => Math.min(i * part + n, last));
    batch.load(record, indices);
    const { x, y } = batch.parts[0]!;
    net.forward(record, work, theta, x);
    const { hit, loss } = net.loss(record, work, y);
    record.copy(hit, hits, i * hit.size);
    record.copy(loss, losses, i * loss.size);
    record.submit();
  }
  const of = (each: Float32Array) => byNetwork(each, networks, images, part, split.count);
  return {
    hits: of(await hits.read()).map((each) => Uint8Array.from(each)),
    diverged: of(await losses.read()).map((each) => !each.every(Number.isFinite)),
  };
}

/** The share of ones. */
export function fractionOf(hits: ArrayLike<number>): number {
  let right = 0;
  for (let n = 0; n < hits.length; n++) right += hits[n]!;
  return right / hits.length;
}

/** The first `count` numbers, image by image, of [parts, networks, images] in parts of `part`. */
function byNetwork(each: Float32Array, R: number, images: number, part: number, count: number) {
  return Array.from(
    { length: R },
    (_, r) =>
      Float32Array.from(
        { length: count },
        (_, n) => each[(Math.floor(n / part) * R + r) * images + n % part]!,
      ),
  );
}

/** Mean and unbiased standard deviation. */
export function summarize(accuracies: readonly number[]): Accuracy {
  const networks = accuracies.length;
  const mean = accuracies.reduce((a, b) => a + b, 0) / networks;
  const squares = accuracies.reduce((sum, a) => sum + (a - mean) ** 2, 0);
  return { mean, std: networks > 1 ? Math.sqrt(squares / (networks - 1)) : 0, networks };
}
