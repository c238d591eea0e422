/** lrn: local response normalization of relu(x) or x; its kernels and formulas are in lrn.wgsl. */
import source from "../../kernels/lrn.wgsl" with { type: "text" };
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

/** What a normalization is made of; the names and the meaning of the numbers are PyTorch's. */
export interface LrnSpec {
  readonly input: Planes;
  /** Channels of a window. */
  readonly size: number;
  /** Factor of the mean square over a window. */
  readonly alpha: number;
  /** Exponent of the divisor. */
  readonly beta: number;
  /** What the divisor starts from, above 0. */
  readonly k: number;
  /** Whether the input passes through ReLU first. */
  readonly relu: boolean;
}

/** Local response normalization: smooth, with four passes of its own. */
export class Lrn implements Op {
  readonly input: Planes;
  readonly output: Planes;
  readonly parameters = [];
  readonly #device: Device;
  readonly #spec: LrnSpec;

  constructor(device: Device, spec: LrnSpec) {
    this.#device = device;
    this.#spec = spec;
    this.input = this.output = spec.input;
  }

  fwd(record: Recorder, span: Span, { x, y }: { x: Tensor; y: Tensor }): void {
    this.#run(record, span, "fwd", { x, y });
  }

  /** @throws TypeError for `xDot: null`: an input that does not move needs no pass. */
  jvp(record: Recorder, span: Span, { x, xDot, yDot }: JvpTensors): void {
    this.#run(record, span, "jvp", { x, xDot: moving("jvp", xDot), yDot });
  }

  vjpX(record: Recorder, span: Span, { x, yBar, xBar }: VjpXTensors): void {
    this.#run(record, span, "vjp", { x, yBar, xBar });
  }

  /** @throws TypeError for `xDot: null`, as in `jvp`. */
  hvpX(record: Recorder, span: Span, t: HvpXTensors): void {
    const { x, xDot, yBar, yBarDot, xBarDot } = t;
    this.#run(record, span, "hvp", { x, xDot: moving("hvpX", xDot), yBar, yBarDot, xBarDot });
  }

  #run(
    record: Recorder,
    { networks, images }: Span,
    entry: string,
    bindings: Bindings & { x: Tensor },
  ): void {
    const { channels, height, width } = this.input;
    checkSize(`lrn.${entry} on x`, bindings.x, [networks, sizeOf(this.input), images]);
    const { size, alpha, beta, k, relu } = this.#spec;
    const kernel = this.#device.kernel("lrn", source, entry, {
      C: channels,
      AREA: height * width,
      SIZE: size,
      ALPHA: alpha,
      BETA: beta,
      K: k,
      RELU: +relu,
      WG: this.#device.profile.workgroup,
    });
    record.dispatchEach(kernel, bindings, sizeOf(this.input) * images / 4, networks);
  }
}

function moving(pass: string, xDot: Tensor | null): Tensor {
  if (!xDot) throw new TypeError(`Cannot run lrn.${pass}: got no xDot, expected one`);
  return xDot;
}
