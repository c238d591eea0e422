/**
 * conv2d: convolution with bias on relu(x) or x, and max-pooling after it where it is told to; its
 * kernels and formulas are in conv2d.wgsl and conv2d_weights.wgsl, with pooling in conv2d_pool.wgsl and
 * conv2d_pool_weights.wgsl; what they share is put before them. Sums over images are split (SplitSums).
 */
import correlateSource from "../../kernels/conv2d.wgsl" with { type: "text" };
import poolSource from "../../kernels/conv2d_pool.wgsl" with { type: "text" };
import weightsSource from "../../kernels/conv2d_weights.wgsl" with { type: "text" };
import poolWeightsSource from "../../kernels/conv2d_pool_weights.wgsl" with { type: "text" };
import rowSource from "../../kernels/shared/row.wgsl" with { type: "text" };
import unpoolSource from "../../kernels/shared/unpool.wgsl" with { type: "text" };
import sharedWeights from "../../kernels/shared/weights.wgsl" with { type: "text" };
import type { Bindings, Device, Recorder, Tensor } from "../gpu/mod.ts";
import { channelsOf, columnsOf, sumsOf, TAPS } from "./conv2d_tiles.ts";
import {
  checkShared,
  checkSize,
  type FwdTensors,
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
import { thetaWindow } from "./theta_window.ts";

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
  /** Where the parameters start in a network's slice of θ, in floats: a multiple of four. */
  readonly at: number;
  /** Whether the output is the maxima of its 2 × 2 windows; both sides must be even then. */
  readonly pool?: boolean;
}

/** Convolution: y = f(relu(x), w) + b, bilinear in (relu(x), w), or the maxima of that. */
export class Conv2d implements ParametricOp {
  readonly input: Planes;
  readonly output: Planes;
  readonly parameters: readonly Parameter[];
  readonly #device: Device;
  readonly #spec: Conv2dSpec;
  /** Extents of the convolution, before pooling. */
  readonly #convolved: Planes;

  /** @throws RangeError when it should pool planes with an odd side. */
  constructor(device: Device, spec: Conv2dSpec) {
    const { name, input, channels, size, pad, at } = spec;
    const height = input.height + 2 * pad - size + 1;
    const width = input.width + 2 * pad - size + 1;
    if (spec.pool && (height % 2 || width % 2)) {
      throw new RangeError(`Cannot pool ${height} × ${width} planes: expected even sides`);
    }
    this.#device = device;
    this.#spec = spec;
    this.input = input;
    this.#convolved = { channels, height, width };
    this.output = spec.pool ? { channels, height: height / 2, width: width / 2 } : this.#convolved;
    const row = input.channels * size * size;
    const fans = { fanIn: row, fanOut: channels * size * size };
    const weight = { shape: [channels, input.channels, size, size], at, pitch: row };
    const bias = { shape: [channels], at: at + channels * row, pitch: 1 };
    this.parameters = [
      { name: `${name}.weight`, ...weight, ...fans, bias: false },
      { name: `${name}.bias`, ...bias, ...fans, bias: true },
    ];
  }

  /** The same with 2 × 2 max-pooling after it. */
  pooled(): Conv2d {
    return new Conv2d(this.#device, { ...this.#spec, pool: true });
  }

  /** Whether it ends in max-pooling. */
  get pools(): boolean {
    return this.#spec.pool === true;
  }

  savedWords({ networks, images }: Span): number {
    return this.pools ? networks * sizeOf(this.output) * images / 4 : 0;
  }

  fwd(record: Recorder, span: Span, t: FwdTensors): void {
    this.#forward(record, span, { ...t, xDot: t.x, thetaDot: t.theta }, { TANGENT: 0, PICK: 0 });
  }

  jvp(record: Recorder, span: Span, t: JvpTensors): void {
    const { xDot, yDot: y } = t;
    if (xDot) return this.#forward(record, span, { ...t, xDot, y }, { TANGENT: 1, PICK: 1 });
    // With ẋ = 0 the tangent is f(x, ẇ) + ḃ: the forward pass with θ̇ for θ.
    const still = { ...t, xDot: t.x, theta: t.thetaDot, y };
    this.#forward(record, span, still, { TANGENT: 0, PICK: 1 });
  }

  vjpX(record: Recorder, span: Span, t: VjpXTensors): void {
    this.#backward(record, span, { ...t, yBarDot: t.yBar, thetaDot: t.theta }, 0);
  }

  hvpX(record: Recorder, span: Span, t: HvpXTensors): void {
    this.#backward(record, span, { ...t, xBar: t.xBarDot }, 1);
  }

  vjpW(record: Recorder, span: Span, t: VjpWTensors): void {
    this.#sum(record, span, { ...t, xDot: t.x, yBarDot: t.yBar }, 0);
  }

  hvpW(record: Recorder, span: Span, t: HvpWTensors): void {
    const { xDot, thetaBarDot: thetaBar } = t;
    if (xDot) return this.#sum(record, span, { ...t, xDot, thetaBar }, 1);
    this.vjpW(record, span, { ...t, yBar: t.yBarDot, thetaBar });
  }

  #forward(
    record: Recorder,
    span: Span,
    { x, xDot, theta, thetaDot, y, saved }: FwdTensors & { xDot: Tensor; thetaDot: Tensor },
    { TANGENT, PICK }: { TANGENT: number; PICK: number },
  ): void {
    const { relu, pad } = this.#spec;
    checkShared("conv2d.fwd on x", x, this.input, span);
    checkSize("conv2d.fwd to y", y, [span.networks, sizeOf(this.output), span.images]);
    const overrides = { FLIP: 0, PAD: pad, TANGENT, RELU_SRC: +relu, RELU_DST: 0, POOLED: 0 };
    const bindings = { src: x, srcDot: xDot, theta, thetaDot, dst: y };
    if (this.pools) {
      const all = {
        ...bindings,
        argmaxOut: needed("conv2d with saved", saved, [this.savedWords(span)]),
      };
      return this.#correlate(
        record,
        span,
        this.input,
        this.output,
        all,
        { ...overrides, PICK },
        true,
      );
    }
    const all = { ...bindings, x, argmax: x };
    this.#correlate(record, span, this.input, this.output, all, overrides, false);
  }

  #backward(
    record: Recorder,
    span: Span,
    { x, theta, thetaDot, yBar, yBarDot, xBar, saved }: VjpXTensors & Record<MoreForX, Tensor>,
    TANGENT: number,
  ): void {
    const { relu, pad, size } = this.#spec;
    const shape = [span.networks, sizeOf(this.input), span.images];
    checkSize("conv2d.vjpX to xBar", xBar, shape);
    if (relu) checkSize("conv2d.vjpX on x", x, shape); // the gate [x > 0] is read for each network
    this.#checkOutput("conv2d.vjpX", yBar, span);
    const PAD = size - 1 - pad;
    const overrides = { FLIP: 1, PAD, TANGENT, RELU_SRC: 0, RELU_DST: +relu, POOLED: +this.pools };
    const argmax = this.pools ? needed("conv2d with saved", saved, [this.savedWords(span)]) : yBar;
    const bindings = { src: yBar, srcDot: yBarDot, theta, thetaDot, x, dst: xBar, argmax };
    this.#correlate(record, span, this.#convolved, this.input, bindings, overrides, false);
  }

  #checkOutput(what: string, yBar: Tensor, { networks, images }: Span): void {
    checkSize(`${what} on yBar`, yBar, [networks, sizeOf(this.output), images]);
  }

  /** A correlation from planes to planes; with `pools` max-pooling comes after it. */
  #correlate(
    record: Recorder,
    span: Span,
    from: Planes,
    to: Planes,
    bindings: Bindings & { theta: Tensor; thetaDot: Tensor },
    overrides: Record<string, number>,
    pools: boolean,
  ): void {
    const { profile } = this.#device;
    const { theta, thetaDot } = bindings;
    const window = thetaWindow(theta, span.networks, this.#spec.at, parameterFloats(this));
    const COLUMNS = columnsOf(profile, span, to, pools);
    const CHANNELS = channelsOf(to.channels);
    const source = unpoolSource + correlateSource + (pools ? poolSource : "");
    const kernel = this.#kernel(source, pools ? "pooled" : "correlate", {
      ...extentsOf(from, to),
      ...overrides,
      COLUMNS,
      CHANNELS,
      THETA: window.stride,
      AT: window.at,
    });
    const tiles = Math.ceil((pools ? 2 : 1) * to.width / COLUMNS);
    const parameters = { theta: window.of(theta), thetaDot: window.of(thetaDot) };
    record.dispatch(kernel, { ...bindings, ...parameters }, [
      Math.ceil(span.images / 4 * to.height * tiles / profile.workgroup),
      Math.ceil(to.channels / CHANNELS),
      span.networks,
    ]);
  }

  #sum(
    record: Recorder,
    span: Span,
    { x, xDot, yBar, yBarDot, saved, ...t }: VjpWTensors & Record<MoreForW, Tensor>,
    TANGENT: number,
  ): void {
    const { profile } = this.#device;
    const { pad, relu } = this.#spec;
    const { networks } = span;
    const { tiles, channelTiles, splits, ...tile } = this.#sums(span);
    const partial = needed("conv2d.vjpW to partial", t.partial, [
      splits,
      networks,
      parameterFloats(this),
    ]);
    checkShared("conv2d.vjpW on x", x, this.input, span);
    this.#checkOutput("conv2d.vjpW", yBar, span);
    const overrides = {
      ...extentsOf(this.input, this.pools ? this.output : this.#convolved),
      ...tile,
      PAD: pad,
      TANGENT,
      ALONE: +(splits === 1),
      RELU_SRC: +relu,
    };
    const bindings = { src: x, srcDot: xDot, yBar, yBarDot, partial };
    const groups = [Math.ceil(tiles * splits / profile.workgroup), channelTiles, networks] as const;
    if (!this.pools) {
      const kernel = this.#kernel(sharedWeights + weightsSource, "vjpW", overrides);
      return record.dispatch(kernel, bindings, groups);
    }
    const source = unpoolSource + sharedWeights + poolWeightsSource;
    const kernel = this.#kernel(source, "pooledVjpW", overrides);
    const argmax = needed("conv2d with saved", saved, [this.savedWords(span)]);
    record.dispatch(kernel, { ...bindings, argmax }, groups);
  }

  split(span: Span): Split {
    return { runs: this.#sums(span).splits, size: parameterFloats(this), at: this.#spec.at };
  }

  #sums(span: Span) {
    return sumsOf(this.#device.profile, span, this.input, this.#convolved, this.#spec);
  }

  #kernel(source: string, entry: string, overrides: Record<string, number>) {
    const { size } = this.#spec;
    const { workgroup: WG } = this.#device.profile;
    const shared = { K: size, TAPS: Math.min(size, TAPS), WG };
    return this.#device.kernel("conv2d", rowSource + source, entry, {
      ...overrides,
      ...shared,
    });
  }
}

/** What hvpX reads more than vjpX. */
type MoreForX = "thetaDot" | "yBarDot";
/** What hvpW reads more than vjpW. */
type MoreForW = "xDot" | "yBarDot";

function extentsOf(from: Planes, to: Planes): Record<string, number> {
  const source = { C: from.channels, H: from.height, V: from.width };
  return { ...source, O: to.channels, P: to.height, Q: to.width };
}
