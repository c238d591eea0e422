/**
 * dense: a fully connected layer on relu(x) or x; its kernels and formulas are in dense.wgsl and
 * dense_weights.wgsl, before which shared/dense_inputs.wgsl is put.
 */
import source from "../../kernels/dense.wgsl" with { type: "text" };
import inputsSource from "../../kernels/shared/dense_inputs.wgsl" with { type: "text" };
import weightsSource from "../../kernels/dense_weights.wgsl" with { type: "text" };
import type { Bindings, Device, Recorder, Tensor } from "../gpu/mod.ts";
import {
  checkShared,
  checkSize,
  type HvpWTensors,
  type HvpXTensors,
  type JvpTensors,
  padded,
  type Parameter,
  type ParametricOp,
  type Planes,
  sizeOf,
  type Span,
  type VjpXTensors,
} from "./op.ts";

/** What a fully connected layer is made of. */
export interface DenseSpec {
  /** Parameters are `<name>.weight` and `<name>.bias`. */
  readonly name: string;
  /** Flattened to channels · height · width inputs. */
  readonly input: Planes;
  readonly outputs: number;
  /** Whether the input passes through ReLU first. */
  readonly relu: boolean;
  /** Where the parameters start in a network's slice of θ, in floats: a multiple of four. */
  readonly at: number;
}

/** vec4s of images from which there is work enough for tiles of two. */
const MANY = 16;

/** Fully connected layer: y = w · relu(x) + b, bilinear in (relu(x), w). */
export class Dense implements ParametricOp {
  readonly input: Planes;
  readonly output: Planes;
  readonly parameters: readonly Parameter[];
  readonly #device: Device;
  readonly #spec: DenseSpec;

  constructor(device: Device, spec: DenseSpec) {
    const { name, input, outputs, at } = spec;
    this.#device = device;
    this.#spec = spec;
    this.input = input;
    this.output = { channels: outputs, height: 1, width: 1 };
    const inputs = sizeOf(input);
    const pitch = padded(inputs);
    const fans = { fanIn: inputs, fanOut: outputs };
    this.parameters = [
      { name: `${name}.weight`, shape: [outputs, inputs], at, pitch, ...fans, bias: false },
      {
        name: `${name}.bias`,
        shape: [outputs],
        at: at + outputs * pitch,
        pitch: 1,
        ...fans,
        bias: true,
      },
    ];
  }

  fwd(record: Recorder, span: Span, t: { x: Tensor; theta: Tensor; y: Tensor }): void {
    const { x, theta, y } = t;
    this.#forward(record, span, { x, xDot: x, theta, thetaDot: theta, y }, false);
  }

  jvp(record: Recorder, span: Span, t: JvpTensors): void {
    const { x, xDot, theta, thetaDot, yDot } = t;
    // With ẋ = 0 the tangent is f(x, ẇ) + ḃ: the forward pass with θ̇ for θ.
    if (xDot === null) return this.fwd(record, span, { x, theta: thetaDot, y: yDot });
    this.#forward(record, span, { x, xDot, theta, thetaDot, y: yDot }, true);
  }

  vjpX(record: Recorder, span: Span, t: VjpXTensors): void {
    const { x, theta, yBar, xBar } = t;
    this.#backward(record, span, { x, theta, thetaDot: theta, yBar, yBarDot: yBar, xBar }, false);
  }

  hvpX(record: Recorder, span: Span, t: HvpXTensors): void {
    const { x, theta, thetaDot, yBar, yBarDot, xBarDot: xBar } = t;
    this.#backward(record, span, { x, theta, thetaDot, yBar, yBarDot, xBar }, true);
  }

  vjpW(record: Recorder, span: Span, t: { x: Tensor; yBar: Tensor; thetaBar: Tensor }): void {
    const { x, yBar, thetaBar } = t;
    this.#weights(record, span, { x, xDot: x, yBar, yBarDot: yBar, thetaBar }, false);
  }

  hvpW(record: Recorder, span: Span, t: HvpWTensors): void {
    const { x, xDot, yBar, yBarDot, thetaBarDot } = t;
    if (xDot === null) return this.vjpW(record, span, { x, yBar: yBarDot, thetaBar: thetaBarDot });
    this.#weights(record, span, { x, xDot, yBar, yBarDot, thetaBar: thetaBarDot }, true);
  }

  #forward(
    record: Recorder,
    span: Span,
    bindings: Bindings & { x: Tensor; theta: Tensor; y: Tensor },
    tangent: boolean,
  ): void {
    const { outputs } = this.#spec;
    checkSize("dense.fwd to y", bindings.y, [span.networks, outputs, span.images]);
    this.#multiply(record, span, "fwd", bindings, tangent, outputs);
  }

  #backward(
    record: Recorder,
    span: Span,
    bindings: Bindings & { x: Tensor; theta: Tensor; xBar: Tensor },
    tangent: boolean,
  ): void {
    const inputs = sizeOf(this.input);
    checkSize("dense.vjpX to xBar", bindings.xBar, [span.networks, inputs, span.images]);
    this.#multiply(record, span, "vjpX", bindings, tangent, inputs);
  }

  #multiply(
    record: Recorder,
    span: Span,
    entry: string,
    bindings: Bindings & { x: Tensor; theta: Tensor },
    tangent: boolean,
    rows: number,
  ): void {
    const vec4s = span.images / 4;
    const IMAGES = this.#large && vec4s >= MANY ? 2 : 1;
    const lanes = Math.ceil(vec4s / IMAGES) * Math.ceil(rows / 8);
    const overrides = { IMAGES, TANGENT: +tangent };
    this.#run(record, span, source, entry, bindings, bindings.theta, overrides, lanes);
  }

  #weights(
    record: Recorder,
    span: Span,
    bindings: Bindings & { x: Tensor; thetaBar: Tensor },
    tangent: boolean,
  ): void {
    const TILE = this.#large ? 2 : 1;
    const lanes = Math.ceil(this.#spec.outputs / 4 / TILE) *
      Math.ceil(padded(sizeOf(this.input)) / 4 / TILE);
    const overrides = { TILE, TANGENT: +tangent };
    this.#run(record, span, weightsSource, "vjpW", bindings, bindings.thetaBar, overrides, lanes);
  }

  /** Whether an invocation should take a large tile: few with much to do each. */
  get #large(): boolean {
    return this.#device.profile.name === "software";
  }

  #run(
    record: Recorder,
    span: Span,
    source: string,
    entry: string,
    bindings: Bindings & { x: Tensor },
    theta: Tensor,
    overrides: Record<string, number>,
    lanes: number,
  ): void {
    const { workgroup } = this.#device.profile;
    checkShared(`dense.${entry} on x`, bindings.x, this.input, span);
    const { yBar } = bindings;
    const shape = [span.networks, this.#spec.outputs, span.images];
    if (yBar) checkSize(`dense.${entry} on yBar`, yBar, shape);
    const kernel = this.#device.kernel("dense", inputsSource + source, entry, {
      C: sizeOf(this.input),
      O: this.#spec.outputs,
      THETA: theta.size / span.networks / 4,
      AT: this.#spec.at / 4,
      WG: workgroup,
      RELU: +this.#spec.relu,
      ...overrides,
    });
    record.dispatch(kernel, bindings, [Math.ceil(lanes / workgroup), span.networks]);
  }
}
