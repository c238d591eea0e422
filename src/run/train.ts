/**
 * Train: networks trained on real data, into one file. What distillation starts from where it adapts networks to
 * another data set, or attacks them (Wang et al. 2018, §4.2 and §4.3).
 *
 * Network number r starts from the weights that (seed, r) draw. The file is replaced after every group of networks
 * that train side by side, so it always holds networks whose training is done.
 */
import { archToText } from "../nets/arch.ts";
import type { Dataset } from "../sets/dataset.ts";
import { sha256 } from "../base/sha256.ts";
import { UsageError } from "../base/usage_error.ts";
import { version } from "../base/version.ts";
import type { Device } from "../gpu/mod.ts";
import { buildNet } from "../nets/build.ts";
import type { Net } from "../nets/net.ts";
import { type Accuracy, summarize, test } from "../evaluate/accuracy.ts";
import { drawNetworks, networksThatFit } from "../evaluate/measure.ts";
import { StandardTraining } from "../evaluate/standard_training.ts";
import { expectFitting } from "../recipe/fitting.ts";
import type { TrainSettings } from "../recipe/train_settings.ts";
import { readNetworks, thetasOf, writeNetworks } from "../store/network_file.ts";
import { expectBindable } from "./bindable.ts";

/** Where training stands. */
export interface TrainProgress {
  /** Networks whose training is done. */
  trained: number;
  /** Networks in all. */
  networks: number;
  /** Epochs done, those of all groups together. */
  epoch: number;
  /** Epochs in all. */
  epochs: number;
  /** Mean loss over the networks that train now, on the last minibatch. */
  loss: number;
  /** Seconds of an epoch, the mean of this call so far. */
  secondsPerEpoch: number;
}

/** What training came to. */
export interface TrainResult {
  /** Test accuracy over all networks. */
  accuracy: Accuracy;
  /** Test accuracy of each network, 0 … 1. */
  accuracies: number[];
  /** Networks that trained side by side. */
  atOnce: number;
  /** Wall time of this call. */
  seconds: number;
  /** Path of the file. */
  out: string;
}

/** Where networks go, and who hears of progress. */
export interface TrainOptions {
  /** Path of the file; its folder is made if there is none. */
  readonly out: string;
  /** Whether to go on with the networks that the file has. */
  readonly resume?: boolean;
  /** Called after every epoch. */
  readonly onProgress?: (progress: TrainProgress) => void;
}

const MOST_AT_ONCE = 20;
const INIT = { init: "random", method: "xavier_normal", param: 1 } as const;

/**
 * Trains networks on a data set and writes them to one safetensors file. The same settings on the same
 * adapter give the same bytes, stopped and resumed or not.
 *
 * @throws Error when the loss is not finite.
 * @throws UsageError when settings and data set do not go together, or for a file of other networks.
 */
export async function trainNetworks(
  device: Device,
  dataset: Dataset,
  settings: TrainSettings,
  options: TrainOptions,
): Promise<TrainResult> {
  const start = performance.now();
  const { channels, height, width, classes } = dataset;
  expectFitting("train on", settings, dataset);
  const net = buildNet(device, settings.arch, { channels, height, width }, classes);
  const most = Math.min(MOST_AT_ONCE, settings.networks, networksThatFit(net));
  const atOnce = settings.atOnce || Math.max(1, most);
  expectBindable(net, Math.min(atOnce, settings.networks), "--at-once");
  const groups = { ...settings, atOnce };
  const accuracies = await trainGroups(net, dataset, groups, options);
  const seconds = (performance.now() - start) / 1000;
  return { accuracy: summarize(accuracies), accuracies, atOnce, seconds, out: options.out };
}

/** Trains what the file does not have yet; gives the accuracy of every network. */
async function trainGroups(
  net: Net,
  dataset: Dataset,
  settings: TrainSettings,
  { out, resume = false, onProgress }: TrainOptions,
): Promise<number[]> {
  const { networks, atOnce, epochs, seed } = settings;
  const { stride } = net;
  const metadata = await metadataOf(net, dataset, settings);
  const thetas = new Float32Array(networks * stride);
  const accuracies = resume ? await restore(net, out, metadata, thetas) : [];
  await Deno.mkdir(out.replace(/[^/]*$/, "") || ".", { recursive: true });
  using training = new StandardTraining(net, dataset, settings);
  const [total, before] = [networks, accuracies.length].map((n) => Math.ceil(n / atOnce) * epochs);
  const start = performance.now();
  while (accuracies.length < networks) {
    const first = accuracies.length;
    const here = Math.min(atOnce, networks - first);
    using theta = net.theta(here);
    drawNetworks(net, theta, { ...INIT, seed }, first);
    await training.train(theta, first, (done, loss) => {
      const epoch = first / atOnce * epochs + done;
      const secondsPerEpoch = (performance.now() - start) / 1000 / (epoch - before!);
      const trained = first + (done === epochs ? here : 0);
      onProgress?.({ trained, networks, epoch, epochs: total!, loss, secondsPerEpoch });
    });
    accuracies.push(...await test(net, theta, dataset.test, dataset));
    thetas.set(await theta.read(), first * stride);
    const found = { ...metadata, retort_version: version, accuracies: JSON.stringify(accuracies) };
    await writeNetworks(out, net, thetas.subarray(0, accuracies.length * stride), found);
  }
  return accuracies;
}

/** Copies the networks of an earlier call into `thetas` [R, P]; gives their accuracies. */
async function restore(
  net: Net,
  path: string,
  metadata: Record<string, string>,
  thetas: Float32Array,
): Promise<number[]> {
  const file = await readNetworks(path).catch((error) => {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  });
  if (!file) return []; // nothing to go on with
  for (const [key, value] of Object.entries(metadata)) {
    if (file.metadata[key] === value) continue;
    throw new UsageError(
      `Cannot resume ${path}: got ${key} ${value}, expected ${file.metadata[key]} as in the ` +
        `file; use another --out`,
    );
  }
  thetas.set(thetasOf(net, file));
  return JSON.parse(file.metadata.accuracies!) as number[];
}

/** What networks are and what their bits depend on. */
async function metadataOf(
  net: Net,
  dataset: Dataset,
  settings: TrainSettings,
): Promise<Record<string, string>> {
  const { networks, atOnce, epochs, decayEpochs, lr, batch, augment, seed, arch } = settings;
  const { name, channels, height, width, classes, mean, std, train } = dataset;
  const numbers = {
    networks,
    at_once: atOnce,
    epochs,
    decay_epochs: decayEpochs,
    lr,
    batch,
    seed,
  };
  return {
    arch: archToText(arch),
    dataset: name,
    input: `[${channels}, ${height}, ${width}]`,
    classes: `${classes}`,
    mean: JSON.stringify(mean),
    std: JSON.stringify(std),
    ...Object.fromEntries(Object.entries(numbers).map(([key, value]) => [key, `${value}`])),
    augment,
    init_method: INIT.method,
    init_param: `${INIT.param}`,
    training_images: await sha256(train.images),
    training_labels: await sha256(train.labels),
    adapter: net.device.info.name,
  };
}
