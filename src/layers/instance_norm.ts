/** instance_norm: instance normalization with scale and shift; smooth; see instance_norm.wgsl. */
import { z } from "zod";
import text from "../../kernels/instance_norm.wgsl" with { type: "text" };
import { type Device, link, type Recorder } from "../gpu/mod.ts";
import { instanceNorm as twin } from "../oracle/instance_norm.ts";
import {
  type Frame,
  type LayerKind,
  needed,
  type Op,
  type Parameter,
  parameterFloats,
  type Place,
  type Planes,
  sizeOf,
  type Span,
} from "./op.ts";
import { above, name } from "./settings.ts";

const settings = z.strictObject({ name: name().optional(), eps: above().default(1e-5) });

type NormSettings = z.output<typeof settings>;

/** Instance normalization: `instance_norm`; as PyTorch's InstanceNorm2d with affine=True. */
export const instanceNorm: LayerKind<NormSettings> = {
  settings,
  prefix: "norm",
  output: (input) => input,
  op: (device, place, settings) => new InstanceNorm(device, place, settings),
  twin: ({ channels: C, height, width }, { eps: EPS }) => twin({ C, AREA: height * width, EPS }),
};

const SOURCE = link("instance_norm.wgsl", { "instance_norm.wgsl": text });

class InstanceNorm implements Op {
  readonly input: Planes;
  readonly output: Planes;
  readonly parameters: readonly Parameter[];
  readonly #device: Device;
  readonly #settings: NormSettings;

  constructor(device: Device, { name, input }: Place, settings: NormSettings) {
    this.#device = device;
    this.#settings = settings;
    this.input = this.output = input;
    const { channels } = input;
    const common = { shape: [channels], pitch: 1, fanIn: 1, fanOut: 1 };
    this.parameters = [
      { ...common, name: `${name}.weight`, at: 0, initial: "one" },
      { ...common, name: `${name}.bias`, at: channels, initial: "zero" },
    ];
  }

  residual({ networks, images }: Span) {
    const words = 3 * networks * this.input.channels * images;
    return { words, dot: words };
  }

  /** θ̄ of every four images. */
  runs({ images }: Span): number {
    return images / 4;
  }

  forward(record: Recorder, frame: Frame, tangent: boolean): void {
    const { x, xDot, theta, thetaDot, y, yDot, residual, residualDot } = frame;
    const read = { x, theta, moments: residual };
    if (!tangent) return this.#run(record, frame, "forward", { ...read, out: y });
    const moving = { ...read, xDot, thetaDot, rates: residualDot };
    this.#run(record, frame, "tangent", { ...moving, out: yDot });
  }

  backward(record: Recorder, frame: Frame, tangent: boolean): void {
    const { x, xDot, yBar, yBarDot, residual, residualDot, runs } = frame;
    const out = tangent ? frame.xBarDot : frame.xBar;
    const thetaBar = tangent ? frame.thetaBarDot : frame.thetaBar;
    if (!out && !thetaBar) return;
    const read = { x, yBar, moments: residual };
    const wanted = { INPUTS: +!!out, WEIGHTS: +!!thetaBar };
    const written = { out: out ?? null, partial: thetaBar ? runs : null };
    if (!tangent) return this.#run(record, frame, "backward", { ...read, ...written }, wanted);
    const moving = { ...read, xDot, yBarDot, rates: residualDot };
    this.#run(record, frame, "backwardTangent", { ...moving, ...written }, wanted);
  }

  #run(
    record: Recorder,
    frame: Frame,
    entry: string,
    tensors: Readonly<Record<string, Frame["xDot"] | null>>,
    { INPUTS, WEIGHTS } = { INPUTS: 1, WEIGHTS: 0 },
  ): void {
    const { networks, images } = frame;
    const activations = [networks, sizeOf(this.input), images];
    const floats = parameterFloats(this);
    const shapes: Record<string, number[]> = {
      theta: [networks, floats],
      thetaDot: [networks, floats],
      moments: [this.residual(frame).words],
      rates: [this.residual(frame).words],
      partial: [images / 4, networks, floats],
    };
    const bindings = Object.fromEntries(
      Object.entries(tensors).map(([name, tensor]) => {
        if (tensor === null) return [name, null];
        return [name, needed(`instance_norm on ${name}`, tensor, shapes[name] ?? activations)];
      }),
    );
    const { channels, height, width } = this.input;
    const kernel = this.#device.kernel(SOURCE, entry, {
      C: channels,
      AREA: height * width,
      THETA: floats,
      EPS: this.#settings.eps,
      INPUTS,
      WEIGHTS,
      WG: this.#device.profile.workgroup,
    });
    const sizes = { R: networks, N: images / 4, COUNT: networks * channels * images / 4 };
    record.dispatchEach(kernel, { sizes, bindings, turns: 3 * height * width });
  }
}
