/**
 * Theta: θ, or what has its shape, of R networks on the GPU: [layer][R][P], a layer's parameters of all networks
 * one after the other, each layer where a view may start. Elsewhere it is [R, stride], network by network.
 */
import { type Device, type Recorder, type Tensor, VIEW_FLOATS } from "../gpu/mod.ts";

/** Where the parameters of a layer lie in θ. */
export interface ThetaPlace {
  readonly layer: number;
  /** Which of the parts of θ, each a binding, and where in it, in floats. */
  readonly part: number;
  readonly at: number;
  /** Floats of one network. */
  readonly floats: number;
}

/** The fewest parts that hold a layer's parameters of all networks each, none larger than a binding. */
export function layOut(device: Device, floats: readonly number[], networks: number) {
  const most = device.info.limits.maxStorageBufferBindingSize! / 4;
  const sizes: number[] = [];
  const places: ThetaPlace[] = [];
  floats.forEach((each, layer) => {
    if (each === 0) return;
    const at = Math.ceil((sizes.at(-1) ?? Infinity) / VIEW_FLOATS) * VIEW_FLOATS;
    const fits = at + networks * each <= most;
    if (fits) sizes[sizes.length - 1] = at + networks * each;
    else sizes.push(networks * each);
    places.push({ layer, part: sizes.length - 1, at: fits ? at : 0, floats: each });
  });
  return { sizes, places };
}

/** The tensors of θ. */
export class Theta implements Disposable {
  /** What holds it all: algebra goes through these. */
  readonly parts: readonly Tensor[];
  /** A view [R, P] for each layer; none for those without parameters. */
  readonly layers: readonly (Tensor | undefined)[];
  /** R, networks side by side. */
  readonly networks: number;
  /** Floats of a network: its parameters and the padding between them. */
  readonly stride: number;
  readonly #places: readonly ThetaPlace[];
  readonly #owned: DisposableStack;

  /**
   * Allocates zeros for R = `networks`.
   *
   * @param floats of a network's parameters in each layer, padding included.
   * @param label what `Device.count` calls its bytes.
   * @throws RangeError for a layer that is larger than a binding may be.
   */
  constructor(device: Device, floats: readonly number[], networks: number, label = "theta") {
    using owned = new DisposableStack();
    const { sizes, places } = layOut(device, floats, networks);
    this.networks = networks;
    this.stride = floats.reduce((a, b) => a + b, 0);
    this.parts = sizes.map((size) => owned.use(device.tensor([size], label)));
    const layers: (Tensor | undefined)[] = floats.map(() => undefined);
    for (const { layer, part, at, floats } of places) {
      layers[layer] = this.parts[part]!.view(at, [networks, floats]);
    }
    this.layers = layers;
    this.#places = places;
    this.#owned = owned.move();
  }

  /** Writes [R, stride], network by network. @throws RangeError for another length. */
  write(networks: Float32Array): this {
    if (networks.length !== this.networks * this.stride) {
      throw new RangeError(
        `Cannot write θ: got ${networks.length} numbers, expected ${this.networks} networks of ` +
          `${this.stride}`,
      );
    }
    const words = this.parts.map(({ size }) => new Float32Array(size));
    this.#forEachSlice((part, at, from, floats) => {
      words[part]!.set(networks.subarray(from, from + floats), at);
    });
    this.parts.forEach((part, i) => part.write(words[i]!));
    return this;
  }

  /** Reads [R, stride], network by network. */
  async read(): Promise<Float32Array<ArrayBuffer>> {
    const networks = new Float32Array(this.networks * this.stride);
    const words = await Promise.all(this.parts.map((part) => part.read()));
    this.#forEachSlice((part, at, from, floats) => {
      networks.set(words[part]!.subarray(at, at + floats), from);
    });
    return networks;
  }

  /** Copies another's numbers, recorded. */
  copy(record: Recorder, from: Theta): void {
    this.parts.forEach((part, i) => record.copy(from.parts[i]!, part));
  }

  /** Copies the numbers of one network to every network, recorded. */
  spread(record: Recorder, one: Theta): void {
    this.layers.forEach((layer, l) => {
      const from = one.layers[l];
      if (!layer || !from) return;
      for (let r = 0; r < this.networks; r++) record.copy(from, layer, r * from.size);
    });
  }

  /** Where each network's slice of a layer stands in its part, and in [R, stride]. */
  #forEachSlice(visit: (part: number, at: number, from: number, floats: number) => void): void {
    let before = 0;
    for (const { part, at, floats } of this.#places) {
      for (let r = 0; r < this.networks; r++) {
        visit(part, at + r * floats, r * this.stride + before, floats);
      }
      before += floats;
    }
  }

  /** Frees the parts. */
  [Symbol.dispose](): void {
    this.#owned.dispose();
  }
}
