/** Distill: a run from its recipe to its folder of results, with its log and its checkpoints. */
import type { Dataset } from "../sets/dataset.ts";
import type { Device } from "../gpu/mod.ts";
import { writeAtomic } from "../base/atomic.ts";
import { MetricsLog } from "../store/metrics.ts";
import type { Accuracy } from "../evaluate/accuracy.ts";
import { artifactOf } from "./artifact_of.ts";
import { expectEmpty } from "./unused.ts";
import { FILES, filesOf, pictureOf, removeUnfinished, writeArtifact } from "../store/artifact.ts";
import { lockFolder } from "../store/folder_lock.ts";
import { originOf, readCheckpoint, writeCheckpoint } from "../store/checkpoint.ts";
import type { Gain, Training } from "../evaluate/measure.ts";
import { diskBytesOf } from "./disk_bytes.ts";
import { IterationTimer, LONG_RUN } from "./iteration_timer.ts";
import { readGain, readPace } from "./finished.ts";
import { type Setting, setUp } from "./set_up.ts";
import type { NetworkFile } from "../store/network_file.ts";
import { expectDistillable } from "../recipe/fitting.ts";
import { networksOf } from "../evaluate/pretrained.ts";
import { firstImages } from "../evaluate/real_sets.ts";
import { parseRecipe, rateAt, type Recipe, recipeToYaml } from "../recipe/recipe.ts";
import type { OuterLoop } from "./outer_loop.ts";
import { pictureTitle } from "./picture_title.ts";
import { writePicture } from "../store/picture.ts";
import { whitened } from "../meta/whiten.ts";

/** Where a run stands. */
export interface Progress {
  /** Iterations done. */
  iteration: number;
  /** Iterations in all. */
  iterations: number;
  /** Mean loss over networks on the iteration's real batch. */
  loss: number;
  /** Seconds of an iteration, the mean of all so far, those before a resumption counted in. */
  secondsPerIteration: number;
  /** Test accuracy, when it was just measured. */
  accuracy?: Accuracy;
  /** Reads the distilled data as it is now. */
  read(): Promise<DistilledArrays>;
}

/** Distilled data in the middle of a run. */
export interface DistilledArrays {
  /** [steps · perStep, C, H, W], as networks see them. */
  images: Float32Array;
  /** [steps · perStep, K]. */
  labels: Float32Array;
  /** Learning rates: one for each step, or one for all. */
  lrs: Float32Array;
}

/** What a run came to. */
export interface DistillResult extends Gain {
  /** Iterations in all, those before a resumption counted in. */
  iterations: number;
  /** Wall time of this call, and of the iterations before it where a run was resumed. */
  seconds: number;
  /** Dispatches of an outer iteration. */
  dispatches: number;
  /** The most bytes that tensors held on the GPU at once. */
  peakBytes: number;
  /** Path of the picture of the distilled data; left out for tables that have not two columns. */
  picture?: string;
  /** Paths of all files written. */
  files: string[];
}

/** What a long run takes, as its first iterations tell. */
export interface Outlook {
  /** Seconds of an iteration. */
  secondsPerIteration: number;
  /** Seconds of the iterations that are left; tests come on top. */
  seconds: number;
  /** Bytes of GPU memory. */
  memoryBytes: number;
  /** Bytes on disk at most. */
  diskBytes: number;
}

/** Where results go, and who hears of progress. */
export interface DistillOptions {
  /** Folder of the results; made if there is none. */
  readonly out: string;
  /** Whether to go on from the folder's checkpoint, if it has one. The recipe may then have more iterations than the
   * run had; where the rate falls as a cosine, a finished run. */
  readonly resume?: boolean;
  /** Bytes of GPU memory that the run may take; 4 GB when left out. The plan that fits best computes the
   * same numbers, unless only smaller parts of the real batch fit: their sums round otherwise. */
  readonly memoryBudget?: number;
  /** Called once with what memory is spent on, line by line. */
  readonly onPlan?: (lines: string[]) => void;
  /** Called with a line when something long begins before the first iteration or after the last. */
  readonly onNote?: (line: string) => void;
  /** Called before the first iteration and after each with the iterations done. */
  readonly onIteration?: (done: number, iterations: number) => void;
  /** Called after a few iterations where all would take ten minutes or more. */
  readonly onOutlook?: (outlook: Outlook) => void;
  /** Called every `log_every` iterations, with each accuracy, and at the end; a promise is waited for. */
  readonly onProgress?: (progress: Progress) => void | Promise<void>;
  /** Seconds after which a checkpoint is written even if none is due by `checkpoint_every`; 300 when left out. */
  readonly checkpointSeconds?: number;
  /** Called with the iterations done when a checkpoint of them has been written, or read. */
  readonly onCheckpoint?: (iteration: number) => void;
  /**
   * Ends the run early: it writes a checkpoint, and throws the signal's reason. An iteration of many seconds is
   * abandoned, and the checkpoint is of the one before.
   */
  readonly signal?: AbortSignal;
}

/** Seconds of an iteration from which one is abandoned where the run is to end; shorter ones are waited for. */
const SLOW = 2;

/** Seconds between checkpoints at most. */
const CHECKPOINT_SECONDS = 300;

/**
 * Distils a data set as a recipe says and writes the results to `out`.
 *
 * The same recipe on the same adapter gives the same bytes in `distilled.safetensors`, stopped and
 * resumed or not. Where the rate falls as a cosine, iterations given to a finished run change the rest of the schedule:
 * the artifact then says which lengths the run had.
 *
 * @throws Error when a number is not finite; the last good checkpoint stays.
 * @throws UsageError for a bad recipe, a folder that another run writes into, or with files in it unless a run is
 * resumed, a recipe and a data set that do not go together, or a run that does not fit into the memory budget; nothing
 * is written then.
 */
export async function distill(
  device: Device,
  given: Recipe,
  dataset: Dataset,
  options: DistillOptions,
): Promise<DistillResult> {
  const start = performance.now();
  const recipe = parseRecipe(given, given.name);
  expectDistillable(recipe, dataset);
  using _lock = await lockFolder(options.out);
  if (!options.resume) await expectEmpty(options.out);
  const networks = await networksOf(recipe);
  const seen = await whitened(device, dataset, recipe.zca, options);
  device.resetPeak();
  using run = new Run(device, recipe, seen, options, networks);
  await run.begin(await originOf(recipe, dataset, device.info.name, networks));
  await run.iterate();
  const gain = await run.finish();
  const files = filesOf(dataset).map((name) => `${options.out}/${name}`);
  const picture = pictureOf(dataset) && `${options.out}/${pictureOf(dataset)}`;
  const seconds = run.earlier + (performance.now() - start) / 1000;
  const { peakBytes } = device;
  const { iterations } = recipe;
  const done = { ...gain, iterations, seconds, dispatches: run.dispatches, peakBytes, files };
  return { ...done, ...(picture !== undefined && { picture }) };
}

/** One run: its log, its checkpoints and how far it is. */
class Run implements Disposable {
  readonly #recipe: Recipe;
  readonly #dataset: Dataset;
  readonly #options: DistillOptions;
  readonly #setting: Setting;
  readonly #device: Device;
  readonly #networks: NetworkFile | undefined;
  #origin: Record<string, string> = {};
  #metrics: MetricsLog | undefined;
  /** Iterations done, and those that the checkpoint on disk has, if there is one. */
  #done = 0;
  #saved: number | undefined;
  /** When it was written, or the run began. */
  #savedAt = performance.now();
  /** Seconds of the last iteration; the first may be long. */
  #seconds = Infinity;
  /** Seconds of the iterations before this call. */
  #earlier = 0;

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
    this.#setting = setUp(device, recipe, dataset, {
      memoryBudget: options.memoryBudget,
      file: networks,
      signal: options.signal,
    });
    options.onPlan?.(this.#setting.memory.lines);
  }

  get dispatches(): number {
    return this.#loop.dispatches;
  }

  get earlier(): number {
    return this.#earlier;
  }

  get #loop(): OuterLoop {
    return this.#setting.loop;
  }

  /** What the data is now, for networks to train on. */
  #training(): Training {
    this.#loop.derive();
    return { data: this.#loop.learned.data, spec: this.#setting.spec };
  }

  /** Fresh distilled data, or that of the checkpoint; what does not fit is refused before writing. */
  async begin(origin: Record<string, string>): Promise<void> {
    const { out, resume = false, onNote } = this.#options;
    this.#origin = origin;
    const checkpoint = resume
      ? await readCheckpoint(out, this.#recipe, origin, { mayContinue: true })
      : undefined;
    const { distill_lr: rate, momentum } = this.#recipe;
    const size = this.#loop.learned.data.images.length;
    const images = checkpoint
      ? new Float32Array(size)
      : await firstImages(this.#device, this.#recipe, this.#dataset, onNote);
    const { labels } = this.#setting;
    this.#loop.learned.initialize({ images, rate, momentum, ...(labels && { labels }) });
    if (checkpoint) {
      this.#loop.restore(checkpoint.tensors);
      this.#saved = this.#done = checkpoint.iteration;
      this.#origin = checkpoint.origin;
      this.#options.onCheckpoint?.(this.#done);
    }
    await removeUnfinished(out);
    await writeAtomic(`${out}/${FILES.recipe}`, recipeToYaml(this.#recipe));
    this.#metrics = await MetricsLog.open(`${out}/${FILES.metrics}`, checkpoint?.iteration);
    this.#earlier = this.#done * await readPace(out);
  }

  async iterate(): Promise<void> {
    const { iterations, log_every, eval_every, checkpoint_every } = this.#recipe;
    if (iterations === 0 && this.#saved === undefined) await this.#checkpoint();
    let paused = 0;
    const start = performance.now();
    const timer = new IterationTimer(this.#device, this.#loop);
    const { onIteration } = this.#options;
    if (this.#done < iterations) onIteration?.(this.#done, iterations);
    while (this.#done < iterations) {
      await this.#endIfAborted();
      if (timer.isDone) {
        await this.#step();
      } else {
        await timer.time(() => this.#step());
        if (timer.isDone) await this.#lookAhead(timer.seconds);
      }
      onIteration?.(this.#done, iterations);
      const due = (every: number) => every > 0 && this.#done % every === 0;
      const last = this.#done === iterations;
      if (!due(log_every) && !due(eval_every) && !due(checkpoint_every) && !last) {
        await this.#saveByTime();
        continue;
      }
      const loss = await this.#loss();
      const stop = performance.now();
      const secondsPerIteration = (this.#earlier + (stop - start - paused) / 1000) / this.#done;
      const accuracy = due(eval_every) && !last ? await this.#accuracy() : undefined;
      const found = { loss, secondsPerIteration, ...(accuracy && { accuracy }) };
      this.#log(found); // before the checkpoint: resuming drops what is later, and repeats it
      if (due(checkpoint_every) || last) await this.#checkpoint();
      else await this.#saveByTime();
      const progress = { ...found, iteration: this.#done, iterations, read: () => this.#read() };
      await this.#options.onProgress?.(progress);
      paused += performance.now() - stop;
    }
  }

  /** Takes the next iteration. One that takes long is abandoned where the run was asked to end, and leaves no trace. */
  async #step(): Promise<void> {
    const { signal } = this.#options;
    const before = signal && this.#seconds >= SLOW ? await this.#loop.save() : undefined;
    const start = performance.now();
    try {
      await this.#loop.iterate(this.#done, before && signal);
    } catch (error) {
      if (before && signal?.aborted && this.#saved !== this.#done) await this.#checkpoint(before);
      throw error;
    }
    this.#seconds = (performance.now() - start) / 1000;
    this.#done++;
  }

  /** Writes a checkpoint where the last was long ago; it changes nothing in the results. */
  async #saveByTime(): Promise<void> {
    const { checkpointSeconds = CHECKPOINT_SECONDS } = this.#options;
    if (performance.now() - this.#savedAt >= 1000 * checkpointSeconds) await this.#checkpoint();
  }

  async #lookAhead(secondsPerIteration: number): Promise<void> {
    const seconds = (this.#recipe.iterations - this.#done) * secondsPerIteration;
    if (seconds < LONG_RUN) return;
    const about = { recipe: this.#recipe, dataset: this.#dataset, device: this.#device };
    const diskBytes = await diskBytesOf(this.#setting, this.#training(), about);
    const memoryBytes = this.#setting.memory.bytes;
    this.#options.onOutlook?.({ secondsPerIteration, seconds, memoryBytes, diskBytes });
  }

  async #read(): Promise<DistilledArrays> {
    const { images, labels, lrs } = this.#training().data;
    return { images: await images.read(), labels: await labels.read(), lrs: await lrs.read() };
  }

  /** Where the run was asked to end: writes a checkpoint first. @throws the signal's reason. */
  async #endIfAborted(): Promise<void> {
    const { signal } = this.#options;
    if (!signal?.aborted) return;
    if (this.#saved !== this.#done) await this.#checkpoint();
    signal.throwIfAborted();
  }

  /** Writes the artifact, then tests it and draws the picture. */
  async finish(): Promise<Gain> {
    const { out } = this.#options;
    const setting = this.#setting;
    const training = this.#training();
    await setting.complete?.();
    const artifact = await artifactOf(training, {
      recipe: this.#recipe,
      dataset: this.#dataset,
      adapter: this.#device.info.name,
      init: await setting.initial(),
      file: this.#networks,
      lengths: this.#origin.iterations!,
    });
    await writeArtifact(out, artifact);
    this.#options.onNote?.("Testing on the distilled data, and without them");
    const gain = await setting.gain(training);
    await writePicture(out, artifact, pictureTitle(artifact, gain), this.#dataset);
    const isLogged = await readGain(out, this.#done) !== undefined; // as when a finished run is resumed
    if (!isLogged) this.#metrics!.append({ iteration: this.#done, ...gain });
    return gain;
  }

  async #accuracy(): Promise<Accuracy> {
    return await this.#setting.accuracy(this.#training());
  }

  async #loss(): Promise<number> {
    const loss = await this.#loop.loss();
    if (!Number.isFinite(loss)) throw this.#diverged(`a loss of ${loss}`);
    return loss;
  }

  async #checkpoint(tensors?: Awaited<ReturnType<OuterLoop["save"]>>): Promise<void> {
    tensors ??= await this.#loop.save();
    for (const [name, { data }] of Object.entries(tensors)) {
      const bad = data.find((value) => !Number.isFinite(value));
      if (bad !== undefined) throw this.#diverged(`${bad} in ${name}`);
    }
    await writeCheckpoint(this.#options.out, tensors, this.#done, this.#origin);
    this.#saved = this.#done;
    this.#savedAt = performance.now();
    this.#options.onCheckpoint?.(this.#done);
  }

  #diverged(got: string): Error {
    const { objective, lr, distill_lr } = this.#recipe;
    const kept = this.#saved === undefined
      ? "there was no checkpoint yet"
      : `the last good checkpoint, of iteration ${this.#saved}, stays in ${this.#options.out}`;
    return new Error(
      `Cannot go on at iteration ${this.#done}: got ${got}, expected finite numbers; lower lr ` +
        `(now ${lr})${
          objective === "kernel" ? "" : ` or distill_lr (now ${distill_lr})`
        } and start in ` +
        `another folder; ${kept}`,
    );
  }

  #log({ loss, ...rest }: Omit<Progress, "iteration" | "iterations" | "read">): void {
    const rate = rateAt(this.#recipe, this.#done - 1);
    this.#metrics!.append({ iteration: this.#done, loss, rate, ...rest });
  }

  [Symbol.dispose](): void {
    this.#loop[Symbol.dispose]();
    this.#metrics?.[Symbol.dispose]();
  }
}
