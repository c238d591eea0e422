/** lrn: local response normalization of relu(x) or x; smooth; see lrn.wgsl. */
import { z } from "zod";
import text from "../../kernels/lrn.wgsl" with { type: "text" };
import { type Device, link, type Recorder } from "../gpu/mod.ts";
import { lrn as twin } from "../oracle/lrn.ts";
import {
  type Frame,
  type LayerKind,
  needed,
  type Op,
  type Place,
  type Planes,
  sizeOf,
  type Span,
} from "./op.ts";
import { above, whole } from "./settings.ts";

const settings = z.strictObject({
  size: whole(1),
  alpha: above().default(1e-4),
  beta: above().default(0.75),
  k: above().default(1),
});

type LrnSettings = z.output<typeof settings>;

/** Local response normalization: `lrn: {size: 4, alpha: 0.0001}`; the numbers are PyTorch's. */
export const lrn: LayerKind<LrnSettings> = {
  settings,
  relu: "take",
  output: (input) => input,
  op: (device, place, settings) => new Lrn(device, place, settings),
  twin: ({ channels: C, height, width }, { size: SIZE, alpha: ALPHA, beta: BETA, k: K }) =>
    twin({ C, AREA: height * width, SIZE, ALPHA, BETA, K }),
};

const SOURCE = link("lrn.wgsl", { "lrn.wgsl": text });

class Lrn implements Op {
  readonly input: Planes;
  readonly output: Planes;
  readonly parameters = [];
  readonly #device: Device;
  readonly #relu: boolean;
  readonly #settings: LrnSettings;

  constructor(device: Device, { input, relu }: Place, settings: LrnSettings) {
    this.#device = device;
    this.#relu = relu;
    this.#settings = settings;
    this.input = this.output = input;
  }

  residual({ networks, images }: Span) {
    const words = networks * sizeOf(this.input) * images;
    return { words: 2 * words, dot: words };
  }

  forward(record: Recorder, frame: Frame, tangent: boolean): void {
    const { x, xDot, y, yDot, residual, residualDot } = frame;
    if (!tangent) return this.#run(record, frame, "forward", { x, y, powers: residual });
    const all = { x, xDot, y: yDot, powers: residual, rates: residualDot };
    this.#run(record, frame, "tangent", all);
  }

  backward(record: Recorder, frame: Frame, tangent: boolean): void {
    const { x, xDot, yBar, yBarDot, xBar, xBarDot, residual, residualDot } = frame;
    const read = { x, yBar, powers: residual };
    if (!tangent) {
      if (xBar) this.#run(record, frame, "backward", { ...read, xBar });
      return;
    }
    const moving = { ...read, xDot, yBarDot, rates: residualDot };
    if (xBarDot) this.#run(record, frame, "backwardTangent", { ...moving, xBar: xBarDot });
  }

  #run(
    record: Recorder,
    { networks, images }: Frame,
    entry: string,
    tensors: Readonly<Record<string, Frame["xDot"]>>,
  ): void {
    const shape = [networks, sizeOf(this.input), images];
    const bindings = Object.fromEntries(
      Object.entries(tensors).map(([name, tensor]) => {
        return [name, needed(`lrn on ${name}`, tensor, name === "powers" ? [2, ...shape] : shape)];
      }),
    );
    const { size, alpha, beta, k } = this.#settings;
    const kernel = this.#device.kernel(SOURCE, entry, {
      C: this.input.channels,
      AREA: this.input.height * this.input.width,
      SIZE: size,
      ALPHA: alpha,
      BETA: beta,
      K: k,
      RELU: +this.#relu,
      WG: this.#device.profile.workgroup,
    });
    const sizes = { R: networks, N: images / 4, COUNT: networks * sizeOf(this.input) * images / 4 };
    record.dispatchEach(kernel, { sizes, bindings, turns: size });
  }
}
