/** Distill: a run from its recipe to its folder of results, with its log and its checkpoints. */
import type { Dataset } from "../data/dataset.ts";
import type { Device } from "../gpu/mod.ts";
import { writeAtomic } from "../report/atomic.ts";
import { MetricsLog } from "../report/metrics.ts";
import type { Accuracy } from "./accuracy.ts";
import { FILES, prepareFolder, writeArtifact, writePicture } from "./artifact.ts";
import { originOf, readCheckpoint, writeCheckpoint } from "./checkpoint.ts";
import type { Gain } from "./evaluate.ts";
import { readGain } from "./finished.ts";
import { describePlan } from "./memory.ts";
import type { NetworkFile } from "./network_file.ts";
import { expectFitting } from "./fitting.ts";
import { networksOf } from "./pretrained.ts";
import { OuterLoop, rateAt } from "./outer_loop.ts";
import { firstImages } from "./real_sets.ts";
import { type Recipe, recipeToYaml } from "./recipe.ts";
import { pacing } from "./pacing.ts";

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
export interface DistillResult extends Gain {
  /** Iterations in all, those before a resumption counted in. */
  iterations: number;
  /** Wall time of this call. */
  seconds: number;
  /** Dispatches of an outer iteration. */
  dispatches: number;
  /** The most bytes that tensors held on the GPU at once. */
  peakBytes: number;
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
  /** Bytes of GPU memory that the run may take; 4 GB when left out. The plan that fits best computes the
   * same numbers, unless only smaller parts of the real batch fit: their sums round otherwise. */
  readonly memoryBudget?: number;
  /** Called once with what memory is spent on, line by line. */
  readonly onPlan?: (lines: string[]) => void;
  /** Called with a line when something long begins before the first iteration. */
  readonly onNote?: (line: string) => void;
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
 * @throws UsageError when recipe and data set do not go together, or the run does not fit into the
 * memory budget; nothing is written then.
 */
export async function distill(
  device: Device,
  recipe: Recipe,
  dataset: Dataset,
  options: DistillOptions,
): Promise<DistillResult> {
  const start = performance.now();
  expectFitting("distil", recipe, dataset);
  const networks = await networksOf(recipe);
  device.resetPeak();
  using run = new Run(device, recipe, dataset, options, networks);
  await run.begin();
  await run.iterate();
  const gain = await run.finish();
  const files = Object.values(FILES).map((name) => `${options.out}/${name}`);
  const seconds = (performance.now() - start) / 1000;
  const picture = `${options.out}/${FILES.picture}`;
  const { peakBytes } = device;
  const { iterations } = recipe;
  return { ...gain, iterations, seconds, dispatches: run.dispatches, peakBytes, picture, files };
}

/** One run: its log, its checkpoints and how far it is. */
class Run implements Disposable {
  readonly #recipe: Recipe;
  readonly #dataset: Dataset;
  readonly #options: DistillOptions;
  readonly #loop: OuterLoop;
  readonly #device: Device;
  readonly #networks: NetworkFile | undefined;
  #origin: Record<string, string> = {};
  #metrics: MetricsLog | undefined;
  /** Iterations done, and those that the checkpoint on disk has, if there is one. */
  #done = 0;
  #saved: number | undefined;

  constructor(
    device: Device,
    recipe: Recipe,
    dataset: Dataset,
    options: DistillOptions,
    networks?: NetworkFile,
  ) {
    this.#recipe = recipe;
    this.#dataset = dataset;
    this.#options = options;
    this.#device = device;
    this.#networks = networks;
    this.#loop = new OuterLoop(device, recipe, dataset, options.memoryBudget, networks);
    options.onPlan?.(describePlan(this.#loop.plan, recipe));
  }

  get dispatches(): number {
    return this.#loop.dispatches;
  }

  /** Fresh distilled data, or that of the checkpoint; what does not fit is refused before writing. */
  async begin(): Promise<void> {
    const { out, resume = false, onNote } = this.#options;
    this.#origin = await originOf(
      this.#recipe,
      this.#dataset,
      this.#device.info.name,
      this.#networks,
    );
    const checkpoint = resume ? await readCheckpoint(out, this.#recipe, this.#origin) : undefined;
    const images = checkpoint ? undefined : firstImages(this.#recipe, this.#dataset, onNote);
    await this.#loop.meta.initialize(this.#recipe, images);
    if (checkpoint) {
      this.#loop.meta.restore(checkpoint.tensors);
      this.#saved = this.#done = checkpoint.iteration;
    }
    await prepareFolder(out);
    await writeAtomic(`${out}/${FILES.recipe}`, recipeToYaml(this.#recipe));
    this.#metrics = await MetricsLog.open(`${out}/${FILES.metrics}`, checkpoint?.iteration);
  }

  async iterate(): Promise<void> {
    const { iterations, log_every, eval_every, checkpoint_every } = this.#recipe;
    const first = this.#done;
    let paused = 0;
    const start = performance.now();
    const pace = pacing(this.#device);
    while (this.#done < iterations) {
      this.#loop.iterate(this.#done++);
      await pace();
      const due = (every: number) => every > 0 && this.#done % every === 0;
      const last = this.#done === iterations;
      if (!due(log_every) && !due(eval_every) && !due(checkpoint_every) && !last) continue;
      const loss = await this.#loss();
      const stop = performance.now();
      const secondsPerIteration = (stop - start - paused) / 1000 / (this.#done - first);
      const accuracy = due(eval_every) && !last ? await this.#loop.after() : undefined;
      const found = { loss, secondsPerIteration, ...(accuracy && { accuracy }) };
      this.#log(found); // before the checkpoint: resuming drops what is later, and repeats it
      if (due(checkpoint_every) || last) await this.#checkpoint();
      paused += performance.now() - stop;
      this.#options.onProgress?.({ ...found, iteration: this.#done, iterations });
    }
  }

  /** Writes the artifact, then tests it and draws the picture. */
  async finish(): Promise<Gain> {
    const { out } = this.#options;
    const artifact = await this.#loop.artifact();
    await writeArtifact(out, artifact);
    const gain = await this.#loop.gain();
    const percent = (accuracy: Accuracy) => `${(100 * accuracy.mean).toFixed(1)} %`;
    const title = `${this.#dataset.name}: ${percent(gain.before)} → ${percent(gain.after)}`;
    await writePicture(out, artifact, title);
    const isLogged = await readGain(out) !== undefined; // as when a finished run is resumed
    if (!isLogged) this.#metrics!.append({ iteration: this.#done, ...gain });
    return gain;
  }

  async #loss(): Promise<number> {
    const loss = await this.#loop.loss();
    if (!Number.isFinite(loss)) throw this.#diverged(`a loss of ${loss}`);
    return loss;
  }

  async #checkpoint(): Promise<void> {
    const tensors = await this.#loop.meta.save();
    for (const [name, { data }] of Object.entries(tensors)) {
      const bad = data.find((value) => !Number.isFinite(value));
      if (bad !== undefined) throw this.#diverged(`${bad} in ${name}`);
    }
    await writeCheckpoint(this.#options.out, tensors, this.#done, this.#origin);
    this.#saved = this.#done;
  }

  #diverged(got: string): Error {
    const kept = this.#saved === undefined
      ? "there was no checkpoint yet"
      : `the last good checkpoint, of iteration ${this.#saved}, stays in ${this.#options.out}`;
    return new Error(
      `Cannot go on at iteration ${this.#done}: got ${got}, expected finite numbers; lower lr ` +
        `(now ${this.#recipe.lr}) or distill_lr (now ${this.#recipe.distill_lr}) and start in ` +
        `another folder; ${kept}`,
    );
  }

  #log({ loss, ...rest }: Omit<Progress, "iteration" | "iterations">): void {
    const rate = rateAt(this.#recipe, this.#done - 1);
    this.#metrics!.append({ iteration: this.#done, loss, rate, ...rest });
  }

  [Symbol.dispose](): void {
    this.#loop[Symbol.dispose]();
    this.#metrics?.[Symbol.dispose]();
  }
}
