/** SliceSums: a number for each network that is a sum over its θ, such as ∂L/∂η. */
import { type Kernel, MOST_TURNS, type Recorder, type Tensor } from "../../gpu/mod.ts";
import type { Net } from "../../nets/net.ts";
import type { Theta } from "../../nets/theta.ts";
import { addSums } from "../../ops/network_sums.ts";

/** The constants of shared/slices.wgsl, for an entry point that goes through elements and no slices. */
export const NO_SLICES = { LENGTH: 0, CHUNKS: 1, AT: 0, WIDTH: 0 };

/** vec4s that an invocation goes through; more where θ is so large that too many parts would be left. */
const LEAST_TURNS = 64;

/** Parts of a network's sum, but for one more a layer at most: `addSums` takes `MOST_TURNS` of them. */
const MOST_PARTS = MOST_TURNS / 2;

/** Sums over θ of each network, left in parts by a kernel that goes through slices (shared/slices.wgsl). */
export class SliceSums implements Disposable {
  readonly #partial: Tensor;
  readonly #chunks: readonly number[];
  readonly #networks: number;
  readonly #each: number;

  constructor(net: Pick<Net, "device" | "floats" | "stride">, networks: number) {
    this.#networks = networks;
    this.#each = Math.max(LEAST_TURNS, Math.ceil(net.stride / 4 / MOST_PARTS));
    this.#chunks = net.floats.map((floats) => Math.ceil(floats / 4 / this.#each));
    this.#partial = net.device.tensor([networks, this.#width], "tangents");
  }

  get #width(): number {
    return this.#chunks.reduce((a, b) => a + b, 0);
  }

  /** Where a kernel leaves the parts. */
  get partial(): Tensor {
    return this.#partial;
  }

  /** Dispatches a kernel, made for its overrides, for each layer with its bindings. */
  dispatch(
    record: Recorder,
    kernelOf: (overrides: Record<string, number>) => Kernel,
    like: Theta,
    bindingsOf: (layer: number) => Readonly<Record<string, Tensor>>,
  ): void {
    let AT = 0;
    like.layers.forEach((layer, l) => {
      if (!layer) return;
      const LENGTH = layer.size / 4 / this.#networks;
      const CHUNKS = this.#chunks[l]!;
      const WG = layer.device.profile.workgroup;
      const kernel = kernelOf({ LENGTH, CHUNKS, AT, WIDTH: this.#width, WG });
      const run = { sizes: { R: this.#networks }, bindings: bindingsOf(l), turns: this.#each };
      record.dispatch(kernel, run, [Math.ceil(this.#networks * CHUNKS / WG)]);
      AT += CHUNKS;
    });
  }

  /** Records out[r] += the sum of network r. */
  addTo(record: Recorder, out: Tensor): void {
    addSums(record, { a: this.#partial, out }, this.#networks);
  }

  [Symbol.dispose](): void {
    this.#partial[Symbol.dispose]();
  }
}
