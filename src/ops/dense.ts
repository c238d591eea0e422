/**
 * dense: a fully connected layer on relu(x) or x; its kernels and formulas are in dense.wgsl,
 * dense_weights.wgsl and dense_xent.wgsl, before which shared/dense_inputs.wgsl is put, and
 * shared/dense_theta.wgsl or, for a layer that is more than a binding holds, dense_theta_halves.wgsl.
 */
import denseSource from "../../kernels/dense.wgsl" with { type: "text" };
import inputsSource from "../../kernels/shared/dense_inputs.wgsl" with { type: "text" };
import thetaSource from "../../kernels/shared/dense_theta.wgsl" with { type: "text" };
import halvesSource from "../../kernels/shared/dense_theta_halves.wgsl" with { type: "text" };
import weightsSource from "../../kernels/dense_weights.wgsl" with { type: "text" };
import xentSource from "../../kernels/dense_xent.wgsl" with { type: "text" };
import type { Bindings, Device, Recorder, Tensor } from "../gpu/mod.ts";
import {
  checkShared,
  checkSize,
  type FwdTensors,
  type FwdXentTensors,
  type HvpWTensors,
  type HvpXTensors,
  type JvpTensors,
  MOST_LOGITS,
  padded,
  type Parameter,
  parameterFloats,
  type ParametricOp,
  type Planes,
  sizeOf,
  type Span,
  type VjpWTensors,
  type VjpXTensors,
} from "./op.ts";
import { bindable, mostWords, thetaWindow, viewOf } from "./theta_window.ts";

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

const SOURCE = inputsSource + denseSource + weightsSource;
const XENT_SOURCE = inputsSource + denseSource + xentSource;

/** What dense binds of θ's shape, and the name of each one's second half. */
const REST = { theta: "thetaRest", thetaDot: "thetaDotRest", thetaBar: "thetaBarRest" };

/** vec4s of images from which there is work enough for tiles of two. */
const MANY = 16;

/** Fully connected layer: y = w · relu(x) + b, bilinear in (relu(x), w). */
export class Dense implements ParametricOp {
  readonly input: Planes;
  readonly output: Planes;
  readonly parameters: readonly Parameter[];
  readonly bindings = 2;
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

  fwd(record: Recorder, span: Span, { x, theta, y }: FwdTensors): void {
    this.#forward(record, span, { x, xDot: x, theta, thetaDot: theta, y }, 0);
  }

  jvp(record: Recorder, span: Span, t: JvpTensors): void {
    const { x, xDot, theta, thetaDot, yDot } = t;
    // With ẋ = 0 the tangent is f(x, ẇ) + ḃ: the forward pass with θ̇ for θ.
    if (xDot === null) return this.fwd(record, span, { x, theta: thetaDot, y: yDot });
    this.#forward(record, span, { x, xDot, theta, thetaDot, y: yDot }, 1);
  }

  vjpX(record: Recorder, span: Span, { x, theta, yBar, xBar }: VjpXTensors): void {
    const bindings = { x, theta, thetaDot: theta, yBar, yBarDot: yBar, xBar };
    this.#run(record, span, "vjpX", bindings, theta, 0, this.#inputGroups(span));
  }

  hvpX(record: Recorder, span: Span, t: HvpXTensors): void {
    const { x, theta, thetaDot, yBar, yBarDot, xBarDot: xBar } = t;
    const bindings = { x, theta, thetaDot, yBar, yBarDot, xBar };
    this.#run(record, span, "vjpX", bindings, theta, 1, this.#inputGroups(span));
  }

  vjpW(record: Recorder, span: Span, { x, yBar, thetaBar }: VjpWTensors): void {
    const bindings = { x, xDot: x, yBar, yBarDot: yBar, thetaBar };
    this.#run(record, span, "vjpW", bindings, thetaBar, 0, this.#weightGroups());
  }

  hvpW(record: Recorder, span: Span, t: HvpWTensors): void {
    const { x, xDot, yBar, yBarDot, thetaBarDot: thetaBar } = t;
    if (xDot === null) return this.vjpW(record, span, { x, yBar: yBarDot, thetaBar });
    const bindings = { x, xDot, yBar, yBarDot, thetaBar };
    this.#run(record, span, "vjpW", bindings, thetaBar, 1, this.#weightGroups());
  }

  vjp(record: Recorder, span: Span, t: VjpXTensors & VjpWTensors): void {
    if (this.#halves(t.theta)) { // too many bindings for one dispatch
      this.vjpW(record, span, t);
      return this.vjpX(record, span, t);
    }
    const { x, theta, yBar, xBar, thetaBar } = t;
    const still = { xDot: x, thetaDot: theta, yBarDot: yBar };
    this.#both(record, span, { x, theta, yBar, xBar, thetaBar, ...still }, 0);
  }

  hvp(record: Recorder, span: Span, t: HvpXTensors & HvpWTensors & { xDot: Tensor }): void {
    if (this.#halves(t.theta)) {
      this.hvpW(record, span, t);
      return this.hvpX(record, span, t);
    }
    const { x, xDot, theta, thetaDot, yBar, yBarDot, xBarDot: xBar, thetaBarDot: thetaBar } = t;
    this.#both(record, span, { x, xDot, theta, thetaDot, yBar, yBarDot, xBar, thetaBar }, 1);
  }

  fwdXent(record: Recorder, span: Span, t: FwdXentTensors, count: number): void {
    const { x, theta, y, labels, zBar } = t;
    const { outputs } = this.#spec;
    if (outputs > MOST_LOGITS) {
      throw new RangeError(
        `Cannot run dense.fwdXent: got ${outputs} outputs, expected 1…${MOST_LOGITS}`,
      );
    }
    checkShared("dense.fwdXent on x", x, this.input, span);
    for (const [name, tensor] of Object.entries({ y, zBar })) {
      checkSize(`dense.fwdXent to ${name}`, tensor, [span.networks, outputs, span.images]);
    }
    checkSize("dense.fwdXent on labels", labels, [outputs, span.images]);
    const { workgroup: WG } = this.#device.profile;
    const bindings = { x, theta, thetaDot: theta, y, labels, zBar };
    const sizes = { TANGENT: 0, IMAGES: 1, COUNT: count };
    const groups = Math.ceil(span.images / 4 / WG);
    this.#dispatch(record, span, XENT_SOURCE, "fwdXent", bindings, theta, sizes, groups);
  }

  #both(
    record: Recorder,
    span: Span,
    bindings: Bindings & { x: Tensor; theta: Tensor },
    TANGENT: number,
  ): void {
    const groups = this.#weightGroups() + this.#inputGroups(span);
    this.#run(record, span, "vjp", bindings, bindings.theta, TANGENT, groups);
  }

  #forward(
    record: Recorder,
    span: Span,
    bindings: Bindings & { x: Tensor; theta: Tensor; y: Tensor },
    TANGENT: number,
  ): void {
    const groups = this.#imageGroups(span, this.#spec.outputs);
    this.#run(record, span, "fwd", bindings, bindings.theta, TANGENT, groups);
  }

  /** Workgroups of a network for vjpX, and for vjpW. */
  #inputGroups(span: Span): number {
    return this.#imageGroups(span, sizeOf(this.input));
  }

  #weightGroups(): number {
    const side = 4 * this.#tile;
    const tiles = Math.ceil(this.#spec.outputs / side) *
      Math.ceil(padded(sizeOf(this.input)) / side);
    return Math.ceil(tiles / this.#device.profile.workgroup);
  }

  #imageGroups(span: Span, rows: number): number {
    const tiles = Math.ceil(span.images / 4 / this.#imagesOf(span)) * Math.ceil(rows / 8);
    return Math.ceil(tiles / this.#device.profile.workgroup);
  }

  /** vec4s of images that an invocation takes. */
  #imagesOf({ images }: Span): number {
    return images / 4 >= MANY ? this.#tile : 1;
  }

  /** How large a tile an invocation takes: on a software adapter few have much to do each. */
  get #tile(): number {
    return this.#device.profile.name === "software" ? 2 : 1;
  }

  #run(
    record: Recorder,
    span: Span,
    entry: string,
    bindings: Bindings & { x: Tensor },
    theta: Tensor,
    TANGENT: number,
    groups: number,
  ): void {
    const { networks, images } = span;
    const [inputs, outputs] = [sizeOf(this.input), this.#spec.outputs];
    checkShared(`dense.${entry} on x`, bindings.x, this.input, span);
    for (const [name, rows] of [["y", outputs], ["yBar", outputs], ["xBar", inputs]] as const) {
      const tensor = bindings[name];
      if (tensor) checkSize(`dense.${entry} on ${name}`, tensor, [networks, rows, images]);
    }
    const sizes = { TANGENT, IMAGES: this.#imagesOf(span), TILE: this.#tile };
    this.#dispatch(record, span, SOURCE, entry, bindings, theta, sizes, groups);
  }

  /** @param theta one of the bindings of θ's shape. */
  #dispatch(
    record: Recorder,
    { networks }: Span,
    source: string,
    entry: string,
    bindings: Bindings,
    theta: Tensor,
    sizes: Record<string, number>,
    groups: number,
  ): void {
    const { outputs, at, relu } = this.#spec;
    const window = thetaWindow(theta, networks, at, parameterFloats(this));
    const halves = this.#halves(theta);
    const HALF = mostWords(this.#device);
    const bound: Record<string, Tensor> = { ...bindings };
    for (const [name, rest] of Object.entries(REST)) {
      const whole = bindings[name] && window.of(bindings[name]);
      if (!whole) continue;
      bound[name] = halves ? viewOf(whole, 0, HALF) : whole;
      if (halves) bound[rest] = viewOf(whole, HALF, whole.size - HALF);
    }
    const kernel = this.#device.kernel(
      "dense",
      (halves ? halvesSource : thetaSource) + source,
      entry,
      {
        C: sizeOf(this.input),
        O: outputs,
        THETA: window.stride / 4,
        AT: window.at / 4,
        WG: this.#device.profile.workgroup,
        RELU: +relu,
        ...sizes,
        ...(halves && { HALF: HALF / 4 }),
      },
    );
    record.dispatch(kernel, bound, [groups, networks]);
  }

  /** Whether the layer itself is more than a binding holds. */
  #halves(theta: Tensor): boolean {
    return !bindable(theta) &&
      !bindable(thetaWindow(theta, 1, this.#spec.at, parameterFloats(this)).of(theta));
  }
}
