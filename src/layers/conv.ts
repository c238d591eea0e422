/**
 * conv: convolution with a bias on relu(x) or x, and the 2 × 2 max-pooling after it where it is told to. It is
 * bilinear in (relu(x), w). Its kernels, which have the formulas, are conv2d.wgsl and conv2d_weights.wgsl, and
 * with pooling conv2d_pool.wgsl and conv2d_pool_weights.wgsl.
 */
import { z } from "npm:zod@4.6.7";
import convSource from "../../kernels/conv2d.wgsl" with { type: "text" };
import poolSource from "../../kernels/conv2d_pool.wgsl" with { type: "text" };
import poolWeightsSource from "../../kernels/conv2d_pool_weights.wgsl" with { type: "text" };
import weightsSource from "../../kernels/conv2d_weights.wgsl" with { type: "text" };
import { type Bindings, type Device, link, type Recorder, type Source } from "../gpu/mod.ts";
import { conv2d as twin } from "../oracle/conv2d.ts";
import { sumsOf, tileOf } from "./conv_tiles.ts";
import {
  bind,
  expectTurns,
  type Frame,
  type LayerKind,
  type Op,
  type Parameter,
  parameterFloats,
  type Place,
  type Planes,
  sizeOf,
  sizesOf,
  type Span,
  standingStill,
  type Table,
  windowsOf,
} from "./op.ts";
import { MOST_CHANNELS, name, whole } from "./settings.ts";

const settings = z.strictObject({
  name: name().optional(),
  channels: whole(1, MOST_CHANNELS),
  size: whole(1),
  stride: whole(1).default(1),
  pad: whole(0).default(0),
});

type ConvSettings = z.output<typeof settings>;

/** Convolution: `conv: {channels: 16, size: 5, pad: 2}`; the numbers mean what they mean in PyTorch. */
export const conv: LayerKind<ConvSettings> = {
  settings,
  prefix: "conv",
  relu: "take",
  output: (input, settings) => ({ channels: settings.channels, ...windowsOf(input, settings) }),
  pools(input, settings) {
    const { height, width } = windowsOf(input, settings);
    return settings.stride === 1 && height % 2 === 0 && width % 2 === 0;
  },
  op: (device, place, settings) => new Conv2d(device, place, settings),
  twin: ({ channels: C, height: H, width: V }, { channels: O, size: K, stride, pad: PAD }) =>
    twin({ C, H, V, O, K, PAD, STRIDE: stride }),
};

const FILES = { "conv2d.wgsl": convSource };
const SOURCES = {
  plain: link("conv2d.wgsl", FILES),
  pool: link("conv2d_pool.wgsl", { ...FILES, "conv2d_pool.wgsl": poolSource }),
  weights: link("conv2d_weights.wgsl", { "conv2d_weights.wgsl": weightsSource }),
  poolWeights: link("conv2d_pool_weights.wgsl", { "conv2d_pool_weights.wgsl": poolWeightsSource }),
};

/** Convolution on the GPU. */
class Conv2d implements Op {
  readonly input: Planes;
  readonly output: Planes;
  readonly parameters: readonly Parameter[];
  readonly #device: Device;
  readonly #place: Place;
  readonly #settings: ConvSettings;
  /** Extents of the convolution, before pooling. */
  readonly #convolved: Planes;

  /** @throws RangeError for a sum of more terms than an invocation may add up. */
  constructor(device: Device, place: Place, settings: ConvSettings) {
    const { name, input } = place;
    const { channels, size } = settings;
    const row = input.channels * size * size;
    const rows = place.pool ? size + 1 : size; // those of both rows that are pooled
    const turns = Math.max(input.channels * rows, channels * size) * size;
    expectTurns(device, name, turns, "use fewer channels or a smaller kernel");
    this.#device = device;
    this.#place = place;
    this.#settings = settings;
    this.input = input;
    const { height, width } = windowsOf(input, settings);
    this.#convolved = { channels, height, width };
    this.output = place.pool ? { channels, height: height / 2, width: width / 2 } : this.#convolved;
    const fans = { fanIn: row, fanOut: channels * size * size };
    const shape = [channels, input.channels, size, size];
    this.parameters = [
      { name: `${name}.weight`, shape, at: 0, pitch: row, ...fans, initial: "weight" },
      {
        name: `${name}.bias`,
        shape: [channels],
        at: channels * row,
        pitch: 1,
        ...fans,
        initial: "bias",
      },
    ];
  }

  residual({ networks, images }: Span) {
    const words = this.#place.pool ? networks * sizeOf(this.output) * images / 4 : 0;
    return { words, dot: 0 };
  }

  runs(span: Span): number {
    return this.#sums(span).runs;
  }

  forward(record: Recorder, frame: Frame, tangent: boolean): void {
    if (tangent && !frame.xDot) return this.#forward(record, standingStill(frame), false, true);
    this.#forward(record, frame, tangent, tangent);
  }

  /** @param pick whether the places of maxima are known, as in every tangent. */
  #forward(record: Recorder, frame: Frame, tangent: boolean, pick: boolean): void {
    const { pool } = this.#place;
    const bindings = bind("conv forward", this, frame, {
      ...sourceAndTheta(tangent, "x"),
      ...(pool ? { argmaxOut: "residual" } : { x: null }),
      argmax: null,
      dst: tangent ? "yDot" : "y",
    });
    const overrides = { FLIP: 0, TANGENT: +tangent, ...(pool && { PICK: +pick }) } as const;
    this.#correlate(record, frame, bindings, overrides);
  }

  backward(record: Recorder, frame: Frame, tangent: boolean): void {
    if (tangent ? frame.thetaBarDot : frame.thetaBar) {
      if (tangent && !frame.xDot) this.#weights(record, standingStill(frame), false);
      else this.#weights(record, frame, tangent);
    }
    if (!(tangent ? frame.xBarDot : frame.xBar)) return;
    const { relu, pool } = this.#place;
    const bindings = bind("conv backward", this, frame, {
      ...sourceAndTheta(tangent, "yBar"),
      x: relu ? "x" : null,
      argmax: pool ? "residual" : null,
      dst: tangent ? "xBarDot" : "xBar",
    });
    this.#correlate(record, frame, bindings, { TANGENT: +tangent, FLIP: 1 });
  }

  /** A correlation to y or, with FLIP, to x̄. */
  #correlate(
    record: Recorder,
    frame: Frame,
    bindings: Bindings,
    overrides: { FLIP: 0 | 1; TANGENT: number; PICK?: number },
  ): void {
    const { size, stride, pad } = this.#settings;
    const { relu, pool } = this.#place;
    const { profile } = this.#device;
    const flip = overrides.FLIP === 1;
    const isPooling = pool && !flip;
    const [from, to] = flip ? [this.#convolved, this.input] : [this.input, this.output];
    const tile = tileOf(profile, frame, to, { size, stride: flip ? 1 : stride }, isPooling);
    const { COLUMNS, CHANNELS, TAPS } = tile;
    const kernel = this.#kernel(
      isPooling ? SOURCES.pool : SOURCES.plain,
      isPooling ? "conv2d_pool" : "conv2d",
      {
        ...extentsOf(from, to),
        ...overrides,
        ...tile,
        PAD: flip ? size - 1 - pad : pad,
        STRIDE: flip ? 1 : stride,
        DILATION: flip ? stride : 1,
        RELU_SRC: +(relu && !flip),
        RELU_DST: +(relu && flip),
        POOLED: +(pool && flip),
      },
    );
    const sizes = flip
      ? { ...sizesOf(frame, this.input), XR: frame.networks }
      : sizesOf(frame, this.input);
    const columns = Math.ceil((isPooling ? 2 : 1) * to.width / COLUMNS);
    record.dispatch(kernel, {
      sizes,
      bindings,
      turns: from.channels * Math.ceil(size / TAPS) * size * (overrides.TANGENT + 1),
    }, [
      Math.ceil(frame.images / 4 * to.height * columns / profile.workgroup),
      Math.ceil(to.channels / CHANNELS),
      frame.networks,
    ]);
  }

  /** The runs of θ̄, or of θ̄˙. */
  #weights(record: Recorder, frame: Frame, tangent: boolean): void {
    const { pool, relu } = this.#place;
    const bindings = bind("conv backward", this, frame, {
      src: "x",
      srcDot: tangent ? "xDot" : null,
      yBar: "yBar",
      yBarDot: tangent ? "yBarDot" : null,
      ...(pool && { argmax: "residual" }),
      partial: "runs",
    });
    const { networks, images } = frame;
    const { tiles, channelTiles, runs, overrides } = this.#sums(frame);
    const kernel = this.#kernel(
      pool ? SOURCES.poolWeights : SOURCES.weights,
      pool ? "conv2d_pool_weights" : "conv2d_weights",
      {
        ...extentsOf(this.input, this.output),
        ...overrides,
        PAD: this.#settings.pad,
        STRIDE: this.#settings.stride,
        DILATION: 1,
        TANGENT: +tangent,
        RELU_SRC: +relu,
      },
    );
    const lines = images / 4 * this.output.height *
      Math.ceil(this.output.width / overrides.COLUMNS);
    record.dispatch(kernel, {
      sizes: { ...sizesOf(frame, this.input), RUNS: runs },
      bindings,
      turns: Math.ceil(lines / runs) * 5 * (+tangent + 1),
    }, [Math.ceil(tiles * runs / this.#device.profile.workgroup), channelTiles, networks]);
  }

  #sums(span: Span) {
    const { input, output } = this;
    const { profile } = this.#device;
    return sumsOf(profile, span, input, output, this.#settings, this.#place.pool);
  }

  #kernel(source: Source, entry: string, overrides: Record<string, number>) {
    const { workgroup: WG } = this.#device.profile;
    const fixed = { K: this.#settings.size, THETA: parameterFloats(this), WG };
    return this.#device.kernel(source, entry, { ...overrides, ...fixed });
  }
}

/** What a correlation reads, with tangents or without. */
function sourceAndTheta(tangent: boolean, src: "x" | "yBar"): Table {
  const dots = tangent ? { srcDot: `${src}Dot`, thetaDot: "thetaDot" } as const : NO_DOTS;
  return { src, theta: "theta", ...dots };
}

const NO_DOTS = { srcDot: null, thetaDot: null };

function extentsOf(from: Planes, to: Planes): Record<string, number> {
  const source = { C: from.channels, H: from.height, V: from.width };
  return { ...source, O: to.channels, P: to.height, Q: to.width };
}
