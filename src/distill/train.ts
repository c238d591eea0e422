/**
 * Train: networks trained on real data, R side by side, into one file. What distillation starts from
 * where it adapts networks to another data set, or attacks them (Wang et al. 2018, §4.2 and §4.3).
 *
 * Network number r starts from the weights that (seed, r) draw. Networks that train side by side share
 * their minibatches, so that a batch is loaded once for all; each such group has an order of its own.
 * The file is replaced after every group, so it always holds networks whose training is done.
 */
import { archToText } from "../nets/arch.ts";
import { Batches } from "../data/batches.ts";
import type { Dataset } from "../data/dataset.ts";
import { sha256 } from "../data/sha256.ts";
import type { Device, Recorder, Tensor } from "../gpu/mod.ts";
import { buildNet } from "../nets/build.ts";
import type { Net } from "../nets/net.ts";
import type { Theta } from "../nets/theta.ts";
import type { Workspace } from "../nets/workspace.ts";
import { add, mean } from "../ops/vector.ts";
import { type Accuracy, summarize, test } from "./accuracy.ts";
import { Adam } from "./adam.ts";
import { cropFlip } from "./augment.ts";
import { expectBindable } from "./bindable.ts";
import { expectFitting } from "./fitting.ts";
import { drawNetworks, networksThatFit } from "./evaluate.ts";
import { readNetworks, thetasOf, writeNetworks } from "./network_file.ts";
import { partOf, RealBatch, ResidentSplit } from "./real.ts";
import { trainRate, type TrainSettings } from "./train_settings.ts";
import { pacing } from "./pacing.ts";
import { UsageError } from "./usage_error.ts";
import { version } from "./version.ts";

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
/** Adam's decays, as the original's. */
const ADAM = { beta1: 0.5, beta2: 0.999, clip: 0 };
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
  using training = new Training(net, dataset, { ...settings, atOnce });
  const accuracies = await training.run(options);
  const seconds = (performance.now() - start) / 1000;
  return { accuracy: summarize(accuracies), accuracies, atOnce, seconds, out: options.out };
}

/** The tensors that groups of networks train in, one group after the other. */
class Training implements Disposable {
  readonly #net: Net;
  readonly #dataset: Dataset;
  readonly #settings: TrainSettings;
  readonly #real: RealBatch;
  readonly #batches: Batches;
  readonly #loss: Tensor;
  readonly #lossPart: Tensor;
  readonly #owned: DisposableStack;

  constructor(net: Net, dataset: Dataset, settings: TrainSettings) {
    const { device } = net;
    const { atOnce, batch, seed } = settings;
    using owned = new DisposableStack();
    this.#net = net;
    this.#dataset = dataset;
    this.#settings = settings;
    const most = device.info.limits.maxStorageBufferBindingSize!;
    const fits = dataset.train.images.length <= most;
    const source = fits ? owned.use(new ResidentSplit(net, dataset.train)) : dataset.train;
    const part = partOf(net, atOnce, batch, "grad");
    this.#real = owned.use(new RealBatch(net, source, batch, part, dataset));
    this.#batches = new Batches(dataset.train, batch, seed);
    this.#loss = owned.use(device.tensor([1], "loss"));
    this.#lossPart = owned.use(device.tensor([1], "loss part"));
    this.#owned = owned.move();
  }

  /** Trains what the file does not have yet; gives the accuracy of every network. */
  async run({ out, resume = false, onProgress }: TrainOptions): Promise<number[]> {
    const { networks, atOnce, epochs } = this.#settings;
    const { stride } = this.#net;
    const metadata = await this.#metadata();
    const thetas = new Float32Array(networks * stride);
    const accuracies = resume ? await this.#restore(out, metadata, thetas) : [];
    await Deno.mkdir(out.replace(/[^/]*$/, "") || ".", { recursive: true });
    const [total, before] = [networks, accuracies.length].map((n) =>
      Math.ceil(n / atOnce) * epochs
    );
    const start = performance.now();
    while (accuracies.length < networks) {
      const first = accuracies.length;
      const here = Math.min(atOnce, networks - first);
      using theta = this.#net.theta(here);
      const report = (done: number, loss: number) => {
        const epoch = first / atOnce * epochs + done;
        const secondsPerEpoch = (performance.now() - start) / 1000 / (epoch - before!);
        const trained = first + (done === epochs ? here : 0);
        onProgress?.({ trained, networks, epoch, epochs: total!, loss, secondsPerEpoch });
      };
      await this.#group(theta, first, report);
      accuracies.push(...await test(this.#net, theta, this.#dataset.test, this.#dataset));
      thetas.set(await theta.read(), first * stride);
      const done = thetas.subarray(0, accuracies.length * stride);
      const found = {
        ...metadata,
        retort_version: version,
        accuracies: JSON.stringify(accuracies),
      };
      await writeNetworks(out, this.#net, done, found);
    }
    return accuracies;
  }

  /** Draws networks number `first` and following into θ and trains them. */
  async #group(theta: Theta, first: number, report: (epochs: number, loss: number) => void) {
    const { epochs, batch, atOnce, augment, seed } = this.#settings;
    const { perEpoch } = this.#batches;
    const part = this.#real.parts[0]!.indices.size;
    drawNetworks(this.#net, theta, { ...INIT, seed }, first);
    using owned = new DisposableStack();
    const adams = theta.parts.map((part) => owned.use(new Adam("theta", part)));
    using work = this.#net.workspace(theta.networks, part, { passes: "grad", total: batch });
    using gradient = this.#net.theta(theta.networks);
    using more = this.#net.theta(theta.networks);
    const record = this.#net.device.record();
    this.#real.record(record, augment === "crop-flip");
    this.#gradient(record, work, theta, gradient, more);
    adams.forEach((adam, i) => adam.step(record, gradient.parts[i]!, ADAM.clip));
    const pace = pacing(this.#net.device);
    const before = first / atOnce * epochs * perEpoch; // minibatches of earlier groups
    for (let k = 0; k < epochs * perEpoch; k++) {
      const epoch = Math.floor(k / perEpoch);
      const moves = augment === "crop-flip" ? cropFlip(batch, seed, before + k) : undefined;
      this.#real.choose(this.#batches.indices(before + k), moves);
      const constants = { ...ADAM, t: k + 1, rate: trainRate(this.#settings, epoch) };
      adams.forEach((adam) => adam.set(constants));
      record.submit();
      await pace();
      if ((k + 1) % perEpoch === 0) report(epoch + 1, await this.#readLoss(epoch + 1));
    }
  }

  /** Records the gradient of the mean loss on the batch, for each network, and that loss. */
  #gradient(record: Recorder, work: Workspace, theta: Theta, gradient: Theta, more: Theta) {
    const net = this.#net;
    this.#real.parts.forEach((batch, i) => {
      const thetaBar = i === 0 ? gradient : more;
      net.grad(record, work, { theta, ...batch, thetaBar });
      if (i > 0) more.parts.forEach((a, k) => add(record, { a, out: gradient.parts[k]! }));
      const { loss } = net.judge(record, work, batch);
      mean(record, { a: loss, out: i === 0 ? this.#loss : this.#lossPart }, 1 / work.span.networks);
      if (i > 0) add(record, { a: this.#lossPart, out: this.#loss });
    });
  }

  async #readLoss(epoch: number): Promise<number> {
    const loss = (await this.#loss.read())[0]!;
    if (Number.isFinite(loss)) return loss;
    throw new Error(
      `Cannot go on training at epoch ${epoch}: got a loss of ${loss}, expected a finite number; ` +
        `lower lr (now ${this.#settings.lr})`,
    );
  }

  /** Copies the networks of an earlier call into `thetas` [R, P]; gives their accuracies. */
  async #restore(path: string, metadata: Record<string, string>, thetas: Float32Array) {
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
    thetas.set(thetasOf(this.#net, file));
    return JSON.parse(file.metadata.accuracies!) as number[];
  }

  /** What networks are and what their bits depend on. */
  async #metadata(): Promise<Record<string, string>> {
    const { networks, atOnce, epochs, decayEpochs, lr, batch, augment, seed, arch } =
      this.#settings;
    const { name, channels, height, width, classes, mean, std, train } = this.#dataset;
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
      adapter: this.#net.device.info.name,
    };
  }

  [Symbol.dispose](): void {
    this.#owned.dispose();
  }
}
