/**
 * Standard: the score of distilled images as any training set: gradient descent with momentum on random minibatches
 * of them, which knows nothing of the order and the rates that they were distilled for.
 */
import type { Device } from "../gpu/mod.ts";
import { DistilledData } from "../meta/distilled_data.ts";
import type { InnerSpec } from "../meta/inner_spec.ts";
import { NO_ADAM } from "../meta/optimizers/optimizer.ts";
import type { Dataset } from "../sets/dataset.ts";
import { labelsFor, openArtifact } from "../store/open_artifact.ts";
import { type Accuracy, pooled } from "./accuracy.ts";
import { type Gain, measureAccuracy, type Trial } from "./measure.ts";
import type { LabelledImages } from "./labelled_images.ts";

/** How networks are trained on any data set. */
export interface StandardSettings {
  /** As many steps are taken as this number of passes over all images has. */
  readonly epochs: number;
  /** Images that a step draws at random; all of them where there are fewer. */
  readonly batch: number;
  /** Learning rate. */
  readonly rate: number;
  /** What remains of the velocity at each step. */
  readonly momentum: number;
}

/** What users do with 10 or 100 images: many epochs, and the commonest rate and momentum. */
export const ON_DISTILLED: StandardSettings = { epochs: 300, batch: 32, rate: 0.01, momentum: 0.9 };

/** What networks are drawn for the score, and tested on. */
type Setting = Pick<Trial, "net" | "dataset" | "how" | "networks" | "room" | "signal">;

/**
 * Test accuracy of fresh networks, drawn as `how` says, each trained on labelled images as on any data set. One that
 * diverged counts with what it classifies right.
 */
export async function standardAccuracy(
  { how, ...setting }: Setting,
  { images, labels }: LabelledImages,
  training = ON_DISTILLED,
): Promise<Accuracy> {
  const { net } = setting;
  const spec = standardSpec(labels.length / net.classes, training);
  using data = new DistilledData(net, spec);
  data.images.write(images);
  data.labels.write(labels);
  data.lrs.write([training.rate]);
  data.momentum.write([training.momentum]);
  const trial = { ...setting, how: { ...how, init: "random" } as const, mayDiverge: true };
  return await measureAccuracy(trial, { data, spec });
}

/** The score of the images that a run started with, and of those that it came to, with the same labels. */
export async function standardGain(
  setting: Setting,
  start: LabelledImages["images"],
  data: LabelledImages,
): Promise<Gain> {
  return {
    before: await standardAccuracy(setting, { ...data, images: start }),
    after: await standardAccuracy(setting, data),
    by: "standard training",
  };
}

/**
 * The standard-training score of a finished run: test accuracy of `networks` (default 20) fresh
 * networks, drawn as the artifact says, each trained on the distilled images and labels as on any
 * data set, of each architecture that the run distilled for. The recorded order and rates are not used, nor is a
 * fixed initial network.
 *
 * @throws UsageError when the data set has other images or classes.
 */
export async function evaluateStandard(
  device: Device,
  dir: string,
  dataset: Dataset,
  options: { networks?: number; training?: StandardSettings } = {},
): Promise<Accuracy> {
  const { networks = 20, training = ON_DISTILLED } = options;
  const { artifact, archs, netOf, how, dataset: seen } = await openArtifact(device, dir, dataset);
  const found: Accuracy[] = [];
  for (const net of archs.map(netOf)) {
    const data = { images: artifact.images.data, labels: labelsFor(net, artifact) };
    found.push(await standardAccuracy({ net, dataset: seen, how, networks }, data, training));
  }
  return pooled(found);
}

/** The sizes of standard training on `count` images. */
export function standardSpec(count: number, { epochs, batch } = ON_DISTILLED): InnerSpec {
  const innerBatch = Math.min(batch, count);
  return {
    networks: 1,
    blocks: 1,
    perBlock: count,
    innerBatch,
    total: epochs * Math.floor(count / innerBatch),
    optimizer: "momentum",
    rates: "fixed",
    ...NO_ADAM,
    labels: "fixed",
    learnMomentum: false,
  };
}
