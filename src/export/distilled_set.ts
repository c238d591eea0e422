// deno-lint-ignore-file camelcase -- keys are spelled as in distilled.json, which Python reads
// distilled_set: a finished run as all formats have it: images, labels, and how to train on them.
import { basename } from "node:path";
import { usableClassNames } from "../data/dataset.ts";
import type { FloatTensor } from "../data/safetensors.ts";
import { type Artifact, FILES, readArtifact } from "../distill/artifact.ts";
import type { Gain } from "../distill/evaluate.ts";
import { readGain } from "../distill/finished.ts";
import { readIfPresent } from "../report/read_if_present.ts";

/** What tells an export of Retort from other files. */
export const EXPORT_FORMAT = "retort-export-1";

/** `distilled.json`: what it takes, besides images and labels, to train on them again. */
export interface Training {
  /** `retort-export-1`. */
  format: string;
  /** Name of the data set that was distilled. */
  dataset: string;
  /** Name of the network. */
  arch: string;
  /** `fixed`: made for the one network stored with it; `random`: for any drawn as below. */
  init: string;
  /** Distribution of the initial weights. */
  init_method: string;
  /** Gain of the initial weights, or their standard deviation. */
  init_param: number;
  /** Trained networks that it was made for, in place of drawn ones. */
  pretrained: { dataset: string; file: string; sha256: string } | null;
  /** Classes "K:T", where it teaches networks to take class K for T. */
  attack: string | null;
  /** [C, H, W]. */
  image_shape: number[];
  /** K. */
  classes: number;
  /** [K], what the classes are called, where the run recorded it. */
  class_names: readonly string[] | null;
  /** [C]; a normalised pixel is (byte / 255 − mean) / std. */
  mean: number[];
  /** [C]. */
  std: number[];
  /** Steps of an epoch, each on images of its own. */
  steps: number;
  /** How often all steps are passed over. */
  epochs: number;
  /** Images of a step. */
  images_per_step: number;
  /** [T], T = steps · epochs: whose images gradient step t trains on. */
  order: number[];
  /** [T]: η_t, the rate of gradient step t. */
  learning_rates: number[];
  /** Test accuracy before and after those T steps, where the run recorded it. */
  accuracy: Gain | null;
  /** What made it. */
  retort_version: string;
}

/** A finished run. */
export interface DistilledSet {
  /** [N, C, H, W], normalised, in step order. */
  readonly images: FloatTensor;
  /** [N, C, H, W], un-normalised: rounded to bytes and clipped to 0…255. */
  readonly bytes: Uint8Array;
  /** [N], the most probable class. */
  readonly labels: readonly number[];
  /** [N, K] probabilities. */
  readonly softLabels: FloatTensor;
  /** [N], the step that trains on an image. */
  readonly steps: readonly number[];
  /** The fixed initial network under PyTorch's names, if there is one. */
  readonly init: Record<string, FloatTensor>;
  /** How to train on it. */
  readonly training: Training;
  /** `distilled.safetensors` as it is on disk. */
  readonly artifact: Uint8Array;
  /** `recipe.yaml` as it is on disk, if it is there. */
  readonly recipe: string | undefined;
}

/** Reads a run's folder. @throws Error when it has no artifact or a damaged one. */
export async function readDistilledSet(dir: string): Promise<DistilledSet> {
  const artifact = await readArtifact(dir);
  const { images, labels: softLabels, init } = artifact;
  const training = trainingOf(artifact, await readGain(dir));
  const [count, classes] = [images.shape[0]!, training.classes];
  const indices = Array.from({ length: count }, (_, n) => n);
  return {
    images,
    bytes: toBytes(images, training),
    labels: indices.map((n) => largest(softLabels.data.subarray(n * classes, (n + 1) * classes))),
    softLabels,
    steps: indices.map((n) => Math.floor(n / training.images_per_step)),
    init,
    training,
    artifact: await Deno.readFile(`${dir}/${FILES.artifact}`),
    recipe: await readIfPresent(`${dir}/${FILES.recipe}`),
  };
}

function trainingOf({ images, labels, lrs, metadata }: Artifact, gain?: Gain): Training {
  const [steps, epochs] = [Number(metadata.steps), Number(metadata.epochs)];
  return {
    format: EXPORT_FORMAT,
    dataset: metadata.dataset ?? "unknown",
    arch: metadata.arch ?? "unknown",
    init: metadata.init!,
    init_method: metadata.init_method!,
    init_param: Number(metadata.init_param),
    pretrained: pretrainedOf(metadata),
    attack: metadata.attack ?? null,
    image_shape: images.shape.slice(1),
    classes: labels.shape[1]!,
    class_names: classNamesIn(metadata, labels.shape[1]!),
    mean: JSON.parse(metadata.mean!),
    std: JSON.parse(metadata.std!),
    steps,
    epochs,
    images_per_step: Number(metadata.per_step),
    order: Array.from({ length: steps * epochs }, (_, t) => t % steps),
    learning_rates: [...lrs.data],
    accuracy: gain ?? null,
    retort_version: metadata.retort_version ?? "unknown",
  };
}

function classNamesIn(metadata: Artifact["metadata"], classes: number): Training["class_names"] {
  try {
    return usableClassNames(JSON.parse(metadata.class_names ?? "null"), classes) ?? null;
  } catch {
    return null; // damaged: the numbers must do
  }
}

/** What to call each class: its name, or its number where names are not known. */
export function namesOf({ class_names: names, classes }: Training): readonly string[] {
  return names ?? Array.from({ length: classes }, (_, k) => `${k}`);
}

function pretrainedOf(metadata: Artifact["metadata"]): Training["pretrained"] {
  const { pretrained: file, pretrained_dataset: dataset, pretrained_sha256: sha256 } = metadata;
  return file && dataset && sha256 ? { dataset, file: basename(file), sha256 } : null;
}

/** Pixels un-normalised, rounded and clipped. */
function toBytes({ data, shape }: FloatTensor, { mean, std }: Training): Uint8Array {
  const [, channels = 1, height = 1, width = 1] = shape;
  const clipped = Uint8ClampedArray.from(data, (value, i) => {
    const c = Math.floor(i / (height * width)) % channels;
    return 255 * (value * std[c]! + mean[c]!);
  });
  return new Uint8Array(clipped.buffer);
}

function largest(probabilities: Float32Array): number {
  return probabilities.indexOf(Math.max(...probabilities));
}
