/** max_pool: the largest of each window; its kernels and formulas are in max_pool.wgsl. */
import source from "../../kernels/max_pool.wgsl" with { type: "text" };
import type { Bindings, Device, Recorder, Tensor } from "../gpu/mod.ts";
import {
  checkSize,
  type HvpXTensors,
  type JvpTensors,
  type Op,
  type Planes,
  sizeOf,
  type Span,
  type VjpXTensors,
} from "./op.ts";

/** Non-overlapping max-pooling: gated, linear given which element is largest. */
export class MaxPool implements Op {
  readonly input: Planes;
  readonly output: Planes;
  readonly parameters = [];
  readonly #device: Device;
  /** Side of a window. */
  readonly size: number;

  /** @throws RangeError when the windows of `size` × `size` do not tile the input. */
  constructor(device: Device, input: Planes, size: number) {
    if (input.height % size || input.width % size) {
      throw new RangeError(
        `Cannot pool ${input.height} × ${input.width} planes: got windows of ${size} × ${size}, ` +
          `expected a size that divides both sides`,
      );
    }
    this.#device = device;
    this.size = size;
    this.input = input;
    const { channels, height, width } = input;
    this.output = { channels, height: height / size, width: width / size };
  }

  fwd(record: Recorder, span: Span, { x, y }: { x: Tensor; y: Tensor }): void {
    this.#run(record, span, "fwd", { x, y });
  }

  /** @throws TypeError for `xDot: null`: an input that does not move needs no pass. */
  jvp(record: Recorder, span: Span, { x, xDot, yDot }: JvpTensors): void {
    if (xDot === null) throw new TypeError("Cannot run max_pool.jvp: got no xDot, expected one");
    this.#run(record, span, "jvp", { x, xDot, yDot });
  }

  vjpX(record: Recorder, span: Span, { x, yBar, xBar }: VjpXTensors): void {
    this.#run(record, span, "vjp", { x, yBar, xBar });
  }

  /** The vjp is linear in ȳ, so its tangent is the vjp of ȳ˙. */
  hvpX(record: Recorder, span: Span, { x, yBarDot, xBarDot }: HvpXTensors): void {
    this.#run(record, span, "vjp", { x, yBar: yBarDot, xBar: xBarDot });
  }

  #run(record: Recorder, span: Span, entry: string, bindings: Bindings & { x: Tensor }): void {
    const { networks, images } = span;
    const { height, width } = this.output;
    checkSize(`max_pool.${entry} on x`, bindings.x, [networks, sizeOf(this.input), images]);
    const kernel = this.#device.kernel("max_pool", source, entry, {
      PLANES: networks * this.input.channels,
      P: height,
      Q: width,
      SIZE: this.size,
      WG: this.#device.profile.workgroup,
    });
    record.dispatchEach(kernel, bindings, networks * sizeOf(this.output) * images / 4);
  }
}
