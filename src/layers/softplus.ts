/** softplus: a smooth ReLU; see softplus.wgsl. */
import { z } from "npm:zod@4.6.7";
import text from "../../kernels/softplus.wgsl" with { type: "text" };
import { link } from "../gpu/mod.ts";
import { softplus as twin } from "../oracle/softplus.ts";
import { type LayerKind, sizeOf } from "./op.ts";
import { Passes } from "./passes.ts";
import { above } from "./settings.ts";

const settings = z.strictObject({ beta: above().default(1) });
const source = link("softplus.wgsl", { "softplus.wgsl": text });

/** Softplus: `softplus`, `softplus: 60`; beta means what it means in PyTorch. */
export const softplus: LayerKind<z.output<typeof settings>> = {
  settings,
  short: "beta",
  output: (input) => input,
  op: (device, { input }, { beta }) =>
    new Passes(device, {
      input,
      output: input,
      source,
      overrides: { BETA: beta },
      forward: ["forward", { x: "x", out: "y" }],
      tangent: ["tangent", { x: "x", xDot: "xDot", out: "yDot" }],
      backward: ["backward", { x: "x", yBar: "yBar", out: "xBar" }],
      backwardTangent: ["backwardTangent", {
        x: "x",
        xDot: "xDot",
        yBar: "yBar",
        yBarDot: "yBarDot",
        out: "xBarDot",
      }],
    }),
  twin: (input, { beta }) => twin({ SIZE: sizeOf(input), BETA: beta }),
};
