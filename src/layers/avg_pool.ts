/** avg_pool: the mean of each window, of any size, stride and pad; linear; see avg_pool.wgsl. */
import text from "../../kernels/avg_pool.wgsl" with { type: "text" };
import { link } from "../gpu/mod.ts";
import { avgPool as twin } from "../oracle/avg_pool.ts";
import { pooling } from "./windows.ts";

/** Average pooling. */
export const avgPool = pooling({
  source: link("avg_pool.wgsl", { "avg_pool.wgsl": text }),
  forward: ["forward", { src: "x", dst: "y" }],
  tangent: ["forward", { src: "xDot", dst: "yDot" }],
  backward: ["backward", { src: "yBar", dst: "xBar" }],
  backwardTangent: ["backward", { src: "yBarDot", dst: "xBarDot" }],
  twin,
});
