/** OpenArtifact: a run's artifact with the network that it is for, checked against a data set. */
import { type Arch, archsFromText } from "../nets/arch.ts";
import type { Dataset } from "../sets/dataset.ts";
import { digestOf } from "../sets/digest.ts";
import type { Device } from "../gpu/mod.ts";
import { buildNet } from "../nets/build.ts";
import type { InitMethod } from "../nets/init.ts";
import type { Net } from "../nets/net.ts";
import { type Artifact, readArtifact } from "./artifact.ts";
import { DistilledData } from "../meta/distilled_data.ts";
import type { Initialization } from "../meta/initial_networks.ts";
import type { InnerSpec } from "../meta/inner_spec.ts";
import type { OptimizerName } from "../meta/optimizers/list.ts";
import { lossOf } from "../recipe/spec.ts";
import type { Recipe } from "../recipe/recipe.ts";
import { UsageError } from "../base/usage_error.ts";
import { whitenSplit } from "../meta/whiten.ts";

/** An artifact, the networks that it is for, and the data set to test it on. */
export interface OpenArtifact {
  readonly artifact: Artifact;
  /** Architectures that it was distilled for. */
  readonly archs: readonly Arch[];
  /** Builds a net of an architecture for its images. @throws UsageError where it does not take them. */
  netOf(arch: Arch): Net;
  readonly how: Initialization;
  /** The data set as given, but for its test images: they are whitened where the artifact's are. */
  readonly dataset: Dataset;
}

/**
 * Reads an artifact.
 *
 * @param dataset as it was loaded, or whitened before.
 * @throws UsageError when the data set has other images, classes or normalisation.
 */
export async function openArtifact(
  device: Device,
  dir: string,
  dataset: Dataset,
): Promise<OpenArtifact> {
  const artifact = await readArtifact(dir);
  const { metadata, whitening } = artifact;
  const { channels, height, width, classes } = dataset;
  expectImages(dir, artifact, [channels, height, width], classes);
  expectNormalization(dir, metadata, dataset);
  await expectData(dir, metadata, dataset);
  const { name: loss, outputs } = lossOf({ loss: metadata.loss as Recipe["loss"] }, classes);
  const image = { channels, height, width };
  const netOf = (arch: Arch) => {
    try {
      return buildNet(device, arch, image, outputs, loss);
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      throw new UsageError(`Cannot evaluate ${dir}: ${error.message}`, { cause: error });
    }
  };
  const archs = archsFromText(metadata.arch!);
  const init = metadata.init as Initialization["init"];
  const method = metadata.init_method as InitMethod;
  const how = { init, method, param: Number(metadata.init_param), seed: Number(metadata.seed) };
  const { test } = dataset;
  const seen = whitening && !dataset.whitening
    ? await whitenSplit(device, dataset, test, whitening)
    : test;
  return { artifact, archs, netOf, how, dataset: { ...dataset, test: seen } };
}

/** How networks train on an artifact's data, by its metadata; the networks are the caller's to count. */
export function innerSpecOf(metadata: Artifact["metadata"]): InnerSpec {
  const number = (key: string) => Number(metadata[key]);
  return {
    networks: 1,
    blocks: number("steps"),
    perBlock: number("per_step"),
    total: number("steps_total"),
    innerBatch: number("inner_batch"),
    optimizer: metadata.optimizer as OptimizerName,
    beta1: number("adam_beta1"),
    beta2: number("adam_beta2"),
    epsRoot: number("adam_eps_root"),
    rates: "per_step",
    labels: "fixed",
    learnMomentum: false,
  };
}

/** The distilled data of an artifact on the GPU. */
export function loadDistilled(net: Net, spec: InnerSpec, artifact: Artifact): DistilledData {
  const { images, lrs, metadata } = artifact;
  const data = new DistilledData(net, spec);
  data.images.write(images.data);
  data.labels.write(labelsFor(net, artifact));
  data.lrs.write(lrs.data);
  data.momentum.write([Number(metadata.momentum)]);
  return data;
}

/** Labels for a net's outputs [N, K]; those of one output are the probabilities of class 1. */
export function labelsFor({ classes: K }: Net, { labels: { data } }: Artifact): Float32Array {
  return K > 1 ? data : data.filter((_, i) => i % 2 === 1);
}

/** Other statistics are those of other images, even if the data set has the same name. */
function expectNormalization(dir: string, metadata: Artifact["metadata"], dataset: Dataset): void {
  for (const key of ["columns", "mean", "std"] as const) {
    const expected = JSON.stringify(dataset[key]);
    if (metadata[key] === expected) continue;
    throw new UsageError(
      `Cannot evaluate ${dir} on ${dataset.name}: got a ${key} of ${expected}, expected ` +
        `${metadata[key]} as in the distillation; give the data set that was distilled`,
    );
  }
}

/** The same name and normalisation do not make it the same data: MNIST and its relatives share both. */
async function expectData(
  dir: string,
  { dataset_sha256: expected }: Artifact["metadata"],
  dataset: Dataset,
): Promise<void> {
  const got = await digestOf(dataset);
  if (got === expected) return;
  throw new UsageError(
    `Cannot evaluate ${dir} on ${dataset.name}: got data of SHA-256 ${got}, expected ` +
      `${expected ?? "a digest in its metadata"} as in the distillation; give the data set that ` +
      `was distilled`,
  );
}

function expectImages(dir: string, { images, labels }: Artifact, shape: number[], classes: number) {
  const got = [...images.shape.slice(1), labels.shape[1]];
  if (got.join() === [...shape, classes].join()) return;
  throw new UsageError(
    `Cannot evaluate ${dir}: got images and classes [${got.join(", ")}], expected those of the ` +
      `data set, [${[...shape, classes].join(", ")}]`,
  );
}
