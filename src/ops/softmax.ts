/** softmax: learned soft labels from raw scores; its kernels and formulas are in softmax.wgsl. */
import text from "../../kernels/softmax.wgsl" with { type: "text" };
import { type Bindings, type Device, link, type Recorder, type Tensor } from "../gpu/mod.ts";

/** Blocks of [classes, images] scores, a block every `stride` floats. */
export interface SoftmaxSpec {
  readonly classes: number;
  /** Images of a block, padding included. */
  readonly images: number;
  /** Images of a block that are not padding. */
  readonly count: number;
  readonly blocks: number;
  readonly stride: number;
}

const SOURCE = link("softmax.wgsl", { "softmax.wgsl": text });

/** Probabilities over classes for every image of every block. */
export class Softmax {
  readonly #device: Device;
  readonly #spec: SoftmaxSpec;

  constructor(device: Device, spec: SoftmaxSpec) {
    this.#device = device;
    this.#spec = spec;
  }

  forward(record: Recorder, { x, y }: { x: Tensor; y: Tensor }): void {
    this.#run(record, "forward", { x, out: y });
  }

  backward(record: Recorder, { y, yBar, xBar }: { y: Tensor; yBar: Tensor; xBar: Tensor }): void {
    this.#run(record, "backward", { y, yBar, out: xBar });
  }

  #run(record: Recorder, entry: string, bindings: Bindings): void {
    const { classes, images, count, blocks, stride } = this.#spec;
    const { workgroup: WG } = this.#device.profile;
    const overrides = { K: classes, BLOCKS: blocks, STRIDE: stride / 4, WG };
    const kernel = this.#device.kernel(SOURCE, entry, overrides);
    const sizes = { N: images / 4, LIVE: count };
    record.dispatch(kernel, { sizes, bindings, turns: 3 * classes }, [
      Math.ceil(blocks * images / 4 / WG),
    ]);
  }
}
