/**
 * conv2d: convolution with bias on relu(x) or x; its kernels and formulas are in conv2d.wgsl and
 * conv2d_weights.wgsl, before which shared/row.wgsl is put; splits.wgsl ends split sums.
 */
import correlateSource from "../../kernels/conv2d.wgsl" with { type: "text" };
import weightsSource from "../../kernels/conv2d_weights.wgsl" with { type: "text" };
import rowSource from "../../kernels/shared/row.wgsl" with { type: "text" };
import splitsSource from "../../kernels/splits.wgsl" with { type: "text" };
import type { Bindings, Device, Recorder, Tensor } from "../gpu/mod.ts";
import {
  checkShared,
  checkSize,
  type HvpWTensors,
  type HvpXTensors,
  type JvpTensors,
  type Parameter,
  type ParametricOp,
  type Planes,
  sizeOf,
  type Span,
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

/**
 * What an invocation takes, at most: `columns` of an image; of a sum over images `sumColumns` at a
 * time for `sumRows` rows of the kernel, in about `sumLanes` invocations. A software adapter wants few
 * with much to do each.
 */
const TILES = {
  software: { columns: 14, sumColumns: 5, sumRows: 5, sumLanes: 128 },
  hardware: { columns: 1, sumColumns: 4, sumRows: 1, sumLanes: 32_768 },
};
/** Taps of a row of the kernel that an invocation takes at a time. */
const TAPS = 5;
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
    this.#forward(record, span, { src: x, srcDot: x, theta, thetaDot: theta, dst: y }, false);
  }

  jvp(record: Recorder, span: Span, t: JvpTensors): void {
    const { x, xDot, theta, thetaDot, yDot } = t;
    // With ẋ = 0 the tangent is f(x, ẇ) + ḃ: the forward pass with θ̇ for θ.
    if (xDot === null) return this.fwd(record, span, { x, theta: thetaDot, y: yDot });
    this.#forward(record, span, { src: x, srcDot: xDot, theta, thetaDot, dst: yDot }, true);
  }

  vjpX(record: Recorder, span: Span, t: VjpXTensors): void {
    const { x, theta, yBar, xBar } = t;
    const bindings = { src: yBar, srcDot: yBar, theta, thetaDot: theta, x, dst: xBar };
    this.#backward(record, span, bindings, false);
  }

  hvpX(record: Recorder, span: Span, t: HvpXTensors): void {
    const { x, theta, thetaDot, yBar, yBarDot, xBarDot } = t;
    const bindings = { src: yBar, srcDot: yBarDot, theta, thetaDot, x, dst: xBarDot };
    this.#backward(record, span, bindings, true);
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

  #forward(
    record: Recorder,
    span: Span,
    bindings: Correlation,
    tangent: boolean,
  ): void {
    const { relu, pad } = this.#spec;
    const overrides = { FLIP: 0, PAD: pad, TANGENT: +tangent, RELU_SRC: +relu, RELU_DST: 0 };
    checkShared("conv2d.fwd on x", bindings.src, this.input, span);
    const all = { ...bindings, x: bindings.src };
    this.#correlate(record, span, this.input, this.output, all, overrides);
  }

  #backward(
    record: Recorder,
    span: Span,
    bindings: Correlation & { x: Tensor },
    tangent: boolean,
  ): void {
    const { relu, pad, size } = this.#spec;
    // The gate [x > 0] is read for each network.
    const shape = [span.networks, sizeOf(this.input), span.images];
    if (relu) checkSize("conv2d.vjpX on x", bindings.x, shape);
    this.#checkOutput("conv2d.vjpX", bindings.src, span);
    const PAD = size - 1 - pad;
    const overrides = { FLIP: 1, PAD, TANGENT: +tangent, RELU_SRC: 0, RELU_DST: +relu };
    this.#correlate(record, span, this.output, this.input, bindings, overrides);
  }

  #checkOutput(what: string, yBar: Tensor, { networks, images }: Span): void {
    checkSize(`${what} on yBar`, yBar, [networks, sizeOf(this.output), images]);
  }

  #correlate(
    record: Recorder,
    span: Span,
    from: Planes,
    to: Planes,
    bindings: Correlation,
    overrides: Record<string, number>,
  ): void {
    const { profile } = this.#device;
    checkSize("conv2d to dst", bindings.dst, [span.networks, sizeOf(to), span.images]);
    const COLUMNS = tileOf(to.width, TILES[profile.name].columns);
    const CHANNELS = channelsOf(to.channels);
    const kernel = this.#kernel(correlateSource, "correlate", {
      ...extentsOf(from, to),
      ...overrides,
      COLUMNS,
      CHANNELS,
      THETA: bindings.theta.size / span.networks,
      AT: this.#spec.at,
    });
    const lanes = span.images / 4 * to.height * Math.ceil(to.width / COLUMNS);
    record.dispatch(kernel, bindings, [
      Math.ceil(lanes / profile.workgroup),
      Math.ceil(to.channels / CHANNELS),
      span.networks,
    ]);
  }

  #sum(
    record: Recorder,
    span: Span,
    bindings: Bindings & { src: Tensor; yBar: Tensor },
    thetaBar: Tensor,
    tangent: boolean,
  ): void {
    const { profile } = this.#device;
    const { pad, relu } = this.#spec;
    const { networks } = span;
    const { COLUMNS, CHANNELS, ROWS, tiles, channelTiles, splits, weights } = this.#sums(span);
    const partial = this.#partial(splits * networks * weights);
    checkShared("conv2d.vjpW on x", bindings.src, this.input, span);
    this.#checkOutput("conv2d.vjpW", bindings.yBar, span);
    const kernel = this.#kernel(weightsSource, "vjpW", {
      ...extentsOf(this.input, this.output),
      COLUMNS,
      CHANNELS,
      ROWS,
      SPLITS: splits,
      PAD: pad,
      TANGENT: +tangent,
      RELU_SRC: +relu,
    });
    record.dispatch(kernel, { ...bindings, partial }, [
      Math.ceil(tiles * splits / profile.workgroup),
      channelTiles,
      networks,
    ]);
    const THETA = thetaBar.size / networks;
    const sum = { SIZE: weights, THETA, AT: this.#spec.at, WG: profile.workgroup };
    const reduce = this.#device.kernel("splits", splitsSource, "sum", sum);
    const groups = Math.ceil(weights / profile.workgroup);
    record.dispatch(reduce, { partial, thetaBar }, [groups, networks]);
  }

  /** How the sum over images is divided. */
  #sums({ networks, images }: Span) {
    const { size } = this.#spec;
    const [C, O, Q] = [this.input.channels, this.output.channels, this.output.width];
    const most = TILES[this.#device.profile.name];
    const COLUMNS = tileOf(Q, most.sumColumns);
    const CHANNELS = channelsOf(O);
    const ROWS = Math.min(size, most.sumRows);
    const tiles = C * Math.ceil(size / ROWS) * Math.ceil(size / TAPS);
    const channelTiles = Math.ceil(O / CHANNELS);
    const lines = images / 4 * this.output.height;
    const wanted = Math.ceil(most.sumLanes / tiles / channelTiles / networks);
    const turns = lines * Math.ceil(Q / COLUMNS);
    const least = Math.ceil(turns / MOST_TURNS);
    const most32 = Math.floor((2 ** 32 - 1) / turns); // the kernel multiplies turns by runs
    const splits = Math.min(lines, most32, Math.max(least, wanted));
    const weights = O * (C * size * size + 1);
    return { COLUMNS, CHANNELS, ROWS, tiles, channelTiles, splits, weights };
  }

  scratchBytes(span: Span): number {
    const { splits, weights } = this.#sums(span);
    return 4 * splits * span.networks * weights;
  }

  #kernel(source: string, entry: string, overrides: Record<string, number>) {
    const { size } = this.#spec;
    const { workgroup: WG } = this.#device.profile;
    const shared = { K: size, TAPS: Math.min(size, TAPS), WG };
    return this.#device.kernel("conv2d", rowSource + source, entry, { ...overrides, ...shared });
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

/** What a correlation reads and writes, as conv2d.wgsl names it. */
interface Correlation extends Bindings {
  src: Tensor;
  srcDot: Tensor;
  theta: Tensor;
  thetaDot: Tensor;
  dst: Tensor;
}

function extentsOf(from: Planes, to: Planes): Record<string, number> {
  const source = { C: from.channels, H: from.height, V: from.width };
  return { ...source, O: to.channels, P: to.height, Q: to.width };
}

/** Columns for each invocation: the fewest tiles of at most `most` columns, all about as wide. */
function tileOf(width: number, most: number): number {
  return Math.ceil(width / Math.ceil(width / most));
}

/** Output channels for each invocation: four, or three where that leaves none over. */
function channelsOf(channels: number): number {
  if (channels < 4) return channels;
  return channels % 4 !== 0 && channels % 3 === 0 ? 3 : 4;
}
