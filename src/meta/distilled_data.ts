/** DistilledData: what networks train on, or the gradient in it, on the GPU; and its parts for each network. */
import type { Device, Recorder } from "../gpu/mod.ts";
import { type Planes, sizeOf } from "../layers/op.ts";
import type { Net } from "../nets/net.ts";
import { meanOfNetworks } from "../ops/network_sums.ts";
import { Blocks } from "./blocks.ts";
import { type InnerSpec, ratesOf } from "./inner_spec.ts";

const LABEL = "distilled data";

/** What distilled data are made of; a `Net` has it. */
export interface Space {
  /** Where they are. */
  readonly device: Device;
  /** Extents of an image. */
  readonly input: Planes;
  /** K, numbers of a label. */
  readonly classes: number;
}

/** Images and labels in blocks, learning rates and momentum; or the gradient in all of these. */
export class DistilledData implements Disposable {
  /** x̃, a block [C·H·V, N] each. */
  readonly images: Blocks;
  /** ỹ, a block [K, N] each. */
  readonly labels: Blocks;
  /** η, a block of one number each: a rate for each step, or one for all. */
  readonly lrs: Blocks;
  /** μ, one number, for an optimiser that has one. */
  readonly momentum: Blocks;
  readonly #owned: DisposableStack;

  /** Allocates zeros for images and labels of `space`. */
  constructor(
    space: Space,
    spec: Pick<InnerSpec, "blocks" | "perBlock" | "total" | "rates">,
  ) {
    using owned = new DisposableStack();
    const own = (blocks: number, rows: number, count: number) =>
      owned.use(new Blocks(space.device, LABEL, blocks, rows, count));
    this.images = own(spec.blocks, sizeOf(space.input), spec.perBlock);
    this.labels = own(spec.blocks, space.classes, spec.perBlock);
    this.lrs = own(ratesOf(spec), 1, 1);
    this.momentum = own(1, 1, 1);
    this.#owned = owned.move();
  }

  /** Frees all blocks. */
  [Symbol.dispose](): void {
    this.#owned.dispose();
  }
}

/** The gradient in distilled data, of each of R networks: a block is [R, …] here. */
export class NetworkGradients implements Disposable {
  /** ∂L/∂x̃, a block [R·C·H·V, N] each. */
  readonly images: Blocks;
  /** ∂L/∂ỹ, a block [R·K, N] each. */
  readonly labels: Blocks;
  /** ∂L/∂η, a block [R] for each rate. */
  readonly lrs: Blocks;
  /** ∂L/∂μ [R]. */
  readonly momentum: Blocks;
  readonly #networks: number;
  readonly #owned: DisposableStack;

  /** Allocates zeros for images and labels of `net`. */
  constructor(net: Net, spec: InnerSpec) {
    const { networks, blocks, perBlock } = spec;
    using owned = new DisposableStack();
    const own = (blocks: number, rows: number, count: number) =>
      owned.use(new Blocks(net.device, "tangents", blocks, rows, count));
    this.#networks = networks;
    this.images = own(blocks, networks * sizeOf(net.input), perBlock);
    this.labels = own(blocks, networks * net.classes, perBlock);
    this.lrs = own(ratesOf(spec), 1, networks);
    this.momentum = own(1, 1, networks);
    this.#owned = owned.move();
  }

  /** Records zeros everywhere: gradients of steps are added up. */
  clear(record: Recorder): void {
    for (const { all } of [this.images, this.labels, this.lrs, this.momentum]) record.clear(all);
  }

  /** Records the mean over networks into `out`. */
  mean(record: Recorder, out: DistilledData): void {
    const [image, label] = [this.images, this.labels].map(({ each }) => each[0]!.size);
    const reduce = (a: Blocks, to: Blocks, length: number) =>
      meanOfNetworks(record, { a: a.all, out: to.all }, this.#networks, {
        blocks: a.each.length,
        length,
        from: a.stride,
        to: to.stride,
      });
    reduce(this.images, out.images, image! / this.#networks);
    reduce(this.labels, out.labels, label! / this.#networks);
    reduce(this.lrs, out.lrs, 1);
    reduce(this.momentum, out.momentum, 1);
  }

  /** Frees all blocks. */
  [Symbol.dispose](): void {
    this.#owned.dispose();
  }
}
