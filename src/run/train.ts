/**
 * Train: networks trained on real data, into one file. What distillation starts from where it adapts networks to
 * another data set, or attacks them (Wang et al. 2018, §4.2 and §4.3).
 *
 * Network number r starts from the weights that (seed, r) draw. Every few minutes, and when training is stopped,
 * the file is replaced by all networks whose training is done, and a checkpoint beside it says how far the group
 * at work is, those that train side by side.
 */
import { z } from "npm:zod@4.6.7";
import { jsonText } from "../base/json_text.ts";
import { archToText } from "../nets/arch.ts";
import type { Dataset } from "../sets/dataset.ts";
import { digestOf } from "../sets/digest.ts";
import { UsageError } from "../base/usage_error.ts";
import { version } from "../base/version.ts";
import type { Device } from "../gpu/mod.ts";
import { buildNet } from "../nets/build.ts";
import type { Net } from "../nets/net.ts";
import type { Theta } from "../nets/theta.ts";
import { type Accuracy, summarize, test } from "../evaluate/accuracy.ts";
import { drawNetworks, networksThatFit } from "../evaluate/measure.ts";
import {
  type GroupProgress,
  type GroupState,
  StandardTraining,
} from "../evaluate/standard_training.ts";
import { parameterFloats, sizeOf } from "../layers/op.ts";
import { MEMORY_BUDGET } from "../meta/memory.ts";
import { partOf } from "../meta/real_batch.ts";
import { formatBytes } from "../base/bytes.ts";
import { expectFitting } from "../recipe/fitting.ts";
import type { TrainSettings } from "../recipe/train_settings.ts";
import { lockFile } from "../store/folder_lock.ts";
import { type NetworkFile, readNetworks, thetasOf, writeNetworks } from "../store/network_file.ts";
import {
  expectSameTraining,
  readTrainCheckpoint,
  removeTrainCheckpoint,
  trainCheckpointOf,
  writeTrainCheckpoint,
} from "../store/train_checkpoint.ts";
import { expectBindable } from "./bindable.ts";
import { LONG_RUN } from "./iteration_timer.ts";

/** Where training stands. */
export interface TrainProgress {
  /** Networks whose training was done before that of the group at work. */
  trained: number;
  /** Networks of that group, which train side by side. */
  training: number;
  /** Networks in all. */
  networks: number;
  /** The epoch that these are in, from 1. */
  epoch: number;
  /** Epochs of each network. */
  epochs: number;
  /** Minibatches done, those of all groups together. */
  minibatch: number;
  /** Minibatches in all. */
  minibatches: number;
  /** Mean loss over the networks that train now, on the last minibatch; NaN before the first of this call. */
  loss: number;
  /** Seconds of a minibatch, the mean of this call so far; NaN before the first. */
  secondsPerMinibatch: number;
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
  /** Whether to go on where an earlier call stopped. */
  readonly resume?: boolean;
  /** Called when a group begins, then about every second, and when it ends. */
  readonly onProgress?: (progress: TrainProgress) => void;
  /** Called after a few minibatches with the seconds that are left, where these are ten minutes or more. */
  readonly onOutlook?: (seconds: number) => void;
  /** Seconds between checkpoints within a group; 300 when left out. */
  readonly checkpointSeconds?: number;
  /** Ends the training early: it writes a checkpoint, and throws the signal's reason. */
  readonly signal?: AbortSignal;
}

/** Networks side by side at most. */
const MOST_AT_ONCE = 20;

/**
 * Floats of parameters and activations that a software adapter works on at once. More networks side by side would
 * leave its caches: twenty LeNets take longer than twenty times one, and steps that take that long are slow to stop.
 */
const SOFTWARE_FLOATS = 2 ** 20;

const CHECKPOINT_SECONDS = 300;
const REPORT_SECONDS = 1;
const ACCURACIES = jsonText(z.array(z.number().min(0).max(1)));

/** Minibatches that are timed for the outlook, after the first report: kernels are compiled before it. */
const TIMED = 3;

const INIT = { init: "random", method: "xavier_normal", param: 1 } as const;

/**
 * Trains networks on a data set and writes them to one safetensors file. The same settings on the same
 * adapter give the same bytes, stopped and resumed or not.
 *
 * @throws Error when a number is not finite.
 * @throws UsageError when settings and data set do not go together, a network does not fit into memory, there is
 * a file already that is not to be resumed, or one of other networks.
 */
export async function trainNetworks(
  device: Device,
  dataset: Dataset,
  settings: TrainSettings,
  options: TrainOptions,
): Promise<TrainResult> {
  const start = performance.now();
  const { channels, height, width, classes } = dataset;
  const { out, resume = false } = options;
  expectFitting("train on", settings, dataset);
  const net = buildNet(device, settings.arch, { channels, height, width }, classes);
  const atOnce = groupSize(net, dataset, settings);
  const groups = { ...settings, atOnce };
  await Deno.mkdir(out.replace(/[^/]*$/, "") || ".", { recursive: true });
  using _lock = await lockFile(out);
  if (!resume) await expectNoNetworks(out);
  const origin = await originOf(net, dataset, groups);
  using training = new StandardTraining(net, dataset, groups);
  const accuracies = await new Run(net, dataset, training, groups, origin, options).train();
  const seconds = (performance.now() - start) / 1000;
  return { accuracy: summarize(accuracies), accuracies, atOnce, seconds, out };
}

/**
 * Makes sure that there are no networks at `out`, trained or in training.
 *
 * @throws UsageError where there are.
 */
export async function expectNoNetworks(out: string): Promise<void> {
  for (const path of [out, trainCheckpointOf(out)]) {
    const found = await Deno.stat(path).catch((error) => {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    });
    if (!found) continue;
    throw new UsageError(
      `Cannot write to ${out}: ${path} is there already; pass --resume to go on with it, or another --out`,
    );
  }
}

/**
 * How many networks train side by side: those asked for, or as many as there are, as bindings and memory hold.
 *
 * @throws UsageError where they, or even one, do not fit.
 */
function groupSize(net: Net, dataset: Dataset, settings: TrainSettings): number {
  const { networks, atOnce: asked } = settings;
  const bytesOf = (atOnce: number) =>
    StandardTraining.bytes(net, dataset, { ...settings, atOnce: Math.min(atOnce, networks) });
  let atOnce = asked || Math.max(1, Math.min(mostAtOnce(net, settings), networksThatFit(net)));
  expectBindable(net, Math.min(atOnce, networks), "--at-once");
  while (!asked && atOnce > 1 && bytesOf(atOnce) > MEMORY_BUDGET) atOnce = Math.floor(atOnce / 2);
  const bytes = bytesOf(atOnce);
  if (bytes <= MEMORY_BUDGET) return atOnce;
  const here = Math.min(atOnce, networks);
  throw new UsageError(
    `Cannot train ${here} network${here > 1 ? "s" : ""} side by side: got ${formatBytes(bytes)}, ` +
      `expected at most ${formatBytes(MEMORY_BUDGET)} of GPU memory; lower ` +
      `${here > 1 ? "--at-once or " : ""}--batch`,
  );
}

/** Networks that are worth training side by side; it depends on no clock, so that a group has the same ones again. */
function mostAtOnce(net: Net, { networks, batch }: TrainSettings): number {
  const most = Math.min(MOST_AT_ONCE, networks);
  if (net.device.info.profile === "hardware") return most;
  const images = partOf(net, 1, batch, "grad");
  const floats = net.ops.map((op) => parameterFloats(op) + images * sizeOf(op.output));
  return Math.min(most, Math.floor(SOFTWARE_FLOATS / floats.reduce((a, b) => a + b)));
}

/** The networks of a call: those that are trained, and how far the group at work is. */
class Run {
  readonly #net: Net;
  readonly #dataset: Dataset;
  readonly #settings: TrainSettings;
  readonly #options: TrainOptions;
  readonly #origin: Record<string, string>;
  readonly #training: StandardTraining;
  /** θ [R, P] of all networks, of which as many are trained as there are accuracies. */
  readonly #thetas: Float32Array;
  readonly #accuracies: number[] = [];
  /** Networks that the file has. */
  #written = 0;
  readonly #start = performance.now();
  #saved = this.#start;
  #reported = 0;
  /** The first report after a minibatch of this call; none is wanted any more once the outlook is told. */
  #first: { minibatch: number; time: number } | "told" | undefined;
  /** The group at work after its last step, to save where its test is ended early. */
  #ended: GroupState | undefined;
  /** Minibatches that earlier calls did. */
  #earlier = 0;

  constructor(
    net: Net,
    dataset: Dataset,
    training: StandardTraining,
    settings: TrainSettings,
    origin: Record<string, string>,
    options: TrainOptions,
  ) {
    this.#net = net;
    this.#dataset = dataset;
    this.#settings = settings;
    this.#options = options;
    this.#origin = origin;
    this.#training = training;
    this.#thetas = new Float32Array(settings.networks * net.stride);
  }

  /** Trains what earlier calls left, group by group; gives the accuracy of every network. */
  async train(): Promise<number[]> {
    const { networks, atOnce } = this.#settings;
    const { out, resume = false } = this.#options;
    if (resume) await this.#restore();
    const checkpoint = resume
      ? await readTrainCheckpoint(out, this.#origin, this.#training.steps)
      : undefined;
    // One of an earlier group is left where networks were written after it.
    let from = checkpoint?.trained === this.#accuracies.length ? checkpoint : undefined;
    this.#earlier = this.#minibatch(from?.step ?? 0);
    try {
      while (this.#accuracies.length < networks) {
        await this.#trainGroup(Math.min(atOnce, networks - this.#accuracies.length), from);
        from = undefined;
      }
    } finally {
      await this.#save(); // where a group fails, those before it are kept
    }
    await removeTrainCheckpoint(out);
    return this.#accuracies;
  }

  async #trainGroup(count: number, from: GroupState | undefined): Promise<void> {
    const net = this.#net;
    const trained = this.#accuracies.length;
    using theta = net.theta(count);
    if (!from) drawNetworks(net, theta, { ...INIT, seed: this.#settings.seed }, trained);
    this.#report(from?.step ?? 0, NaN);
    const onStep = (progress: GroupProgress) => this.#after(progress);
    await this.#training.train(theta, trained, { from, onStep });
    this.#accuracies.push(...await this.#test(theta));
    this.#thetas.set(await theta.read(), trained * net.stride);
  }

  /** Tests a group that is trained. @throws the signal's reason, after saving, where the call is to end. */
  async #test(theta: Theta): Promise<number[]> {
    const { signal } = this.#options;
    try {
      return await test(this.#net, theta, this.#dataset.test, this.#dataset, { signal });
    } catch (error) {
      if (signal?.aborted) await this.#save(this.#ended);
      throw error;
    }
  }

  /** A step was taken. @throws the signal's reason, after saving, where the call is to end. */
  async #after(progress: GroupProgress): Promise<void> {
    const { step } = progress;
    const { signal, checkpointSeconds = CHECKPOINT_SECONDS } = this.#options;
    if (step === this.#training.steps || secondsSince(this.#reported) >= REPORT_SECONDS) {
      this.#report(step, await progress.loss());
    }
    if (step === this.#training.steps && signal) this.#ended = await progress.save();
    if (signal?.aborted || secondsSince(this.#saved) >= checkpointSeconds) {
      await this.#save(await progress.save());
    }
    signal?.throwIfAborted();
  }

  /** Writes networks that are trained and not written yet, and where the group at work is. */
  async #save(group?: GroupState): Promise<void> {
    const { out } = this.#options;
    const trained = this.#accuracies.length;
    if (trained > this.#written) {
      const accuracies = JSON.stringify(this.#accuracies);
      const metadata = { ...this.#origin, retort_version: version, accuracies };
      const thetas = this.#thetas.subarray(0, trained * this.#net.stride);
      await writeNetworks(out, this.#net, thetas, metadata);
      this.#written = trained;
    }
    if (group) await writeTrainCheckpoint(out, { trained, ...group }, this.#origin);
    this.#saved = performance.now();
  }

  /** Takes the networks of an earlier call, if there are any. */
  async #restore(): Promise<void> {
    const { out } = this.#options;
    const file = await readNetworks(out).catch((error) => {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    });
    if (!file) return;
    expectSameTraining(out, file.metadata, this.#origin);
    const thetas = thetasOf(this.#net, file);
    const most = this.#settings.networks;
    this.#accuracies.push(...accuraciesOf(file, thetas.length / this.#net.stride, most));
    this.#thetas.set(thetas);
    this.#written = this.#accuracies.length;
  }

  #report(step: number, loss: number): void {
    const { networks, atOnce, epochs } = this.#settings;
    const { steps, perEpoch } = this.#training;
    const trained = this.#accuracies.length;
    const minibatch = this.#minibatch(step);
    const done = minibatch - this.#earlier;
    this.#reported = performance.now();
    this.#options.onProgress?.({
      trained,
      training: Math.min(atOnce, networks - trained),
      networks,
      epoch: Math.max(1, Math.ceil(step / perEpoch)),
      epochs,
      minibatch,
      minibatches: Math.ceil(networks / atOnce) * steps,
      loss,
      secondsPerMinibatch: done > 0 ? secondsSince(this.#start) / done : NaN,
    });
    if (done > 0) this.#lookAhead(minibatch, Math.ceil(networks / atOnce) * steps);
  }

  /** Tells once what is left, by the minibatches since the first report; tests are short. */
  #lookAhead(minibatch: number, minibatches: number): void {
    this.#first ??= { minibatch, time: this.#reported };
    if (this.#first === "told" || minibatch < this.#first.minibatch + TIMED) return;
    const each = (this.#reported - this.#first.time) / 1000 / (minibatch - this.#first.minibatch);
    const seconds = each * (minibatches - minibatch);
    this.#first = "told";
    if (seconds >= LONG_RUN) this.#options.onOutlook?.(seconds);
  }

  /** The number of a step of the group at work among those of all groups. */
  #minibatch(step: number): number {
    return this.#accuracies.length / this.#settings.atOnce * this.#training.steps + step;
  }
}

/** The accuracies of as many networks as a file holds, which are `most` at most. @throws {SyntaxError} others */
function accuraciesOf({ path, metadata }: NetworkFile, networks: number, most: number): number[] {
  const { data } = ACCURACIES.safeParse(metadata.accuracies);
  if (data?.length === networks && networks <= most) return data;
  throw new SyntaxError(
    `Cannot resume ${path}: got ${networks} networks and accuracies ${metadata.accuracies}, expected ` +
      `at most ${most} and a number from 0 to 1 for each; remove the file to start again`,
  );
}

const secondsSince = (time: number) => (performance.now() - time) / 1000;

/** What networks are and what their bits depend on. */
async function originOf(
  net: Net,
  dataset: Dataset,
  settings: TrainSettings,
): Promise<Record<string, string>> {
  const { networks, atOnce, epochs, decayEpochs, lr, batch, augment, seed, arch } = settings;
  const { name, channels, height, width, classes, mean, std } = dataset;
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
    dataset_sha256: await digestOf(dataset),
    adapter: net.device.info.name,
  };
}
