/**
 * Init: the initialisations of the original code (Wang et al. 2018, networks/utils.py), drawn on the
 * GPU by counter-based random numbers. Biases are zero except for `default`; what scales is one.
 */
import type { Recorder, Tensor } from "../gpu/mod.ts";
import type { Parameter } from "../layers/op.ts";
import { orthogonal } from "../ops/orthogonal.ts";
import { type Draw, random } from "../ops/random.ts";
import type { Net } from "./net.ts";
import type { Theta } from "./theta.ts";

type Rule = (fans: Parameter, gain: number) => Pick<Draw, "distribution" | "scale">;

const normal = (scale: number) => ({ distribution: "normal" as const, scale });
const uniform = (scale: number) => ({ distribution: "uniform" as const, scale });

/** How a weight is drawn from its fans and the recipe's `init_param` (a gain, or a deviation). */
const WEIGHTS: Readonly<Record<InitMethod, Rule>> = {
  /** Glorot & Bengio 2010. */
  xavier_normal: ({ fanIn, fanOut }, gain) => normal(gain * Math.sqrt(2 / (fanIn + fanOut))),
  xavier_uniform: ({ fanIn, fanOut }, gain) => uniform(gain * Math.sqrt(6 / (fanIn + fanOut))),
  /** He et al. 2015, for ReLU. */
  kaiming_fan_in: ({ fanIn }) => normal(Math.sqrt(2 / fanIn)),
  kaiming_fan_out: ({ fanOut }) => normal(Math.sqrt(2 / fanOut)),
  normal: (_, deviation) => normal(deviation),
  /** Saxe et al. 2014: drawn normal, then made orthogonal. */
  orthogonal: () => normal(1),
  /** PyTorch's own: weights and biases uniform within 1/√fanIn. */
  default: ({ fanIn }) => uniform(1 / Math.sqrt(fanIn)),
};

/** The name of an initialisation. */
export type InitMethod =
  | "xavier_normal"
  | "xavier_uniform"
  | "kaiming_fan_in"
  | "kaiming_fan_out"
  | "normal"
  | "orthogonal"
  | "default";

/** All initialisations, in the order of the table. */
export const INIT_METHODS = Object.keys(WEIGHTS) as InitMethod[];

/**
 * Records what fills θ with R fresh networks.
 *
 * @param draw two u32 on the GPU: the seed and the number of the first network. A network's weights
 * depend on the seed and its own number alone.
 */
export function initialize(
  record: Recorder,
  net: Net,
  theta: Theta,
  draw: Tensor,
  { method, param }: { method: InitMethod; param: number },
): void {
  const { networks } = theta;
  theta.parts.forEach((part) => record.clear(part));
  let stream = -1;
  net.ops.forEach(({ parameters }, l) =>
    parameters.forEach((parameter) => {
      stream++;
      const { initial, pitch, at, shape } = parameter;
      if (initial === "zero" || initial === "bias" && method !== "default") return;
      const [rows = 1, ...rest] = shape;
      const columns = rest.reduce((a, b) => a * b, 1);
      const place = { networks, rows, columns, pitch, at };
      const out = theta.layers[l]!;
      const rule = initial === "one"
        ? { distribution: "constant" as const, scale: 1 }
        : WEIGHTS[method](parameter, param);
      random(record, { draw, out }, { ...rule, ...place, stream });
      if (initial === "weight" && method === "orthogonal") {
        orthogonal(record, out, { ...place, gain: param });
      }
    })
  );
}
