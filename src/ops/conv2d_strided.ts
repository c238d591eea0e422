/**
 * conv2d_strided: convolution with a stride on relu(x) or x; its kernels and formulas are in
 * conv2d_strided.wgsl. Sums over images are split (SplitSums).
 */
import source from "../../kernels/conv2d_strided.wgsl" with { type: "text" };
import type { Bindings, Device, Recorder, Tensor } from "../gpu/mod.ts";
import type { Conv2dSpec } from "./conv2d.ts";
import {
  checkShared,
  checkSize,
  type HvpWTensors,
  type HvpXTensors,
  type JvpTensors,
  needed,
  type Parameter,
  parameterFloats,
  type ParametricOp,
  type Planes,
  sizeOf,
  type Span,
  type Split,
  type VjpWTensors,
  type VjpXTensors,
} from "./op.ts";
import { MOST_TURNS, runsOf } from "./split_sums.ts";
import { thetaWindow } from "./theta_window.ts";

/** What a convolution with a stride is made of. */
export interface Conv2dStridedSpec extends Omit<Conv2dSpec, "pool"> {
  /** Rows, and columns, from one window to the next. */
  readonly stride: number;
}

/** Invocations that a sum over images is divided among, about. */
const SUM_LANES = { software: 128, hardware: 32_768 };

/** Convolution with a stride: y = f(relu(x), w) + b, bilinear in (relu(x), w). */
export class Conv2dStrided implements ParametricOp {
  readonly input: Planes;
  readonly output: Planes;
  readonly parameters: readonly Parameter[];
  readonly #device: Device;
  readonly #spec: Conv2dStridedSpec;

  /** @throws RangeError for a sum of more terms than an invocation may add up. */
  constructor(device: Device, spec: Conv2dStridedSpec) {
    const { name, input, channels, size, pad, stride, at } = spec;
    const row = input.channels * size * size;
    const terms = Math.max(row, channels * Math.ceil(size / stride) ** 2);
    if (terms > MOST_TURNS) {
      throw new RangeError(
        `Cannot build ${name}: got sums of ${terms} products, expected at most ${MOST_TURNS}; ` +
          `use fewer channels or a smaller kernel`,
      );
    }
    this.#device = device;
    this.#spec = spec;
    this.input = input;
    const along = (side: number) => Math.floor((side + 2 * pad - size) / stride) + 1;
    this.output = { channels, height: along(input.height), width: along(input.width) };
    const fans = { fanIn: row, fanOut: channels * size * size };
    const weight = { name: `${name}.weight`, shape: [channels, input.channels, size, size] };
    const bias = { name: `${name}.bias`, shape: [channels] };
    this.parameters = [
      { ...weight, at, pitch: row, ...fans, bias: false },
      { ...bias, at: at + channels * row, pitch: 1, ...fans, bias: true },
    ];
  }

  fwd(record: Recorder, span: Span, t: { x: Tensor; theta: Tensor; y: Tensor }): void {
    const { x, theta, y } = t;
    this.#forward(record, span, { x, xDot: x, theta, thetaDot: theta, y }, false);
  }

  jvp(record: Recorder, span: Span, t: JvpTensors): void {
    const { x, xDot, theta, thetaDot, yDot: y } = t;
    // With ẋ = 0 the tangent is f(x, ẇ) + ḃ: the forward pass with θ̇ for θ.
    if (xDot === null) return this.fwd(record, span, { x, theta: thetaDot, y });
    this.#forward(record, span, { x, xDot, theta, thetaDot, y }, true);
  }

  vjpX(record: Recorder, span: Span, t: VjpXTensors): void {
    const { x, theta, yBar, xBar } = t;
    const bindings = { x, theta, thetaDot: theta, yBar, yBarDot: yBar, xBar };
    this.#backward(record, span, bindings, false);
  }

  hvpX(record: Recorder, span: Span, t: HvpXTensors): void {
    const { x, theta, thetaDot, yBar, yBarDot, xBarDot: xBar } = t;
    this.#backward(record, span, { x, theta, thetaDot, yBar, yBarDot, xBar }, true);
  }

  vjpW(record: Recorder, span: Span, t: VjpWTensors): void {
    this.#sum(record, span, { ...t, xDot: t.x, yBarDot: t.yBar }, false);
  }

  hvpW(record: Recorder, span: Span, t: HvpWTensors): void {
    const { xDot, thetaBarDot: thetaBar } = t;
    if (xDot) return this.#sum(record, span, { ...t, xDot, thetaBar }, true);
    this.vjpW(record, span, { ...t, yBar: t.yBarDot, thetaBar });
  }

  #forward(
    record: Recorder,
    span: Span,
    t: Bindings & { x: Tensor; theta: Tensor; thetaDot: Tensor; y: Tensor },
    tangent: boolean,
  ): void {
    const { networks, images } = span;
    const { channels, height, width } = this.output;
    checkShared("conv2d_strided.fwd on x", t.x, this.input, span);
    checkSize("conv2d_strided.fwd to y", t.y, [networks, sizeOf(this.output), images]);
    const lanes = Math.ceil(channels / 4) * height * width * images / 4;
    this.#withTheta(record, span, "fwd", t, tangent, lanes);
  }

  #backward(
    record: Recorder,
    span: Span,
    t: Bindings & { x: Tensor; theta: Tensor; thetaDot: Tensor; yBar: Tensor; xBar: Tensor },
    tangent: boolean,
  ): void {
    const { networks, images } = span;
    const { channels, height, width } = this.input;
    checkShared("conv2d_strided.vjpX on x", t.x, this.input, span);
    this.#checkOutput("conv2d_strided.vjpX", t.yBar, span);
    checkSize("conv2d_strided.vjpX to xBar", t.xBar, [networks, sizeOf(this.input), images]);
    const lanes = Math.ceil(channels / 4) * height * width * images / 4;
    this.#withTheta(record, span, "vjpX", t, tangent, lanes);
  }

  #withTheta(
    record: Recorder,
    { networks }: Span,
    entry: string,
    t: Bindings & { theta: Tensor; thetaDot: Tensor },
    tangent: boolean,
    lanes: number,
  ): void {
    const { stride, at, of } = thetaWindow(t.theta, networks, this.#spec.at, parameterFloats(this));
    const kernel = this.#kernel(entry, { TANGENT: +tangent, THETA: stride, AT: at });
    const parameters = { theta: of(t.theta), thetaDot: of(t.thetaDot) };
    record.dispatchEach(kernel, { ...t, ...parameters }, lanes, networks);
  }

  #sum(
    record: Recorder,
    span: Span,
    { x, xDot, yBar, yBarDot, ...t }: VjpWTensors & { xDot: Tensor; yBarDot: Tensor },
    tangent: boolean,
  ): void {
    const { networks } = span;
    checkShared("conv2d_strided.vjpW on x", x, this.input, span);
    this.#checkOutput("conv2d_strided.vjpW", yBar, span);
    const { splits, lanes } = this.#sums(span);
    const shape = [splits, networks, parameterFloats(this)];
    const partial = needed("conv2d_strided.vjpW to partial", t.partial, shape);
    const kernel = this.#kernel("vjpW", { TANGENT: +tangent, SPLITS: splits });
    record.dispatchEach(kernel, { x, xDot, yBar, yBarDot, partial }, lanes * splits, networks);
  }

  #checkOutput(what: string, yBar: Tensor, { networks, images }: Span): void {
    checkSize(`${what} on yBar`, yBar, [networks, sizeOf(this.output), images]);
  }

  /** Runs that the sum over images is divided into, and the invocations of a run. */
  #sums({ networks, images }: Span): { splits: number; lanes: number } {
    const { channels, height, width } = this.output;
    const lanes = Math.ceil(channels / 4) * (parameterFloats(this) / channels - 1);
    const turns = images / 4 * height * width;
    const wanted = Math.ceil(SUM_LANES[this.#device.profile.name] / lanes / networks);
    return { splits: runsOf(turns, wanted, turns), lanes };
  }

  split(span: Span): Split {
    return { runs: this.#sums(span).splits, size: parameterFloats(this), at: this.#spec.at };
  }

  /** THETA, AT and SPLITS are 0 where an entry point does not use them. */
  #kernel(entry: string, overrides: Record<string, number>) {
    const { size, pad, stride, relu } = this.#spec;
    const { input, output } = this;
    return this.#device.kernel("conv2d_strided", source, entry, {
      C: input.channels,
      H: input.height,
      V: input.width,
      O: output.channels,
      P: output.height,
      Q: output.width,
      K: size,
      PAD: pad,
      STRIDE: stride,
      RELU: +relu,
      THETA: 0,
      AT: 0,
      SPLITS: 0,
      ...overrides,
      WG: this.#device.profile.workgroup,
    });
  }
}
