/** ArtifactOf: distilled data on the GPU in the form that is kept. */
import type { Training } from "../evaluate/measure.ts";
import type { Recipe } from "../recipe/recipe.ts";
import { lossOf } from "../recipe/spec.ts";
import type { Dataset } from "../sets/dataset.ts";
import { digestOf } from "../sets/digest.ts";
import { type Artifact, metadataOf } from "../store/artifact.ts";
import type { NetworkFile } from "../store/network_file.ts";

/** What an artifact says besides the distilled data. */
interface About {
  readonly recipe: Recipe;
  readonly dataset: Dataset;
  /** Name of the adapter. */
  readonly adapter: string;
  /** The fixed initial network, where there is one. */
  readonly init: Artifact["init"];
  /** Trained networks that the run starts from. */
  readonly file?: NetworkFile | undefined;
  /** The lengths that the run had, where the rate depends on them: "650, 1000" of one that was given more. */
  readonly lengths: string;
}

/** Distilled data as it is on the GPU now, in the form that is kept. */
export async function artifactOf(
  { data, spec }: Training,
  { recipe, dataset, adapter, init, file, lengths }: About,
): Promise<Artifact> {
  const { channels, height, width, classes } = dataset;
  const count = spec.blocks * spec.perBlock;
  const lrs = await data.lrs.read();
  const [momentum] = await data.momentum.read();
  return {
    images: { shape: [count, channels, height, width], data: await data.images.read() },
    labels: {
      shape: [count, classes],
      data: ofClasses(await data.labels.read(), lossOf(recipe, classes).outputs),
    },
    lrs: {
      shape: [spec.total],
      data: Float32Array.from({ length: spec.total }, (_, t) => lrs[t] ?? lrs[0]!),
    },
    init,
    ...(dataset.whitening && { whitening: dataset.whitening }),
    metadata: {
      ...metadataOf(recipe, dataset, adapter, file),
      dataset_sha256: await digestOf(dataset),
      ...(recipe.learn_momentum && { momentum: `${momentum}` }),
      ...(lengths.includes(",") && { lengths }),
    },
  };
}

/** Labels for K outputs as numbers of classes: of one output, the probabilities of class 0 and of class 1. */
function ofClasses(labels: Float32Array, K: number): Float32Array {
  return K > 1 ? labels : Float32Array.from({ length: 2 * labels.length }, (_, i) => {
    const y = labels[i >> 1]!;
    return i % 2 ? y : 1 - y;
  });
}
