// deno-lint-ignore-file camelcase -- keys are spelled as in distilled.json, which Python reads
// distilled_set: a finished run as all formats have it: images, labels, and how to train on them.
import { basename } from "node:path";
import { mostProbable, publicName } from "../sets/dataset.ts";
import type { FloatTensor } from "../base/safetensors.ts";
import { denormalized } from "../sets/normalized.ts";
import type { Whitening } from "../sets/whitening.ts";
import { type Artifact, FILES, readArtifact, unwhitenedImages } from "../store/artifact.ts";
import type { Gain } from "../evaluate/measure.ts";
import { readGain } from "../run/finished.ts";
import { readIfPresent } from "../base/read_if_present.ts";

/** What tells an export of Retort from other files. */
export const EXPORT_FORMAT = "retort-export-1";

/** `distilled.json`: what it takes, besides images and labels, to train on them again. */
export interface Training {
  /** `retort-export-1`. */
  format: string;
  /** Name of the data set that was distilled. */
  dataset: string;
  /** What was minimised: `unrolled` training; `kernel` regression or `matching` gradients record no steps. */
  objective: string;
  /** What was compared, gradients or features, for objective matching. */
  match: string | null;
  /** The kernel, its hidden layers, σ_w², σ_b² and λ in mean eigenvalues, for objective kernel. */
  kernel: {
    kernel: string;
    depth: number;
    sigma_w2: number;
    sigma_b2: number;
    reg: number;
  } | null;
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
  /** [C, H, W]; of a table [D, 1, 1]. */
  image_shape: number[];
  /** [D], what the columns of a table are called; null for images. */
  columns: readonly string[] | null;
  /** Rows and columns that images were resized to; 0: as they were. */
  resize: number;
  /** Pixels of 0 that were added on every side after that. */
  pad: number;
  /** K. */
  classes: number;
  /** [K], what the classes are called, where the run recorded it. */
  class_names: readonly string[] | null;
  /** [C]; a normalised pixel is (byte / 255 − mean) / std, a number of a table (number − mean) / std. */
  mean: number[];
  /** [C]. */
  std: number[];
  /** λ of the ZCA whitening that follows, in mean eigenvalues; null: none. */
  zca: number | null;
  /** Steps of an epoch, each on images of its own. */
  steps: number;
  /** How often all steps are passed over; 0 where no steps are recorded. */
  epochs: number;
  /** Images of a step. */
  images_per_step: number;
  /** [T]: whose images gradient step t trains on. */
  order: number[];
  /** [T]: η_t, the rate of gradient step t. */
  learning_rates: number[];
  /** Images that each gradient step draws at random from all; 0: it takes those of its step. */
  inner_batch: number;
  /** What takes the steps: gd, momentum or adam, with the constants that it has; null where none are recorded. */
  optimizer:
    | { name: string; momentum?: number; beta1?: number; beta2?: number; eps_root?: number }
    | null;
  /** softmax, sigmoid or mse. */
  loss: string;
  /** Test accuracy before and after those T steps, where the run recorded it. */
  accuracy: Gain | null;
  /** What made it. */
  retort_version: string;
}

/** A finished run. */
export interface DistilledSet {
  /** [N, C, H, W], normalised and whitened as networks see them, in step order. */
  readonly images: FloatTensor;
  /** [N, C, H, W], before that: rounded to bytes and clipped to 0…255; nothing where it is a table. */
  readonly bytes: Uint8Array | undefined;
  /** [N, D], the rows of a table in its units; nothing where it is images. */
  readonly values: Float32Array | undefined;
  /** How images are whitened after they are normalised, if so. */
  readonly whitening: Whitening | undefined;
  /** [N], the most probable class. */
  readonly labels: readonly number[];
  /** [N, K]: probabilities, or for kernel regression any numbers. */
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
  return {
    images,
    bytes: training.columns ? undefined : toBytes(artifact, training),
    values: training.columns ? Float32Array.from(inUnits(artifact, training)) : undefined,
    whitening: artifact.whitening,
    labels: mostProbable(softLabels.data, training.classes),
    softLabels,
    steps: Array.from(
      { length: images.shape[0]! },
      (_, n) => Math.floor(n / training.images_per_step),
    ),
    init,
    training,
    artifact: await Deno.readFile(`${dir}/${FILES.artifact}`),
    recipe: await readIfPresent(`${dir}/${FILES.recipe}`),
  };
}

function trainingOf({ images, labels, lrs, metadata }: Artifact, gain?: Gain): Training {
  const [steps, epochs] = [Number(metadata.steps), Number(metadata.epochs ?? 0)];
  return {
    format: EXPORT_FORMAT,
    dataset: publicName(metadata.dataset ?? "unknown"),
    objective: metadata.objective ?? "unrolled",
    match: metadata.match ?? null,
    kernel: kernelOf(metadata),
    arch: metadata.arch ?? "unknown",
    init: metadata.init!,
    init_method: metadata.init_method!,
    init_param: Number(metadata.init_param),
    pretrained: pretrainedOf(metadata),
    attack: metadata.attack ?? null,
    image_shape: images.shape.slice(1),
    classes: labels.shape[1]!,
    class_names: JSON.parse(metadata.class_names ?? "null"),
    columns: JSON.parse(metadata.columns ?? "null"),
    resize: Number(metadata.resize ?? 0),
    pad: Number(metadata.pad ?? 0),
    mean: JSON.parse(metadata.mean!),
    std: JSON.parse(metadata.std!),
    zca: metadata.zca === undefined ? null : Number(metadata.zca),
    steps,
    epochs,
    images_per_step: Number(metadata.per_step),
    order: Array.from(lrs.data, (_, t) => t % steps),
    learning_rates: [...lrs.data],
    inner_batch: Number(metadata.inner_batch ?? 0),
    optimizer: optimizerOf(metadata),
    loss: metadata.loss === "auto" ? "softmax" : metadata.loss!,
    accuracy: gain ?? null,
    retort_version: metadata.retort_version ?? "unknown",
  };
}

function kernelOf(metadata: Artifact["metadata"]): Training["kernel"] {
  const { objective, kernel = "" } = metadata;
  if (objective !== "kernel") return null;
  const [depth, sigma_w2, sigma_b2, reg] = ["depth", "sigma_w2", "sigma_b2", "reg"]
    .map((key) => Number(metadata[key])) as [number, number, number, number];
  return { kernel, depth, sigma_w2, sigma_b2, reg };
}

function optimizerOf(metadata: Artifact["metadata"]): Training["optimizer"] {
  const name = metadata.optimizer;
  if (name === undefined) return null;
  const number = (key: string) => Number(metadata[key]);
  if (name === "momentum") return { name, momentum: number("momentum") };
  if (name !== "adam") return { name };
  const [beta1, beta2] = [number("adam_beta1"), number("adam_beta2")];
  return { name, beta1, beta2, eps_root: number("adam_eps_root") };
}

/** What to call each class: its name, or its number where names are not known. */
export function namesOf({ class_names: names, classes }: Training): readonly string[] {
  return names ?? Array.from({ length: classes }, (_, k) => `${k}`);
}

function pretrainedOf(metadata: Artifact["metadata"]): Training["pretrained"] {
  const { pretrained: file, pretrained_dataset: dataset, pretrained_sha256: sha256 } = metadata;
  return file && dataset && sha256
    ? { dataset: publicName(dataset), file: basename(file), sha256 }
    : null;
}

/** Pixels unwhitened, un-normalised, rounded and clipped. */
function toBytes(artifact: Artifact, training: Training): Uint8Array {
  const clipped = Uint8ClampedArray.from(inUnits(artifact, training), (value) => 255 * value);
  return new Uint8Array(clipped.buffer);
}

/** Numbers unwhitened and un-normalised: of images 0 is black and 1 white. */
function inUnits(artifact: Artifact, training: Training): Float64Array {
  const [, , height = 1, width = 1] = artifact.images.shape;
  return denormalized(unwhitenedImages(artifact), training, height * width);
}
