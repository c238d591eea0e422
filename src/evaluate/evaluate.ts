// deno-lint-ignore-file camelcase -- metadata and settings are spelled as in the files
/** Evaluate: what a finished run leads to, from its artifact alone. */
import type { Dataset } from "../sets/dataset.ts";
import type { Device } from "../gpu/mod.ts";
import { labelsOf } from "../nets/arch.ts";
import { importNetworks } from "../nets/export.ts";
import type { Net } from "../nets/net.ts";
import type { Artifact } from "../store/artifact.ts";
import { attackOf } from "./attack.ts";
import { type Gain, measureGains, type Trial } from "./measure.ts";
import { readNetworks } from "../store/network_file.ts";
import {
  innerSpecOf,
  labelsFor,
  loadDistilled,
  type OpenArtifact,
  openArtifact,
} from "../store/open_artifact.ts";
import { whitenSplit } from "../meta/whiten.ts";
import type { Recipe } from "../recipe/recipe.ts";
import { regressionGain, regressionOf, startOf } from "./kernel_regression.ts";
import { Pretrained } from "./pretrained.ts";
import { firstImages } from "./real_sets.ts";
import { standardGain } from "./standard.ts";
import { UsageError } from "../base/usage_error.ts";

/** Networks that the paper tests on. */
export const HELD_OUT = 200;

/** How networks are evaluated. */
export interface EvaluateOptions {
  /** How many networks; one of a fixed initialisation, else 200 or all that were held out. */
  readonly networks?: number;
  /** Where the file of trained networks is, if not where it was. */
  readonly pretrained?: string;
  /** Called with a line when something long begins. */
  readonly onProgress?: (line: string) => void;
}

/**
 * Trains networks on an artifact exactly as recorded and tests them: the stored network for a fixed
 * initialisation, else `networks` that the distillation never saw, fresh ones (200 by default, as in
 * the paper) or those held out of the file of trained networks (all by default). Where it is for several
 * architectures, there are as many networks of each.
 *
 * @throws UsageError for several networks of a fixed initialisation, more than were held out, or data
 * or a file of networks that is not that of the distillation.
 */
export async function evaluate(
  device: Device,
  dir: string,
  given: Dataset,
  options: EvaluateOptions = {},
): Promise<Gain> {
  const opened = await openArtifact(device, dir, given);
  const { artifact, archs, dataset } = opened;
  const { metadata } = artifact;
  if (metadata.objective === "kernel") {
    return await evaluateRegression(device, dir, opened, options);
  }
  if (metadata.objective === "matching") return await evaluateMatched(device, dir, opened, options);
  const trials = await trialsOf(dir, opened, options);
  const attack = attackOf(metadata.attack ?? "none", dataset);
  const spec = innerSpecOf(metadata);
  using data = loadDistilled(trials[0]!.net, spec, artifact);
  return await measureGains(trials, labelsOf(archs), { data, spec }, attack);
}

/**
 * The networks that an artifact of unrolled training is for, by architecture: the stored one, held-out ones, or fresh
 * ones.
 *
 * @throws UsageError as `evaluate` does for `options` that do not suit the artifact.
 */
export async function trialsOf(
  dir: string,
  { artifact, archs, netOf, how, dataset }: OpenArtifact,
  options: EvaluateOptions,
): Promise<Trial[]> {
  const { metadata } = artifact;
  const { init } = how;
  const networks = options.networks ??
    (init === "fixed" ? 1 : Number(metadata.held_out ?? HELD_OUT));
  if (init === "fixed" && networks !== 1) {
    throw new UsageError(
      `Cannot evaluate ${dir} on ${networks} networks: it was distilled for one fixed network, ` +
        `expected --networks 1`,
    );
  }
  const { onProgress, pretrained } = options;
  if (init === "fixed" || metadata.pretrained === undefined) {
    const which = init === "fixed" ? "the network stored with it" : "drawn networks";
    expectNoFile(dir, pretrained, `it was distilled for ${which}`);
  }
  const trials: Trial[] = [];
  for (const arch of archs) {
    const net = netOf(arch);
    const theta0 = init === "fixed"
      ? importNetworks(net, artifact.init)
      : await heldOut(net, dir, metadata, networks, options.pretrained);
    trials.push({ net, dataset, how, networks, theta0, onProgress });
  }
  return trials;
}

/** @throws UsageError for a file of trained networks where none is read, and why. */
export function expectNoFile(dir: string, pretrained: string | undefined, why: string): void {
  if (pretrained === undefined) return;
  throw new UsageError(
    `Cannot evaluate ${dir} from trained networks: got --init, expected none, since ${why}; leave it out`,
  );
}

/** What an artifact of kernel regression predicts, and what the images that its run started from do. */
async function evaluateRegression(
  device: Device,
  dir: string,
  { artifact, dataset }: OpenArtifact,
  { networks, pretrained }: EvaluateOptions,
): Promise<Gain> {
  if (networks !== undefined || pretrained !== undefined) {
    throw new UsageError(
      `Cannot evaluate ${dir} on networks: it was distilled for kernel regression, which has none; leave out ` +
        `--networks and --init (--standard trains networks on it)`,
    );
  }
  const { metadata, images, labels } = artifact;
  const { channels, height, width, classes } = dataset;
  const space = { device, input: { channels, height, width }, classes };
  const { sizes, seen } = await beginningOf(device, artifact, dataset);
  const start = await startOf(space, sizes, seen);
  const data = { images: images.data, labels: labels.data };
  return await regressionGain(space, regressionOf(metadata), { start, data }, seen);
}

/** What fresh networks reach by standard training on an artifact of gradient matching, and on what its run started from. */
async function evaluateMatched(
  device: Device,
  dir: string,
  { artifact, archs, netOf, how, dataset }: OpenArtifact,
  { networks = Number(artifact.metadata.test_networks), pretrained, onProgress }: EvaluateOptions,
): Promise<Gain> {
  expectNoFile(dir, pretrained, "gradients were matched at fresh ones");
  const { sizes, seen } = await beginningOf(device, artifact, dataset);
  const start = await firstImages(device, sizes, seen);
  onProgress?.(
    `${networks} networks by standard training, on the images at the start and at the end`,
  );
  const net = netOf(archs[0]!);
  const data = { images: artifact.images.data, labels: labelsFor(net, artifact) };
  return await standardGain({ net, dataset, how, networks }, start, data);
}

/** What the images were of which an artifact's run started, and the data set as it saw it. */
async function beginningOf(
  device: Device,
  { metadata, whitening }: Artifact,
  dataset: Dataset,
): Promise<{ sizes: Parameters<typeof firstImages>[1]; seen: Dataset }> {
  const { train, classes } = dataset;
  const seen = whitening && !dataset.whitening
    ? { ...dataset, train: await whitenSplit(device, dataset, train, whitening) }
    : dataset;
  const sizes = {
    image_init: metadata.image_init as Recipe["image_init"],
    steps: 1,
    per_class: Number(metadata.per_step) / classes,
    seed: Number(metadata.seed),
  };
  return { sizes, seen };
}

/** θ of the networks that an artifact's distillation held out, if it was from a file of networks. */
async function heldOut(
  net: Net,
  dir: string,
  { pretrained, pretrained_sha256, held_out, seed }: Artifact["metadata"],
  networks: number,
  path = pretrained,
): Promise<Float32Array<ArrayBuffer> | undefined> {
  if (pretrained === undefined) return undefined;
  if (networks > Number(held_out)) {
    throw new UsageError(
      `Cannot evaluate ${dir} on ${networks} networks: got ${held_out} that were held out, ` +
        `expected --networks ${held_out} or fewer`,
    );
  }
  const file = await readNetworks(path!, "say where they are with --init pretrained:FILE");
  if (file.sha256 !== pretrained_sha256) {
    throw new UsageError(
      `Cannot evaluate ${dir} on the networks of ${file.path}: got SHA-256 ${file.sha256}, expected ` +
        `${pretrained_sha256} as in the distillation; give that file with --init pretrained:FILE`,
    );
  }
  const needs = { networks: 1, test_networks: Number(held_out), seed: Number(seed) };
  return new Pretrained(net, file, { init: "random", ...needs }).tested;
}
