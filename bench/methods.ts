/**
 * Methods: the table of docs/methods.md. What MNIST sets of one size lead to by standard training of LeNets and of
 * ConvNet-3 (width 32), and by kernel regression: real images, and the folders of finished runs that are given.
 *
 *   deno run --unstable-raw-imports --allow-read --allow-write=docs \
 *     --allow-env=LOG_TOKENS,LOG_STREAM,DENO_WEBGPU_BACKEND \
 *     bench/methods.ts 1 docs/methods-1.svg results/mnist-kip-10 results/mnist-dc-1
 */
import { loadDataset, openDevice } from "../mod.ts";
import type { Accuracy } from "../src/evaluate/accuracy.ts";
import { regressionAccuracy } from "../src/evaluate/kernel_regression.ts";
import type { LabelledImages } from "../src/evaluate/labelled_images.ts";
import { kmeansSet, randomSet, type RealSet } from "../src/evaluate/real_sets.ts";
import { type ErrorBar, plotErrorBars } from "../src/report/error_bars.ts";
import { standardAccuracy } from "../src/evaluate/standard.ts";
import { centredLabels } from "../src/meta/objectives/kernel_regression.ts";
import { buildNet } from "../src/nets/build.ts";
import { mostProbable } from "../src/sets/dataset.ts";
import { readArtifact } from "../src/store/artifact.ts";

/** Architectures, and networks of each. */
const ARCHS = [["lenet", 10], ["convnet3:width=32", 2]] as const;
const KERNEL = {
  kernel: { kernel: "fc", depth: 2, sigmaW2: 2, sigmaB2: 1e-4 },
  reg: 1e-6,
} as const;
const HOW = { init: "random", method: "xavier_normal", param: 1, seed: 1 } as const;

const [perClass, figure, ...dirs] = Deno.args;
using device = await openDevice();
const dataset = await loadDataset("mnist");
const { channels, height, width, classes: K } = dataset;
const space = { device, input: { channels, height, width }, classes: K };

/** A set, its labels as networks and as the kernel take them, and the loss of the networks. */
interface Measured {
  readonly name: string;
  readonly images: Float32Array;
  readonly forNetworks: Float32Array;
  readonly forKernel: Float32Array;
  readonly loss: "softmax_xent" | "mse";
}

function real(name: string, { images, labels }: RealSet): Measured {
  const forKernel = centredLabels([...labels], K);
  const forNetworks = forKernel.map((y) => y + 1 / K);
  return { name, images, forNetworks, forKernel, loss: "softmax_xent" };
}

async function ofRun(dir: string): Promise<Measured> {
  const { images: { data: images }, labels: { data: labels }, metadata } = await readArtifact(dir);
  const isKernel = metadata.objective === "kernel";
  const hard = centredLabels(mostProbable(labels, K), K);
  return {
    name: dir,
    images,
    forNetworks: labels,
    forKernel: isKernel ? labels : hard,
    loss: isKernel ? "mse" : "softmax_xent",
  };
}

function show({ mean, std, networks }: Accuracy): string {
  return `${(100 * mean).toFixed(1)}${networks > 1 ? ` ± ${(100 * std).toFixed(1)}` : ""}`;
}

const sizes = { steps: 1, per_class: Number(perClass), seed: 1 };
const sets = [
  () => real("random", randomSet(dataset, sizes, 0)),
  async () => await real("k-means", await kmeansSet(dataset, sizes)),
  ...dirs.map((dir) => () => ofRun(dir)),
];
const bars: ErrorBar[] = [];
for (const load of sets) {
  const { name, images, forNetworks, forKernel, loss } = await load();
  const kernelSet: LabelledImages = { images, labels: forKernel };
  const cells: string[] = [];
  const add = (series: string, accuracy: Accuracy) => {
    cells.push(`${series} ${show(accuracy)}`);
    const x = name.replace("results/mnist-", "");
    bars.push({ x, mean: 100 * accuracy.mean, std: 100 * accuracy.std, series });
  };
  add("kernel", await regressionAccuracy(space, KERNEL, kernelSet, dataset));
  for (const [arch, networks] of ARCHS) {
    const net = buildNet(device, arch, space.input, K, loss);
    const setting = { net, dataset, how: HOW, networks };
    const data = { images, labels: forNetworks };
    add(arch.split(":")[0]!, await standardAccuracy(setting, data));
  }
  console.log([name, ...cells].join(" | "));
}
await Deno.writeTextFile(
  figure!,
  plotErrorBars({
    title: `MNIST, ${perClass} a class: standard training, and kernel regression`,
    xLabel: "set",
    yLabel: "Test accuracy (%)",
    bars,
  }),
);
