/** Accuracy: networks tested on real images. */
import type { Split } from "../sets/dataset.ts";
import type { Tensor } from "../gpu/mod.ts";
import type { Net } from "../nets/net.ts";
import type { Theta } from "../nets/theta.ts";
import type { Workspace } from "../nets/workspace.ts";
import type { InnerSpec } from "../meta/inner_spec.ts";
import { type Normalization, partOf, RealBatch } from "../meta/real_batch.ts";
import { Trainees } from "./trainees.ts";

/** Test accuracy over networks, as fractions; std is the unbiased one, 0 for one network. */
export interface Accuracy {
  /** Mean over networks, 0 … 1. */
  mean: number;
  /** Unbiased standard deviation over networks. */
  std: number;
  /** How many networks. */
  networks: number;
}

/** What testing R networks takes beside their θ: images in parts, and what came out of each part. */
class TestingRoom implements Disposable {
  readonly batch: RealBatch;
  readonly work: Workspace;
  readonly hits: Tensor;
  readonly losses: Tensor;
  readonly #owned: DisposableStack;

  constructor(net: Net, networks: number, split: Split, part: number, norm: Normalization) {
    using owned = new DisposableStack();
    this.batch = owned.use(new RealBatch(net, split, part, part, norm));
    this.work = owned.use(net.workspace(networks, part, { passes: "forward" }));
    const shape = [Math.ceil(split.count / part), networks, this.work.span.images];
    this.hits = owned.use(net.device.tensor(shape));
    this.losses = owned.use(net.device.tensor(shape));
    this.#owned = owned.move();
  }

  [Symbol.dispose](): void {
    this.#owned.dispose();
  }
}

/** Bytes that one network takes while it is trained as `spec` says and tested on a split. */
export function bytesPerNetwork(
  net: Net,
  spec: InnerSpec | undefined,
  split: Split,
  norm: Normalization,
): { all: number; theta: number } {
  const { device } = net;
  const theta = device.count(() => spec ? new Trainees(net, spec, 1) : net.theta(1)).bytes;
  const testing = device.count(() => new TestingRoom(net, 1, split, FEW, norm)).bytes;
  return { all: theta + testing, theta };
}

/** Images that are tested at once when memory is short. */
const FEW = 64;

/** What networks are tested in. */
export interface TestOptions {
  /** Bytes that the activations may take, about. */
  readonly room?: number | undefined;
  /** Ends the test early, with its reason. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * The fraction of images that each network of θ classifies right, [R].
 *
 * @throws Error when a loss is not finite: the networks have diverged.
 */
export async function test(
  net: Net,
  theta: Theta,
  split: Split,
  normalization: Normalization,
  options: TestOptions = {},
): Promise<number[]> {
  return (await hitsOf(net, theta, split, normalization, options)).map(fractionOf);
}

/**
 * Which images each network of θ classifies right: for each network [count], 1 where it does.
 *
 * @throws Error when a loss is not finite: the networks have diverged.
 */
export async function hitsOf(
  net: Net,
  theta: Theta,
  split: Split,
  normalization: Normalization,
  options: TestOptions = {},
): Promise<Uint8Array[]> {
  const { hits, diverged } = await classify(net, theta, split, normalization, options);
  if (!diverged.includes(true)) return hits;
  throw new Error(
    "Cannot test networks: got a loss that is not finite, expected finite numbers; training on " +
      "these images at these rates diverges: distil with a lower lr or distill_lr",
  );
}

/** As `hitsOf`, but it also says which networks, [R], have diverged, whose hits mean nothing. */
export async function classify(
  net: Net,
  theta: Theta,
  split: Split,
  normalization: Normalization,
  { room, signal }: TestOptions = {},
): Promise<{ hits: Uint8Array[]; diverged: boolean[] }> {
  const { networks } = theta;
  const build = (images: number) =>
    new TestingRoom(net, networks, split, Math.min(images, split.count), normalization);
  const part = partOf(net, networks, split.count, "forward", room, build);
  using testing = new TestingRoom(net, networks, split, part, normalization);
  const { batch, work, hits, losses } = testing;
  const { images } = work.span;
  const last = split.count - 1;
  for (let i = 0; i * part < split.count; i++) {
    // The last part is filled up with the last image.
    batch.choose(Uint32Array.from({ length: part }, (_, n) => Math.min(i * part + n, last)));
    const record = net.device.record();
    batch.record(record);
    const real = batch.parts[0]!;
    net.logits(record, work, theta, real.x);
    const { hit, loss } = net.judge(record, work, real);
    record.copy(hit, hits, i * hit.size);
    record.copy(loss, losses, i * loss.size);
    await record.run(signal);
    signal?.throwIfAborted();
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

/** The accuracy over all networks of several groups. */
export function pooled(groups: readonly Accuracy[]): Accuracy {
  const sum = (of: (group: Accuracy) => number) =>
    groups.reduce((all, group) => all + of(group), 0);
  const networks = sum((group) => group.networks);
  const mean = sum((group) => group.networks * group.mean) / networks;
  const squares = sum((group) =>
    (group.networks - 1) * group.std ** 2 + group.networks * (group.mean - mean) ** 2
  );
  return { mean, std: networks > 1 ? Math.sqrt(squares / (networks - 1)) : 0, networks };
}

/** Mean and unbiased standard deviation. */
export function summarize(accuracies: readonly number[]): Accuracy {
  const networks = accuracies.length;
  const mean = accuracies.reduce((a, b) => a + b, 0) / networks;
  const squares = accuracies.reduce((sum, a) => sum + (a - mean) ** 2, 0);
  return { mean, std: networks > 1 ? Math.sqrt(squares / (networks - 1)) : 0, networks };
}
