/** avg_pool: the mean of each window, of any size, stride and pad; linear; see avg_pool.wgsl. */
import text from "../../kernels/avg_pool.wgsl" with { type: "text" };
import { type Device, link, type Recorder, type Tensor } from "../gpu/mod.ts";
import { avgPool as twin } from "../oracle/avg_pool.ts";
import { type Frame, needed, type Op, type Planes, sizeOf } from "./op.ts";
import { pooling, windowOverrides, type Windows } from "./windows.ts";

/** Average pooling. */
export const avgPool = pooling({
  op: (device, input, output, windows) => new AvgPool(device, input, output, windows),
  twin,
});

const SOURCE = link("avg_pool.wgsl", { "avg_pool.wgsl": text });

class AvgPool implements Op {
  readonly parameters = [];

  constructor(
    private readonly device: Device,
    readonly input: Planes,
    readonly output: Planes,
    private readonly windows: Windows,
  ) {}

  forward(record: Recorder, frame: Frame, tangent: boolean): void {
    const { x, xDot, y, yDot } = frame;
    this.#run(record, frame, "forward", tangent ? xDot : x, tangent ? yDot : y);
  }

  backward(record: Recorder, frame: Frame, tangent: boolean): void {
    const { xBar, xBarDot, yBar, yBarDot } = frame;
    if (tangent ? xBarDot : xBar) {
      this.#run(record, frame, "backward", tangent ? yBarDot : yBar, tangent ? xBarDot : xBar);
    }
  }

  #run(
    record: Recorder,
    { networks, images }: Frame,
    entry: "forward" | "backward",
    src: Tensor | undefined,
    dst: Tensor | undefined,
  ): void {
    const [read, written] = entry === "forward"
      ? [this.input, this.output]
      : [this.output, this.input];
    const bindings = {
      src: needed("avg_pool", src, [networks, sizeOf(read), images]),
      dst: needed("avg_pool", dst, [networks, sizeOf(written), images]),
    };
    const kernel = this.device.kernel(SOURCE, entry, {
      ...windowOverrides(this.input, this.output, this.windows),
      WG: this.device.profile.workgroup,
    });
    const sizes = { R: networks, N: images / 4, COUNT: bindings.dst.size / 4 };
    record.dispatchEach(kernel, { sizes, bindings, turns: this.windows.size ** 2 });
  }
}
