/** dense: a fully connected layer on relu(x) or x, bilinear in (relu(x), w); see dense.wgsl. */
import { z } from "npm:zod@4.6.7";
import text from "../../kernels/dense.wgsl" with { type: "text" };
import { type Device, link, type Recorder } from "../gpu/mod.ts";
import { dense as twin } from "../oracle/dense.ts";
import {
  bind,
  expectTurns,
  type Frame,
  type LayerKind,
  type Op,
  padded,
  type Parameter,
  parameterFloats,
  type Place,
  type Planes,
  sizeOf,
  sizesOf,
  standingStill,
} from "./op.ts";
import { MOST_CHANNELS, name } from "./settings.ts";

const settings = z.strictObject({
  name: name().optional(),
  outputs: z.custom<number | "classes">(
    (value) => value === "classes" || (Number.isSafeInteger(value) && Number(value) >= 1),
    { error: "an integer ≥ 1, or classes" },
  ).refine((outputs) => outputs === "classes" || outputs <= MOST_CHANNELS, {
    error: `at most ${MOST_CHANNELS}`,
  }),
  bias: z.boolean({ error: "true or false" }).optional(),
});

/**
 * Fully connected layer: `dense: 120`, or `dense: classes` for as many outputs as there are classes; without bias
 * where `bias` is false.
 */
export const dense: LayerKind<z.output<typeof settings>> = {
  settings,
  short: "outputs",
  prefix: "fc",
  relu: "take",
  output: (_, { outputs }, classes) => ({
    channels: outputs === "classes" ? classes : outputs,
    height: 1,
    width: 1,
  }),
  op: (device, place, settings, classes) =>
    new Dense(device, place, dense.output(place.input, settings, classes), settings),
  twin: (input, settings, classes) => {
    const O = dense.output(input, settings, classes).channels;
    return twin({ C: sizeOf(input), O, bias: settings.bias });
  },
};

const SOURCE = link("dense.wgsl", { "dense.wgsl": text });

/** vec4s of images up to which an invocation takes them all, else two or, of many, four. */
const FEW = 4;

class Dense implements Op {
  readonly input: Planes;
  readonly output: Planes;
  readonly parameters: readonly Parameter[];
  readonly #device: Device;
  readonly #relu: boolean;
  readonly #bias: boolean;

  constructor(
    device: Device,
    { name, input, relu }: Place,
    output: Planes,
    { bias: hasBias = true }: { bias?: boolean | undefined },
  ) {
    this.#device = device;
    this.#relu = relu;
    this.#bias = hasBias;
    this.input = input;
    this.output = output;
    const [inputs, outputs] = [sizeOf(input), output.channels];
    expectTurns(device, name, Math.max(inputs / 4, outputs), "use fewer inputs or outputs");
    const pitch = padded(inputs);
    const fans = { fanIn: inputs, fanOut: outputs };
    const weight = { name: `${name}.weight`, shape: [outputs, inputs], at: 0, pitch };
    const bias = { name: `${name}.bias`, shape: [outputs], at: outputs * pitch, pitch: 1 };
    this.parameters = [
      { ...weight, ...fans, initial: "weight" },
      ...(hasBias ? [{ ...bias, ...fans, initial: "bias" as const }] : []),
    ];
  }

  forward(record: Recorder, frame: Frame, tangent: boolean): void {
    if (tangent && !frame.xDot) return this.forward(record, standingStill(frame), false);
    const bindings = bind("dense forward", this, frame, {
      x: "x",
      xDot: tangent ? "xDot" : null,
      theta: "theta",
      thetaDot: tangent ? "thetaDot" : null,
      y: tangent ? "yDot" : "y",
    });
    const kernel = this.#kernel("forward", frame, { TANGENT: +tangent, INPUTS: 0, WEIGHTS: 0 });
    const run = { sizes: sizesOf(frame, this.input), bindings, turns: sizeOf(this.input) / 4 };
    record.dispatch(kernel, run, [this.#groups(frame, this.output.channels), frame.networks]);
  }

  backward(record: Recorder, frame: Frame, tangent: boolean): void {
    const inputs = !!(tangent ? frame.xBarDot : frame.xBar);
    const weights = !!(tangent ? frame.thetaBarDot : frame.thetaBar);
    const standsStill = tangent && !frame.xDot;
    if (standsStill && weights) this.#back(record, standingStill(frame), false, { weights });
    this.#back(record, frame, tangent, { inputs, weights: weights && !standsStill });
  }

  /** x̄ and θ̄, or with `tangent` x̄˙ and θ̄˙. */
  #back(
    record: Recorder,
    frame: Frame,
    tangent: boolean,
    { inputs = false, weights = false }: { inputs?: boolean; weights?: boolean },
  ): void {
    if (!inputs && !weights) return;
    const outputs = this.output.channels;
    const bindings = bind("dense backward", this, frame, {
      x: "x",
      xDot: tangent && weights ? "xDot" : null,
      theta: inputs ? "theta" : null,
      thetaDot: tangent && inputs ? "thetaDot" : null,
      yBar: "yBar",
      yBarDot: tangent ? "yBarDot" : null,
      xBar: inputs ? tangent ? "xBarDot" : "xBar" : null,
      thetaBar: weights ? tangent ? "thetaBarDot" : "thetaBar" : null,
    });
    const side = 4 * this.#tile;
    const tiles = Math.ceil(outputs / side) * Math.ceil(padded(sizeOf(this.input)) / side);
    const groups = (weights ? Math.ceil(tiles / this.#device.profile.workgroup) : 0) +
      (inputs ? this.#groups(frame, sizeOf(this.input)) : 0);
    const wanted = { TANGENT: +tangent, INPUTS: +inputs, WEIGHTS: +weights };
    const turns = inputs ? outputs : frame.images / 4;
    const run = { sizes: sizesOf(frame, this.input), bindings, turns };
    record.dispatch(this.#kernel("backward", frame, wanted), run, [groups, frame.networks]);
  }

  /** Workgroups of a network whose invocations take 8 of `rows` each. */
  #groups(frame: Frame, rows: number): number {
    const tiles = Math.ceil(frame.images / 4 / this.#images(frame)) * Math.ceil(rows / 8);
    return Math.ceil(tiles / this.#device.profile.workgroup);
  }

  /** vec4s of images that an invocation takes: all of few, where there are rows enough besides. */
  #images({ images }: Frame): number {
    if (this.#device.profile.name === "hardware") return 1;
    const vec4s = images / 4;
    if (vec4s > FEW) return vec4s >= 4 * FEW ? FEW : 2;
    return sizeOf(this.input) >= 256 ? vec4s : 1;
  }

  /** How large a tile of w̄ an invocation takes: on a software adapter few have much to do each. */
  get #tile(): number {
    return this.#device.profile.name === "software" ? 2 : 1;
  }

  #kernel(entry: string, frame: Frame, overrides: Record<string, number>) {
    return this.#device.kernel(SOURCE, entry, {
      C: sizeOf(this.input),
      O: this.output.channels,
      THETA: parameterFloats(this) / 4,
      IMAGES: this.#images(frame),
      TILE: this.#tile,
      RELU: +this.#relu,
      BIAS: +this.#bias,
      WG: this.#device.profile.workgroup,
      ...overrides,
    });
  }
}
