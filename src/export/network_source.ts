/**
 * Network source: networks as Python. Each is a function of its weights by name and of images [N, C, H, W], and a list
 * of its parameters: the name and shape that PyTorch gives them, and how each is drawn.
 */
import { UsageError } from "../base/usage_error.ts";
import type { LayerName, LayerSettings } from "../layers/list.ts";
import { type Planes, sizeOf } from "../layers/op.ts";
import { type Arch, labelsOf, type Stage, stagesOf } from "../nets/arch.ts";
import { layersOf } from "../nets/named.ts";

/** What a layer is in Python: its output from x, and its parameters [name, shape, how it is drawn]. */
interface Source {
  readonly x: string;
  /** Whether x is to be planes [N, C, H, W] or numbers [N, D]; either, where it is left out. */
  readonly takes?: "planes" | "numbers";
  readonly parameters?: readonly (readonly [string, readonly number[], string])[];
}

/** A layer in Python by its name, its settings and its planes; weights are in w. */
type Writer<Settings> = (
  name: string,
  settings: Settings,
  planes: { input: Planes; output: Planes },
) => Source;

const window = ({ size, stride, pad }: LayerSettings<"max_pool">) =>
  `x, ${size}, stride=${stride}, padding=${pad}`;

/** Every kind of layer. */
const WRITERS: { readonly [Name in LayerName]: Writer<LayerSettings<Name>> } = {
  conv: (name, { size, stride, pad }, { input, output }) => ({
    takes: "planes",
    x: `F.conv2d(x, w["${name}.weight"], w["${name}.bias"], stride=${stride}, padding=${pad})`,
    parameters: [
      [`${name}.weight`, [output.channels, input.channels, size, size], "weight"],
      [`${name}.bias`, [output.channels], "bias"],
    ],
  }),
  dense: (name, { bias = true }, { input, output }) => ({
    takes: "numbers",
    x: `F.linear(x, w["${name}.weight"]${bias ? `, w["${name}.bias"]` : ""})`,
    parameters: [
      [`${name}.weight`, [output.channels, sizeOf(input)], "weight"],
      ...(bias ? [[`${name}.bias`, [output.channels], "bias"] as const] : []),
    ],
  }),
  max_pool: (_, settings) => ({ takes: "planes", x: `F.max_pool2d(${window(settings)})` }),
  avg_pool: (_, settings) => ({ takes: "planes", x: `F.avg_pool2d(${window(settings)})` }),
  lrn: (_, { size, alpha, beta, k }) => ({
    takes: "planes",
    x: `F.local_response_norm(x, ${size}, alpha=${alpha}, beta=${beta}, k=${k})`,
  }),
  instance_norm: (name, { eps }, { input }) => ({
    takes: "planes",
    x: `F.instance_norm(x, weight=w["${name}.weight"], bias=w["${name}.bias"], eps=${eps})`,
    parameters: [
      [`${name}.weight`, [input.channels], "one"],
      [`${name}.bias`, [input.channels], "zero"],
    ],
  }),
  relu: () => ({ x: "F.relu(x)" }),
  softplus: (_, { beta }) => ({ x: `F.softplus(x, beta=${beta})` }),
};

/**
 * `network.py`: NETWORKS, a list of (name, parameters, function).
 *
 * @throws UsageError for a layer of the user's own, which has no form in PyTorch.
 * @throws RangeError for a network that does not take such images.
 */
export function networkSource(archs: readonly Arch[], image: Planes, outputs: number): string {
  const names = labelsOf(archs);
  const functions = archs.map((arch, i) => {
    const stages = stagesOf(layersOf(arch, image), image, outputs);
    const parameters = stages.flatMap((stage) => sourceOf(stage).parameters ?? []);
    return [
      `PARAMETERS_${i + 1} = [`,
      ...parameters.map(([name, shape, kind]) => `    ("${name}", ${tuple(shape)}, "${kind}"),`),
      "]",
      "",
      "",
      `def network_${i + 1}(w, x):`,
      `    """${names[i]} on images [N, ${image.channels}, ${image.height}, ${image.width}]."""`,
      ...linesOf(stages).map((line) => `    ${line}`),
      "    return x",
      "",
      "",
      "",
    ].join("\n");
  });
  const list = names.map((name, i) => `    ("${name}", PARAMETERS_${i + 1}, network_${i + 1}),\n`);
  return `"""The network, written from the arch of its recipe. w has its weights by name."""\n\n` +
    `import torch.nn.functional as F\n\n${functions.join("")}NETWORKS = [\n${list.join("")}]\n`;
}

/** A line a layer; x is [N, D] from the first fully connected layer on, and planes before. */
function linesOf(stages: readonly Stage[]): string[] {
  let isFlat = false;
  return stages.flatMap((stage) => {
    const { x, takes } = sourceOf(stage);
    const isToBe = takes === undefined ? isFlat : takes === "numbers";
    const turn = isToBe ? "x = x.flatten(1)" : "x = x[:, :, None, None]";
    const lines = isToBe === isFlat ? [`x = ${x}`] : [turn, `x = ${x}`];
    isFlat = isToBe;
    return lines;
  });
}

/** A tuple as Python writes it. */
function tuple(sizes: readonly number[]): string {
  return sizes.length === 1 ? `(${sizes[0]},)` : `(${sizes.join(", ")})`;
}

function sourceOf({ kind, settings, name, input, output }: Stage): Source {
  const write = Object.hasOwn(WRITERS, kind) && WRITERS[kind as keyof typeof WRITERS];
  if (!write) {
    throw new UsageError(
      `Cannot export a layer ${kind} as PyTorch: got one of your own, expected ` +
        `${Object.keys(WRITERS).join(", ")}; use another --format`,
    );
  }
  return (write as Writer<Record<string, unknown>>)(name, settings, { input, output });
}
