/** relu: the positive part, as an op of its own where no neighbour takes it; see relu.wgsl. */
import { z } from "zod";
import text from "../../kernels/relu.wgsl" with { type: "text" };
import { type Device, link, type Recorder, type Tensor } from "../gpu/mod.ts";
import { relu as twin } from "../oracle/relu.ts";
import { type Frame, type LayerKind, needed, type Op, type Planes, sizeOf } from "./op.ts";

const settings = z.strictObject({});

/** Rectified linear unit: `relu`. */
export const relu: LayerKind<z.output<typeof settings>> = {
  settings,
  output: (input) => input,
  op: (device, { input }) => new Relu(device, input),
  twin: (input) => twin(sizeOf(input)),
};

const SOURCE = link("relu.wgsl", { "relu.wgsl": text });

class Relu implements Op {
  readonly output: Planes;
  readonly parameters = [];
  readonly #device: Device;

  constructor(device: Device, readonly input: Planes) {
    this.#device = device;
    this.output = input;
  }

  forward(record: Recorder, frame: Frame, tangent: boolean): void {
    this.#run(record, frame, tangent ? frame.xDot : frame.x, tangent ? frame.yDot : frame.y);
  }

  backward(record: Recorder, frame: Frame, tangent: boolean): void {
    const { xBar, xBarDot, yBar, yBarDot } = frame;
    if (tangent ? xBarDot : xBar) {
      this.#run(record, frame, tangent ? yBarDot : yBar, tangent ? xBarDot : xBar);
    }
  }

  #run(record: Recorder, frame: Frame, src: Tensor | undefined, dst: Tensor | undefined): void {
    const shape = [frame.networks, sizeOf(this.input), frame.images];
    const [x, from, to] = [frame.x, src, dst].map((tensor) => needed("relu", tensor, shape));
    const kernel = this.#device.kernel(SOURCE, "relu", { WG: this.#device.profile.workgroup });
    const bindings = { x: x!, src: from!, dst: to! };
    record.dispatchEach(kernel, { sizes: { COUNT: x!.size / 4 }, bindings });
  }
}
