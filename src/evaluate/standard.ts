/**
 * Standard: the score of distilled images as any training set: gradient descent with momentum on random minibatches
 * of them, which knows nothing of the order and the rates that they were distilled for.
 */
import type { Device } from "../gpu/mod.ts";
import { DistilledData } from "../meta/distilled_data.ts";
import type { InnerSpec } from "../meta/inner_spec.ts";
import type { Dataset } from "../sets/dataset.ts";
import { labelsFor, openArtifact } from "../store/open_artifact.ts";
import { type Accuracy, pooled } from "./accuracy.ts";
import { measureAccuracy } from "./evaluate.ts";

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

/**
 * The standard-training score of a finished run: test accuracy of `networks` (default 20) fresh
 * networks, drawn as the artifact says, each trained on the distilled images and labels as on any
 * data set, of each architecture that the run distilled for. The recorded order and rates are not used, nor is a fixed initial network. A network that
 * diverged counts with what it classifies right.
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
  const nets = archs.map(netOf);
  const spec = specOf(artifact.labels.shape[0]!, training);
  using data = new DistilledData(nets[0]!, spec);
  data.images.write(artifact.images.data);
  data.labels.write(labelsFor(nets[0]!, artifact));
  data.lrs.write([training.rate]);
  data.momentum.write([training.momentum]);
  const fresh = { ...how, init: "random" } as const;
  const found: Accuracy[] = [];
  for (const net of nets) {
    const trial = { net, dataset: seen, how: fresh, networks, mayDiverge: true };
    found.push(await measureAccuracy(trial, { data, spec }));
  }
  return pooled(found);
}

function specOf(count: number, { epochs, batch }: StandardSettings): InnerSpec {
  const innerBatch = Math.min(batch, count);
  return {
    networks: 1,
    blocks: 1,
    perBlock: count,
    innerBatch,
    total: epochs * Math.floor(count / innerBatch),
    optimizer: "momentum",
    rates: "fixed",
    beta1: 0,
    beta2: 0,
    epsRoot: 1,
    labels: "fixed",
    learnMomentum: false,
  };
}
