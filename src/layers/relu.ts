/** relu: the positive part, as an op of its own where no neighbour takes it; gated; see relu.wgsl. */
import { z } from "npm:zod@4.6.7";
import text from "../../kernels/relu.wgsl" with { type: "text" };
import { link } from "../gpu/mod.ts";
import { relu as twin } from "../oracle/relu.ts";
import { type LayerKind, sizeOf } from "./op.ts";
import { Passes } from "./passes.ts";

const settings = z.strictObject({});
const source = link("relu.wgsl", { "relu.wgsl": text });

/** Rectified linear unit: `relu`. */
export const relu: LayerKind<z.output<typeof settings>> = {
  settings,
  output: (input) => input,
  op: (device, { input }) =>
    new Passes(device, {
      input,
      output: input,
      source,
      overrides: {},
      forward: ["relu", { x: "x", src: "x", dst: "y" }],
      tangent: ["relu", { x: "x", src: "xDot", dst: "yDot" }],
      backward: ["relu", { x: "x", src: "yBar", dst: "xBar" }],
      backwardTangent: ["relu", { x: "x", src: "yBarDot", dst: "xBarDot" }],
    }),
  twin: (input) => twin(sizeOf(input)),
};
