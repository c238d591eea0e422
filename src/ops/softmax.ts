/** softmax: learned soft labels from raw scores; its kernels and formulas are in softmax.wgsl. */
import source from "../../kernels/softmax.wgsl" with { type: "text" };
import type { Bindings, Device, Recorder, Tensor } from "../gpu/mod.ts";

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

/** Probabilities over classes for every image of every block. */
export class Softmax {
  readonly #device: Device;
  readonly #spec: SoftmaxSpec;

  constructor(device: Device, spec: SoftmaxSpec) {
    this.#device = device;
    this.#spec = spec;
  }

  fwd(record: Recorder, { x, y }: { x: Tensor; y: Tensor }): void {
    this.#run(record, "fwd", { x, out: y });
  }

  vjp(record: Recorder, { y, yBar, xBar }: { y: Tensor; yBar: Tensor; xBar: Tensor }): void {
    this.#run(record, "vjp", { y, yBar, out: xBar });
  }

  #run(record: Recorder, entry: string, bindings: Bindings): void {
    const { classes, images, count, blocks, stride } = this.#spec;
    const { workgroup } = this.#device.profile;
    const kernel = this.#device.kernel("softmax", source, entry, {
      K: classes,
      N: images / 4,
      BLOCKS: blocks,
      STRIDE: stride / 4,
      COUNT: count,
      WG: workgroup,
    });
    record.dispatch(kernel, bindings, [Math.ceil(blocks * images / 4 / workgroup)]);
  }
}
