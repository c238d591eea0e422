/** softplus: a smooth ReLU; see softplus.wgsl. */
import { z } from "zod";
import text from "../../kernels/softplus.wgsl" with { type: "text" };
import { type Device, link, type Recorder, type Tensor } from "../gpu/mod.ts";
import { softplus as twin } from "../oracle/softplus.ts";
import { type Frame, type LayerKind, needed, type Op, type Planes, sizeOf } from "./op.ts";
import { above } from "./settings.ts";

const settings = z.strictObject({ beta: above().default(1) });

/** Softplus: `softplus`, `softplus: 60`; beta means what it means in PyTorch. */
export const softplus: LayerKind<z.output<typeof settings>> = {
  settings,
  short: "beta",
  output: (input) => input,
  op: (device, { input }, { beta }) => new Softplus(device, input, beta),
  twin: (input, { beta }) => twin({ SIZE: sizeOf(input), BETA: beta }),
};

const SOURCE = link("softplus.wgsl", { "softplus.wgsl": text });

class Softplus implements Op {
  readonly output: Planes;
  readonly parameters = [];
  readonly #device: Device;
  readonly #beta: number;

  constructor(device: Device, readonly input: Planes, beta: number) {
    this.#device = device;
    this.#beta = beta;
    this.output = input;
  }

  forward(record: Recorder, frame: Frame, tangent: boolean): void {
    const { x, xDot, y, yDot } = frame;
    if (!tangent) return this.#run(record, frame, "forward", { x, out: y });
    this.#run(record, frame, "tangent", { x, xDot, out: yDot });
  }

  backward(record: Recorder, frame: Frame, tangent: boolean): void {
    const { x, xDot, yBar, yBarDot, xBar, xBarDot } = frame;
    if (!tangent && xBar) this.#run(record, frame, "backward", { x, yBar, out: xBar });
    const moving = { x, xDot, yBar, yBarDot, out: xBarDot };
    if (tangent && xBarDot) this.#run(record, frame, "backwardTangent", moving);
  }

  #run(
    record: Recorder,
    { networks, images }: Frame,
    entry: string,
    tensors: Readonly<Record<string, Tensor | undefined>>,
  ): void {
    const shape = [networks, sizeOf(this.input), images];
    const bindings = Object.fromEntries(
      Object.entries(tensors).map(([name, tensor]) => {
        return [name, needed(`softplus on ${name}`, tensor, shape)];
      }),
    );
    const { workgroup: WG } = this.#device.profile;
    const kernel = this.#device.kernel(SOURCE, entry, { BETA: this.#beta, WG });
    record.dispatchEach(kernel, { sizes: { COUNT: bindings.x!.size / 4 }, bindings });
  }
}
