/** max_pool: the largest of each window, of any size, stride and pad; gated; see max_pool.wgsl. */
import text from "../../kernels/max_pool.wgsl" with { type: "text" };
import { type Bindings, type Device, link, type Recorder } from "../gpu/mod.ts";
import { maxPool as twin } from "../oracle/max_pool.ts";
import { type Frame, needed, type Op, type Planes, sizeOf, type Span } from "./op.ts";
import { pooling, windowOverrides, type Windows } from "./windows.ts";

/** Max-pooling. */
export const maxPool = pooling({
  relu: "pass",
  op: (device, input, output, windows) => new MaxPool(device, input, output, windows),
  twin,
});

const SOURCE = link("max_pool.wgsl", { "max_pool.wgsl": text });

class MaxPool implements Op {
  readonly parameters = [];

  constructor(
    private readonly device: Device,
    readonly input: Planes,
    readonly output: Planes,
    private readonly windows: Windows,
  ) {}

  residual({ networks, images }: Span) {
    return { words: networks * sizeOf(this.output) * images, dot: 0 };
  }

  forward(record: Recorder, frame: Frame, tangent: boolean): void {
    const { xDot, y, yDot } = frame;
    const argmax = needed("max_pool with residual", frame.residual, [this.residual(frame).words]);
    const x = this.#input(frame, tangent ? xDot : frame.x);
    const bindings = tangent ? { xDot: x, yDot: yDot!, argmax } : { x, y, argmax };
    this.#run(record, frame, tangent ? "tangent" : "forward", bindings, this.output);
  }

  backward(record: Recorder, frame: Frame, tangent: boolean): void {
    const { xBar, xBarDot, yBar, yBarDot, residual } = frame;
    const out = tangent ? xBarDot : xBar;
    if (!out) return;
    const bindings = {
      yBar: (tangent ? yBarDot : yBar)!,
      xBar: this.#input(frame, out),
      argmax: residual!,
    };
    this.#run(record, frame, "backward", bindings, this.input);
  }

  #input({ networks, images }: Frame, tensor: Frame["xDot"]) {
    return needed("max_pool", tensor, [networks, sizeOf(this.input), images]);
  }

  #run(
    record: Recorder,
    { networks, images }: Frame,
    entry: string,
    bindings: Bindings,
    each: Planes,
  ): void {
    const kernel = this.device.kernel(SOURCE, entry, {
      ...windowOverrides(this.input, this.output, this.windows),
      WG: this.device.profile.workgroup,
    });
    const sizes = { R: networks, N: images / 4, COUNT: networks * sizeOf(each) * images / 4 };
    record.dispatchEach(kernel, { sizes, bindings, turns: this.windows.size ** 2 });
  }
}
