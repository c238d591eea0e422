/** lrn: local response normalization of relu(x) or x; smooth; see lrn.wgsl. */
import { z } from "npm:zod@4.6.7";
import text from "../../kernels/lrn.wgsl" with { type: "text" };
import { link } from "../gpu/mod.ts";
import { lrn as twin } from "../oracle/lrn.ts";
import { type LayerKind, sizeOf } from "./op.ts";
import { Passes } from "./passes.ts";
import { above, whole } from "./settings.ts";

const settings = z.strictObject({
  size: whole(1),
  alpha: above().default(1e-4),
  beta: above().default(0.75),
  k: above().default(1),
});

const source = link("lrn.wgsl", { "lrn.wgsl": text });
const MOVING = { x: "x", xDot: "xDot", powers: "residual", rates: "residualDot" } as const;

/** Local response normalization: `lrn: {size: 4, alpha: 0.0001}`; the numbers are PyTorch's. */
export const lrn: LayerKind<z.output<typeof settings>> = {
  settings,
  relu: "take",
  output: (input) => input,
  op(device, { input, relu }, { size, alpha: ALPHA, beta: BETA, k: K }) {
    const { channels, height, width } = input;
    const numbers = sizeOf(input);
    return new Passes(device, {
      input,
      output: input,
      source,
      overrides: { C: channels, AREA: height * width, SIZE: size, ALPHA, BETA, K, RELU: +relu },
      turns: size,
      residual: { words: 2 * numbers, dot: numbers },
      forward: ["forward", { x: "x", y: "y", powers: "residual" }],
      tangent: ["tangent", { ...MOVING, y: "yDot" }],
      backward: ["backward", { x: "x", yBar: "yBar", xBar: "xBar", powers: "residual" }],
      backwardTangent: ["backwardTangent", {
        ...MOVING,
        yBar: "yBar",
        yBarDot: "yBarDot",
        xBar: "xBarDot",
      }],
    });
  },
  twin: ({ channels: C, height, width }, { size: SIZE, alpha: ALPHA, beta: BETA, k: K }) =>
    twin({ C, AREA: height * width, SIZE, ALPHA, BETA, K }),
};
