/** windows: what poolings have in common: their settings, sizes and how their kernels get them. */
import type { z } from "zod";
import type { Device } from "../gpu/mod.ts";
import type { OracleLayer } from "../oracle/layer.ts";
import { type LayerKind, type Op, type Planes, windowsOf } from "./op.ts";
import { windows } from "./settings.ts";

const settings = windows();

/** The windows of a pooling. */
export type Windows = z.output<typeof settings>;

/** The windows of a pooling as its float64 twin takes them. */
interface TwinShape {
  readonly C: number;
  readonly H: number;
  readonly V: number;
  readonly SIZE: number;
  readonly STRIDE: number;
  readonly PAD: number;
}

/** A kind of pooling: `x_pool: 2`, `x_pool: {size: 3, stride: 2, pad: 1}`; the numbers are PyTorch's. */
export function pooling(
  { relu, op, twin }: Pick<LayerKind<Windows>, "relu"> & {
    readonly op: (device: Device, input: Planes, output: Planes, windows: Windows) => Op;
    readonly twin: (shape: TwinShape) => OracleLayer;
  },
): LayerKind<Windows> {
  const output = (input: Planes, windows: Windows) => {
    return { channels: input.channels, ...windowsOf(input, windows) };
  };
  return {
    settings,
    short: "size",
    ...(relu && { relu }),
    output,
    op: (device, { input }, windows) => op(device, input, output(input, windows), windows),
    twin: ({ channels: C, height: H, width: V }, { size, stride, pad }) =>
      twin({ C, H, V, SIZE: size, STRIDE: stride, PAD: pad }),
  };
}

/** The overrides of shared/windows.wgsl. */
export function windowOverrides(input: Planes, output: Planes, { size, stride, pad }: Windows) {
  const extents = { H: input.height, V: input.width, P: output.height, Q: output.width };
  return { ...extents, SIZE: size, STRIDE: stride, PAD: pad };
}
