/** conv2d: convolution with bias on relu(x) or x; its kernels and formulas are in conv2d.wgsl. */
import source from "../../kernels/conv2d.wgsl" with { type: "text" };
import type { Bindings, Device, Recorder, Tensor } from "../gpu/mod.ts";
import {
  checkSize,
  type HvpWTensors,
  type HvpXTensors,
  type JvpTensors,
  type Parameter,
  type ParametricOp,
  type Planes,
  sizeOf,
  type Span,
  strideOf,
  type VjpXTensors,
} from "./op.ts";

/** What a convolution is made of. */
export interface Conv2dSpec {
  /** Parameters are `<name>.weight` and `<name>.bias`. */
  readonly name: string;
  readonly input: Planes;
  readonly channels: number;
  /** Side of the square kernel. */
  readonly size: number;
  /** Zeros on every side. */
  readonly pad: number;
  /** Whether the input passes through ReLU first. */
  readonly relu: boolean;
  /** Where the parameters start in a network's slice of θ, in floats. */
  readonly at: number;
}

const TILE_CHANNELS = 4;
const TILE_TAPS = 5;
/** llvmpipe leaves a loop, without a word, once an invocation has done 65 535 turns. */
const MOST_TURNS = 60_000;

/** Convolution: y = f(relu(x), w) + b, bilinear in (relu(x), w). */
export class Conv2d implements ParametricOp {
  readonly input: Planes;
  readonly output: Planes;
  readonly parameters: readonly Parameter[];
  readonly #device: Device;
  readonly #spec: Conv2dSpec;
  /** Scratch for the parts of a split sum, by size. */
  readonly #partials = new Map<number, Tensor>();

  constructor(device: Device, spec: Conv2dSpec) {
    const { name, input, channels, size, pad, at } = spec;
    this.#device = device;
    this.#spec = spec;
    this.input = input;
    this.output = {
      channels,
      height: input.height + 2 * pad - size + 1,
      width: input.width + 2 * pad - size + 1,
    };
    const row = input.channels * size * size;
    const fans = { fanIn: row, fanOut: channels * size * size };
    const shape = [channels, input.channels, size, size];
    this.parameters = [
      { name: `${name}.weight`, shape, at, pitch: row, ...fans, bias: false },
      {
        name: `${name}.bias`,
        shape: [channels],
        at: at + channels * row,
        pitch: 1,
        ...fans,
        bias: true,
      },
    ];
  }

  fwd(record: Recorder, span: Span, t: { x: Tensor; theta: Tensor; y: Tensor }): void {
    const { x, theta, y } = t;
    this.#correlate(
      record,
      span,
      "fwd",
      { src: x, srcDot: x, theta, thetaDot: theta, dst: y },
      false,
    );
  }

  jvp(record: Recorder, span: Span, t: JvpTensors): void {
    const { x, xDot, theta, thetaDot, yDot } = t;
    // With ẋ = 0 the tangent is f(x, ẇ) + ḃ: the forward pass with θ̇ for θ.
    if (xDot === null) return this.fwd(record, span, { x, theta: thetaDot, y: yDot });
    this.#correlate(
      record,
      span,
      "fwd",
      { src: x, srcDot: xDot, theta, thetaDot, dst: yDot },
      true,
    );
  }

  vjpX(record: Recorder, span: Span, t: VjpXTensors): void {
    const { x, theta, yBar, xBar } = t;
    this.#checkGate(x, span);
    const bindings = { src: yBar, srcDot: yBar, theta, thetaDot: theta, x, dst: xBar };
    this.#correlate(record, span, "vjpX", bindings, false);
  }

  hvpX(record: Recorder, span: Span, t: HvpXTensors): void {
    const { x, theta, thetaDot, yBar, yBarDot, xBarDot } = t;
    this.#checkGate(x, span);
    const bindings = { src: yBar, srcDot: yBarDot, theta, thetaDot, x, dst: xBarDot };
    this.#correlate(record, span, "vjpX", bindings, true);
  }

  vjpW(record: Recorder, span: Span, t: { x: Tensor; yBar: Tensor; thetaBar: Tensor }): void {
    const { x, yBar, thetaBar } = t;
    this.#sum(record, span, { src: x, srcDot: x, yBar, yBarDot: yBar }, thetaBar, false);
  }

  hvpW(record: Recorder, span: Span, t: HvpWTensors): void {
    const { x, xDot, yBar, yBarDot, thetaBarDot } = t;
    if (xDot === null) return this.vjpW(record, span, { x, yBar: yBarDot, thetaBar: thetaBarDot });
    this.#sum(record, span, { src: x, srcDot: xDot, yBar, yBarDot }, thetaBarDot, true);
  }

  /** The gate [x > 0] is read for each network. */
  #checkGate(x: Tensor, { networks, images }: Span): void {
    const size = sizeOf(this.input);
    if (this.#spec.relu) checkSize("conv2d.vjpX on x", x, [networks, size, images]);
  }

  #correlate(
    record: Recorder,
    span: Span,
    entry: "fwd" | "vjpX",
    bindings: Bindings & { src: Tensor; dst: Tensor; theta: Tensor },
    tangent: boolean,
  ): void {
    const flip = entry === "vjpX";
    const [from, to] = flip ? [this.output, this.input] : [this.input, this.output];
    checkSize(`conv2d.${entry} to dst`, bindings.dst, [span.networks, sizeOf(to), span.images]);
    const kernel = this.#kernel(entry, span, {
      ...correlation(from, to, flip ? this.#spec.size - 1 - this.#spec.pad : this.#spec.pad),
      X_STRIDE: strideOf(bindings.src, from, span),
      THETA: bindings.theta.size / span.networks,
      SPLITS: 1,
      FLIP: +flip,
      TANGENT: +tangent,
    });
    const lanes = span.images / 4 * to.height * Math.ceil(to.width / this.#device.profile.columns);
    record.dispatch(kernel, bindings, [
      Math.ceil(lanes / this.#device.profile.workgroup),
      Math.ceil(to.channels / TILE_CHANNELS),
      span.networks,
    ]);
  }

  #sum(
    record: Recorder,
    span: Span,
    bindings: Bindings & { src: Tensor },
    thetaBar: Tensor,
    tangent: boolean,
  ): void {
    const { profile } = this.#device;
    const { networks, images } = span;
    const { size } = this.#spec;
    const O = this.output.channels;
    const weights = O * (this.input.channels * size * size + 1);
    const tiles = Math.ceil(O / TILE_CHANNELS);
    const rows = images / 4 * this.output.height;
    const wanted = Math.round(profile.splits / tiles / networks);
    const least = Math.ceil(rows * (this.output.width + 1) / MOST_TURNS);
    const splits = Math.min(rows, Math.max(least, wanted));
    const partial = this.#partial(splits * networks * weights);
    const overrides = {
      ...correlation(this.input, this.output, this.#spec.pad),
      X_STRIDE: strideOf(bindings.src, this.input, span),
      THETA: thetaBar.size / networks,
      SPLITS: splits,
      FLIP: 0,
      TANGENT: +tangent,
    };
    const lanes = this.input.channels * size * Math.ceil(size / TILE_TAPS) + 1;
    record.dispatch(this.#kernel("vjpW", span, overrides), { ...bindings, partial }, [
      Math.ceil(lanes / profile.workgroup),
      tiles,
      splits * networks,
    ]);
    record.dispatch(this.#kernel("reduce", span, overrides), { partial, thetaBar }, [
      Math.ceil(weights / profile.workgroup),
      networks,
    ]);
  }

  #kernel(entry: string, { networks, images }: Span, overrides: Record<string, number>) {
    const { size, at, relu } = this.#spec;
    const { workgroup: WG, columns: COLUMNS } = this.#device.profile;
    const shared = { K: size, N: images / 4, NETWORKS: networks, AT: at, RELU: +relu };
    return this.#device.kernel("conv2d", source, entry, { ...overrides, ...shared, WG, COLUMNS });
  }

  #partial(size: number): Tensor {
    let partial = this.#partials.get(size);
    if (!partial) this.#partials.set(size, partial = this.#device.tensor([size], "conv2d partial"));
    return partial;
  }

  [Symbol.dispose](): void {
    for (const partial of this.#partials.values()) partial[Symbol.dispose]();
  }
}

function correlation(from: Planes, to: Planes, PAD: number): Record<string, number> {
  const source = { C: from.channels, H: from.height, V: from.width };
  return { ...source, O: to.channels, P: to.height, Q: to.width, PAD };
}
