/** instance_norm: instance normalization with scale and shift; smooth; see instance_norm.wgsl. */
import { z } from "npm:zod@4.6.7";
import text from "../../kernels/instance_norm.wgsl" with { type: "text" };
import { link } from "../gpu/mod.ts";
import { instanceNorm as twin } from "../oracle/instance_norm.ts";
import { expectTurns, type LayerKind } from "./op.ts";
import { Passes } from "./passes.ts";
import { above, name } from "./settings.ts";

const settings = z.strictObject({ name: name().optional(), eps: above().default(1e-5) });

const source = link("instance_norm.wgsl", { "instance_norm.wgsl": text });
const STILL = { x: "x", moments: "residual" } as const;
const MOVING = { ...STILL, xDot: "xDot", rates: "residualDot" } as const;

/** Instance normalization: `instance_norm`; as PyTorch's InstanceNorm2d with affine=True. */
export const instanceNorm: LayerKind<z.output<typeof settings>> = {
  settings,
  prefix: "norm",
  output: (input) => input,
  op(device, { name, input }, { eps: EPS }) {
    const { channels: C, height, width } = input;
    if (height * width < 2) {
      throw new RangeError(
        `Cannot build ${name}: got planes of 1 × 1, expected at least 2 pixels, since a single one is ` +
          `always its own mean; use fewer poolings or larger images`,
      );
    }
    expectTurns(device, name, 3 * height * width, "use smaller images");
    const common = { shape: [C], pitch: 1, fanIn: 1, fanOut: 1 };
    return new Passes(device, {
      input,
      output: input,
      parameters: [
        { ...common, name: `${name}.weight`, at: 0, initial: "one" },
        { ...common, name: `${name}.bias`, at: C, initial: "zero" },
      ],
      source,
      overrides: { C, AREA: height * width, EPS },
      elements: C,
      turns: 3 * height * width,
      residual: { words: 3 * C, dot: 3 * C },
      splits: true,
      forward: ["forward", { x: "x", theta: "theta", moments: "residual", out: "y" }],
      tangent: ["tangent", { ...MOVING, theta: "theta", thetaDot: "thetaDot", out: "yDot" }],
      backward: ["backward", { ...STILL, yBar: "yBar", out: "xBar", partial: "runs" }],
      backwardTangent: ["backwardTangent", {
        ...MOVING,
        yBar: "yBar",
        yBarDot: "yBarDot",
        out: "xBarDot",
        partial: "runs",
      }],
    });
  },
  twin: ({ channels: C, height, width }, { eps: EPS }) => twin({ C, AREA: height * width, EPS }),
};
