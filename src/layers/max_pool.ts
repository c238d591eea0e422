/** max_pool: the largest of each window, of any size, stride and pad; gated; see max_pool.wgsl. */
import text from "../../kernels/max_pool.wgsl" with { type: "text" };
import { link } from "../gpu/mod.ts";
import { maxPool as twin } from "../oracle/max_pool.ts";
import { sizeOf } from "./op.ts";
import { pooling } from "./windows.ts";

/** Max-pooling. */
export const maxPool = pooling({
  relu: "pass",
  source: link("max_pool.wgsl", { "max_pool.wgsl": text }),
  residual: (output) => ({ words: sizeOf(output), dot: 0 }),
  forward: ["forward", { x: "x", y: "y", argmax: "residual" }],
  tangent: ["tangent", { xDot: "xDot", yDot: "yDot", argmax: "residual" }],
  backward: ["backward", { yBar: "yBar", xBar: "xBar", argmax: "residual" }],
  backwardTangent: ["backward", { yBar: "yBarDot", xBar: "xBarDot", argmax: "residual" }],
  twin,
});
