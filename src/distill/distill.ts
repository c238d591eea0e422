/**
 * Distill: the outer loop. Each iteration draws a real batch and R initial networks, records the
 * meta-gradient and Adam's step in one command buffer, and submits it.
 */
import { Batches } from "../data/batches.ts";
import type { Dataset } from "../data/dataset.ts";
import type { Device, Tensor } from "../gpu/mod.ts";
import { buildNet } from "../nets/build.ts";
import { exportParameters } from "../nets/export.ts";
import { initialize } from "../nets/init.ts";
import type { Net } from "../nets/net.ts";
import { writeAtomic } from "../report/atomic.ts";
import { MetricsLog } from "../report/metrics.ts";
import type { Accuracy } from "./accuracy.ts";
import {
  type Artifact,
  FILES,
  metadataOf,
  prepareFolder,
  readCheckpoint,
  writeArtifact,
  writeCheckpoint,
  writePicture,
} from "./artifact.ts";
import { drawNetworks, type Gain, type Initialization, measureGain } from "./evaluate.ts";
import { MetaParameters } from "./meta_parameters.ts";
import { partOf, RealBatch } from "./real.ts";
import { type Recipe, recipeToYaml } from "./recipe.ts";
import { turnTaking } from "./turn_taking.ts";
import { Unroll, type UnrollSpec } from "./unroll.ts";
import { UsageError } from "./usage_error.ts";

/** Where a run stands. */
export interface Progress {
  /** Iterations done. */
  iteration: number;
  /** Iterations in all. */
  iterations: number;
  /** Mean loss over networks on the iteration's real batch. */
  loss: number;
  /** Seconds of an iteration, the mean of this call so far. */
  secondsPerIteration: number;
  /** Test accuracy, when it was just measured. */
  accuracy?: Accuracy;
}

/** What a run came to. */
export interface DistillResult {
  /** Test accuracy of the initial networks. */
  before: Accuracy;
  /** Test accuracy of the same networks after training on the distilled data. */
  after: Accuracy;
  /** Iterations in all, those before a resumption counted in. */
  iterations: number;
  /** Wall time of this call. */
  seconds: number;
  /** Path of the picture of the distilled images. */
  picture: string;
  /** Paths of all files written. */
  files: string[];
}

/** Where results go, and who hears of progress. */
export interface DistillOptions {
  /** Folder of the results; made if there is none. */
  readonly out: string;
  /** Whether to go on from the folder's checkpoint, if it has one. */
  readonly resume?: boolean;
  /** Called every `log_every` iterations, with each accuracy, and at the end. */
  readonly onProgress?: (progress: Progress) => void;
}

/**
 * Distils a data set as a recipe says and writes the results to `out`.
 *
 * The same recipe on the same adapter gives the same bytes in `distilled.safetensors`, stopped and
 * resumed or not.
 *
 * @throws Error when a number is not finite; the last good checkpoint stays.
 */
export async function distill(
  device: Device,
  recipe: Recipe,
  dataset: Dataset,
  options: DistillOptions,
): Promise<DistillResult> {
  const start = performance.now();
  if (recipe.batch > dataset.train.count) {
    throw new UsageError(
      `Cannot distil ${dataset.name}: got batch ${recipe.batch}, expected at most its ` +
        `${dataset.train.count} training images`,
    );
  }
  using run = new Run(device, recipe, dataset, options);
  await run.begin();
  await run.iterate();
  const gain = await run.finish();
  const files = Object.values(FILES).map((name) => `${options.out}/${name}`);
  const seconds = (performance.now() - start) / 1000;
  const picture = `${options.out}/${FILES.picture}`;
  return { ...gain, iterations: recipe.iterations, seconds, picture, files };
}

/** Adam's rate at iteration k (from 0). */
export function rateAt(recipe: Recipe, k: number): number {
  const { lr, schedule, decay_every, decay_factor, iterations } = recipe;
  if (schedule === "step") return lr * decay_factor ** Math.floor(k / decay_every);
  if (schedule === "cosine") return lr / 2 * (1 + Math.cos(Math.PI * k / iterations));
  return lr;
}

/** One run: its tensors, its log and how far it is. */
class Run implements Disposable {
  readonly #recipe: Recipe;
  readonly #dataset: Dataset;
  readonly #options: DistillOptions;
  readonly #net: Net;
  readonly #how: Initialization;
  readonly #spec: UnrollSpec;
  readonly #meta: MetaParameters;
  readonly #unroll: Unroll;
  readonly #real: RealBatch;
  readonly #batches: Batches;
  readonly #draw: Tensor;
  #metrics: MetricsLog | undefined;
  /** Iterations done. */
  #done = 0;

  constructor(device: Device, recipe: Recipe, dataset: Dataset, options: DistillOptions) {
    const { steps, epochs, networks, batch, seed } = recipe;
    const { channels, height, width, classes } = dataset;
    const perStep = recipe.per_class * classes;
    this.#recipe = recipe;
    this.#dataset = dataset;
    this.#options = options;
    this.#how = {
      init: recipe.init,
      method: recipe.init_method,
      param: recipe.init_param,
      seed,
    };
    this.#spec = { steps, epochs, perStep, networks, labels: recipe.soft_labels };
    this.#batches = new Batches(dataset.train, batch, seed);
    this.#net = buildNet(device, recipe.arch, { channels, height, width }, classes);
    const part = partOf(this.#net, networks, batch);
    this.#meta = new MetaParameters(this.#net, this.#spec);
    this.#unroll = new Unroll(this.#net, this.#spec, { part, total: batch });
    this.#real = new RealBatch(this.#net, batch, part, dataset);
    this.#draw = device.tensor([2], "draw");
  }

  /** Fresh distilled data, or that of the checkpoint; what does not fit is refused before writing. */
  async begin(): Promise<void> {
    const { out, resume = false } = this.#options;
    const checkpoint = resume ? await readCheckpoint(out, this.#recipe) : undefined;
    await this.#meta.initialize(this.#recipe);
    if (checkpoint) {
      this.#meta.restore(checkpoint.tensors);
      this.#done = checkpoint.iteration;
    }
    await prepareFolder(out);
    await writeAtomic(`${out}/${FILES.recipe}`, recipeToYaml(this.#recipe));
    this.#metrics = await MetricsLog.open(`${out}/${FILES.metrics}`, checkpoint?.iteration);
    if (this.#recipe.init === "fixed") this.#drawInitial(0);
  }

  async iterate(): Promise<void> {
    const { iterations, log_every, eval_every, checkpoint_every } = this.#recipe;
    const first = this.#done;
    let paused = 0;
    const start = performance.now();
    const letOthersIn = turnTaking();
    while (this.#done < iterations) {
      this.#iteration(this.#done++);
      await letOthersIn();
      const due = (every: number) => every > 0 && this.#done % every === 0;
      const last = this.#done === iterations;
      if (!due(log_every) && !due(eval_every) && !due(checkpoint_every) && !last) continue;
      const loss = await this.#loss();
      const stop = performance.now();
      const secondsPerIteration = (stop - start - paused) / 1000 / (this.#done - first);
      const accuracy = due(eval_every) && !last ? (await this.#gain()).after : undefined;
      const found = { loss, secondsPerIteration, ...(accuracy && { accuracy }) };
      this.#log(found); // before the checkpoint: resuming drops what is later, and repeats it
      if (due(checkpoint_every) || last) await this.#checkpoint();
      paused += performance.now() - stop;
      this.#options.onProgress?.({ ...found, iteration: this.#done, iterations });
    }
  }

  /** Writes the artifact and the picture. */
  async finish(): Promise<Gain> {
    const { out } = this.#options;
    const gain = await this.#gain();
    const artifact = await this.#artifact();
    await writeArtifact(out, artifact);
    const percent = (accuracy: Accuracy) => `${(100 * accuracy.mean).toFixed(1)} %`;
    const title = `${this.#dataset.name}: ${percent(gain.before)} → ${percent(gain.after)}`;
    await writePicture(out, artifact, title);
    if (!await this.#isFinished()) this.#metrics!.append({ iteration: this.#done, ...gain });
    return gain;
  }

  /** Records and submits one iteration. */
  #iteration(k: number): void {
    const { networks, init } = this.#recipe;
    const record = this.#net.device.record();
    const { images, labels } = this.#batches.at(k);
    this.#real.load(record, images, labels);
    if (init === "random") {
      this.#draw.write(Uint32Array.of(this.#how.seed, k * networks));
      initialize(record, this.#net, this.#unroll.theta[0]!, this.#draw, this.#how);
    }
    this.#meta.derive(record);
    this.#unroll.metaGradient(record, this.#meta.data, this.#real.parts);
    const { beta1, beta2 } = this.#recipe;
    const step = { t: k + 1, rate: rateAt(this.#recipe, k), beta1, beta2 };
    this.#meta.step(record, this.#unroll.gradient, step);
    record.submit();
  }

  #drawInitial(first: number): void {
    drawNetworks(this.#net, this.#unroll.theta[0]!, this.#how, first);
  }

  async #loss(): Promise<number> {
    const loss = (await this.#unroll.loss.read())[0]!;
    if (!Number.isFinite(loss)) throw this.#diverged(`a loss of ${loss}`);
    return loss;
  }

  async #checkpoint(): Promise<void> {
    const tensors = await this.#meta.save();
    for (const [name, { data }] of Object.entries(tensors)) {
      const bad = data.find((value) => !Number.isFinite(value));
      if (bad !== undefined) throw this.#diverged(`${bad} in ${name}`);
    }
    await writeCheckpoint(this.#options.out, tensors, this.#done, this.#recipe);
  }

  /** Whether the log has its last record already, as when a finished run is resumed. */
  async #isFinished(): Promise<boolean> {
    const text = await Deno.readTextFile(`${this.#options.out}/${FILES.metrics}`);
    return text.trimEnd().split("\n").some((line) => line !== "" && "before" in JSON.parse(line));
  }

  #diverged(got: string): Error {
    return new Error(
      `Cannot go on at iteration ${this.#done}: got ${got}, expected finite numbers; lower lr ` +
        `(now ${this.#recipe.lr}) or distill_lr (now ${this.#recipe.distill_lr}) and start in ` +
        `another folder; the last good checkpoint stays in ${this.#options.out}`,
    );
  }

  async #gain(): Promise<Gain> {
    const { init, test_networks } = this.#recipe;
    const record = this.#net.device.record();
    this.#meta.derive(record);
    record.submit();
    const networks = init === "fixed" ? 1 : test_networks;
    const { perStep } = this.#spec;
    return await measureGain(
      this.#net,
      this.#meta.data,
      perStep,
      this.#dataset,
      this.#how,
      networks,
    );
  }

  async #artifact(): Promise<Artifact> {
    const { channels, height, width } = this.#net.input;
    const { images, labels, lrs } = this.#meta.data;
    const count = this.#spec.steps * this.#spec.perStep;
    const init: Artifact["init"] = {};
    if (this.#recipe.init === "fixed") {
      const theta = await this.#unroll.theta[0]!.read();
      for (const [name, { shape, data }] of Object.entries(exportParameters(this.#net, theta))) {
        init[name] = { shape: [...shape], data };
      }
    }
    return {
      images: { shape: [count, channels, height, width], data: await images.read() },
      labels: { shape: [count, this.#net.classes], data: await labels.read() },
      lrs: { shape: [lrs.length], data: await lrs.read() },
      init,
      metadata: metadataOf(this.#recipe, this.#dataset, this.#net.device.info.name),
    };
  }

  #log(found: Omit<Progress, "iteration" | "iterations">): void {
    const rate = rateAt(this.#recipe, this.#done - 1);
    const { loss, ...rest } = found;
    this.#metrics!.append({ iteration: this.#done, loss, rate, ...rest });
  }

  [Symbol.dispose](): void {
    for (const part of [this.#meta, this.#unroll, this.#real, this.#draw]) part[Symbol.dispose]();
    this.#metrics?.[Symbol.dispose]();
  }
}
