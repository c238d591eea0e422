/** ArtifactOf: distilled data on the GPU in the form that is kept. */
import type { Initialization } from "../meta/initial_networks.ts";
import { drawNetworks, type Training, type Trial } from "../evaluate/evaluate.ts";
import { exportParameters } from "../nets/export.ts";
import type { Net } from "../nets/net.ts";
import type { Recipe } from "../recipe/recipe.ts";
import { type Artifact, metadataOf } from "../store/artifact.ts";
import type { NetworkFile } from "../store/network_file.ts";

/** Distilled data as it is on the GPU now, in the form that is kept. */
export async function artifactOf(
  recipe: Recipe,
  { net, dataset, how, theta0 }: Trial,
  { data, spec }: Training,
  file?: NetworkFile,
): Promise<Artifact> {
  const { channels, height, width } = net.input;
  const count = spec.blocks * spec.perBlock;
  const init: Artifact["init"] = {};
  if (how.init === "fixed") {
    const theta = theta0 ?? await drawnNetwork(net, how);
    for (const [name, { shape, data }] of Object.entries(exportParameters(net, theta))) {
      init[name] = { shape: [...shape], data };
    }
  }
  const lrs = await data.lrs.read();
  const [momentum] = await data.momentum.read();
  return {
    images: { shape: [count, channels, height, width], data: await data.images.read() },
    labels: {
      shape: [count, dataset.classes],
      data: probabilities(await data.labels.read(), net.classes),
    },
    lrs: {
      shape: [spec.total],
      data: Float32Array.from({ length: spec.total }, (_, t) => lrs[t] ?? lrs[0]!),
    },
    init,
    ...(dataset.whitening && { whitening: dataset.whitening }),
    metadata: {
      ...metadataOf(recipe, dataset, net.device.info.name, file),
      momentum: `${recipe.learn_momentum ? momentum : recipe.momentum}`,
    },
  };
}

/** Labels for K outputs as probabilities of classes: of one output, that of class 0 and of class 1. */
function probabilities(labels: Float32Array, K: number): Float32Array {
  return K > 1 ? labels : Float32Array.from({ length: 2 * labels.length }, (_, i) => {
    const y = labels[i >> 1]!;
    return i % 2 ? y : 1 - y;
  });
}

async function drawnNetwork(net: Net, how: Initialization): Promise<Float32Array> {
  using theta = net.theta(1);
  drawNetworks(net, theta, how, 0);
  return await theta.read();
}
