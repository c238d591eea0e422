/** overlap_pool: the largest of windows that may overlap; its kernels and formulas are in overlap_pool.wgsl. */
import source from "../../kernels/overlap_pool.wgsl" with { type: "text" };
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

/** The windows of a max-pooling. */
export interface Windows {
  /** Side of the square windows. */
  readonly size: number;
  /** Rows, and columns, from one window to the next. */
  readonly stride: number;
  /** Rows, and columns, that are added on every side and never the largest; at most half of `size`. */
  readonly pad: number;
}

/** Max-pooling with windows of any size and stride: gated, linear given which element is largest. */
export class OverlapPool implements Op {
  readonly input: Planes;
  readonly output: Planes;
  readonly parameters = [];
  readonly #device: Device;
  readonly #windows: Windows;
  /** Scratch by shape. */
  readonly #firsts = new Map<string, Tensor>();

  /** @throws RangeError when `pad` is more than half of a window, or no window fits. */
  constructor(device: Device, input: Planes, windows: Windows) {
    const { size, stride, pad } = windows;
    const { channels, height, width } = input;
    if (2 * pad > size || Math.min(height, width) + 2 * pad < size) {
      throw new RangeError(
        `Cannot pool ${height} × ${width} planes: got windows of ${size} × ${size} and pad ${pad}, ` +
          `expected windows that fit, and a pad of at most half of them`,
      );
    }
    this.#device = device;
    this.#windows = windows;
    this.input = input;
    const along = (side: number) => Math.floor((side + 2 * pad - size) / stride) + 1;
    this.output = { channels, height: along(height), width: along(width) };
  }

  fwd(record: Recorder, span: Span, { x, y }: { x: Tensor; y: Tensor }): void {
    this.#run(record, span, "fwd", { x, y }, this.output);
  }

  /** @throws TypeError for `xDot: null`: an input that does not move needs no pass. */
  jvp(record: Recorder, span: Span, { x, xDot, yDot }: JvpTensors): void {
    if (!xDot) throw new TypeError("Cannot run overlap_pool.jvp: got no xDot, expected one");
    this.#run(record, span, "jvp", { x, xDot, yDot }, this.output);
  }

  vjpX(record: Recorder, span: Span, { x, yBar, xBar }: VjpXTensors): void {
    const firsts = this.#firstsOf(span);
    this.#run(record, span, "first", { x, firsts }, this.output);
    checkSize("overlap_pool.vjp on yBar", yBar, firsts.shape);
    this.#run(record, span, "vjp", { firsts, yBar, xBar }, this.input);
  }

  /** The vjp is linear in ȳ, so its tangent is the vjp of ȳ˙. */
  hvpX(record: Recorder, span: Span, t: HvpXTensors): void {
    const { x, theta, yBarDot: yBar, xBarDot: xBar } = t;
    this.vjpX(record, span, { x, theta, yBar, xBar });
  }

  scratchBytes({ networks, images }: Span): number {
    return 4 * networks * sizeOf(this.output) * images;
  }

  /** Room for the first largest of each window. */
  #firstsOf({ networks, images }: Span): Tensor {
    const shape = [networks, sizeOf(this.output), images];
    const key = shape.join();
    let firsts = this.#firsts.get(key);
    if (!firsts) this.#firsts.set(key, firsts = this.#device.tensor(shape, "first largest"));
    return firsts;
  }

  /** One invocation for each vec4 of `each`. */
  #run(
    record: Recorder,
    { networks, images }: Span,
    entry: string,
    bindings: Bindings,
    each: Planes,
  ): void {
    const { channels, height, width } = this.input;
    const { x } = bindings;
    if (x) checkSize(`overlap_pool.${entry} on x`, x, [networks, sizeOf(this.input), images]);
    const { size, stride, pad } = this.#windows;
    const kernel = this.#device.kernel("overlap_pool", source, entry, {
      H: height,
      V: width,
      P: this.output.height,
      Q: this.output.width,
      PLANES: networks * channels,
      SIZE: size,
      STRIDE: stride,
      PAD: pad,
      WG: this.#device.profile.workgroup,
    });
    record.dispatchEach(kernel, bindings, networks * sizeOf(each) * images / 4);
  }

  [Symbol.dispose](): void {
    for (const firsts of this.#firsts.values()) firsts[Symbol.dispose]();
  }
}
