/** windows: a kind of pooling, from its kernel; settings, sizes and how a kernel gets them are common to all. */
import type { z } from "npm:zod@4.6.7";
import type { OracleLayer } from "../oracle/layer.ts";
import { expectTurns, type LayerKind, type Planes, windowsOf } from "./op.ts";
import { Passes, type PassesSpec } from "./passes.ts";
import { windows } from "./settings.ts";

const settings = windows();
type Windows = z.output<typeof settings>;

/** What tells poolings apart. */
interface Pooling
  extends Pick<PassesSpec, "source" | "forward" | "tangent" | "backward" | "backwardTangent"> {
  readonly relu?: "pass";
  readonly residual?: (output: Planes) => { words: number; dot: number };
  readonly twin: (
    shape: Record<"C" | "H" | "V" | "SIZE" | "STRIDE" | "PAD", number>,
  ) => OracleLayer;
}

/** A kind of pooling: `x_pool: 2`, `x_pool: {size: 3, stride: 2, pad: 1}`; the numbers are PyTorch's. */
export function pooling({ relu, residual, twin, ...passes }: Pooling): LayerKind<Windows> {
  const outputOf = (input: Planes, windows: Windows) => {
    return { channels: input.channels, ...windowsOf(input, windows) };
  };
  return {
    settings,
    short: "size",
    ...(relu && { relu }),
    output: outputOf,
    op(device, { input, name }, windows) {
      const output = outputOf(input, windows);
      const { size: SIZE, stride: STRIDE, pad: PAD } = windows;
      expectTurns(device, name, SIZE ** 2, "use smaller windows");
      const extents = { H: input.height, V: input.width, P: output.height, Q: output.width };
      return new Passes(device, {
        ...passes,
        input,
        output,
        overrides: { ...extents, SIZE, STRIDE, PAD },
        turns: SIZE ** 2,
        ...(residual && { residual: residual(output) }),
      });
    },
    twin: ({ channels: C, height: H, width: V }, { size: SIZE, stride: STRIDE, pad: PAD }) =>
      twin({ C, H, V, SIZE, STRIDE, PAD }),
  };
}
