/**
 * Sweep: one recipe at several values of up to two settings, several runs each, as in Figures 4
 * and 5 of Wang et al. 2018; without settings, restarts. Runs are ordinary folders of results; finished
 * ones are kept.
 */
import { type Dataset, publicName } from "../sets/dataset.ts";
import type { Device } from "../gpu/mod.ts";
import { writeAtomic } from "../base/atomic.ts";
import { snakeKeys } from "../base/casing.ts";
import { summarize } from "../evaluate/accuracy.ts";
import { FILES } from "../store/artifact.ts";
import { expectUnlocked, lockFolder } from "../store/folder_lock.ts";
import { originOf, readCheckpoint } from "../store/checkpoint.ts";
import { distill, type DistillOptions } from "./distill.ts";
import type { Gain } from "../evaluate/measure.ts";
import { whitenedForm } from "../meta/whiten.ts";
import { readGain, runIn } from "./finished.ts";
import { networksOf } from "../evaluate/pretrained.ts";
import { setUp } from "./set_up.ts";
import { expectDistillable } from "../recipe/fitting.ts";
import { filesIn } from "./unused.ts";
import { loadRecipe, type Recipe, recipeToYaml } from "../recipe/recipe.ts";
import { UsageError } from "../base/usage_error.ts";
import { version } from "../base/version.ts";

/** Values of settings by name, such as `{ steps: [1, 2, 5] }`: the first is the x axis. None are restarts alone. */
export type Over = Readonly<Record<string, readonly unknown[]>>;

/** A run of a sweep. */
export interface PlannedRun {
  /** Values of the settings that are swept over. */
  readonly settings: Readonly<Record<string, unknown>>;
  /** What tells it from the other runs: "steps 1, seed 2". */
  readonly title: string;
  /** What to distil. */
  readonly recipe: Recipe;
  /** Folder of its results. */
  readonly out: string;
}

/** All runs of a sweep, those of the same settings side by side. */
export interface SweepPlan {
  /** Name of the recipe. */
  readonly name: string;
  /** What is swept over. */
  readonly over: Over;
  /** Folder of the results. */
  readonly out: string;
  /** Runs of the same settings, each with a seed of its own. */
  readonly repeats: number;
  /** Every run. */
  readonly runs: readonly PlannedRun[];
}

/** Mean and unbiased standard deviation over runs, of the mean accuracy of each; fractions. */
export interface Spread {
  /** Mean over runs, 0 … 1. */
  mean: number;
  /** Unbiased standard deviation over runs; 0 for one run. */
  std: number;
}

/** A run that came to its end. */
export interface FinishedRun extends Gain {
  /** Its seed. */
  seed: number;
  /** Its folder. */
  out: string;
}

/** A run that did not. */
export interface FailedRun {
  /** Its seed. */
  seed: number;
  /** Its folder. */
  out: string;
  /** Why. */
  error: string;
}

/** What the runs of the same settings came to. */
export interface SweepPoint {
  /** Values of the settings that were swept over. */
  settings: Record<string, unknown>;
  /** Test accuracy before training, over the runs that finished; absent where none did. */
  before?: Spread;
  /** Test accuracy after training on the distilled data, over the same runs. */
  after?: Spread;
  /** Runs that finished. */
  runs: FinishedRun[];
  /** Runs that failed. */
  failed: FailedRun[];
}

/** What a sweep came to. */
export interface SweepResult {
  /** Name of the recipe. */
  recipe: string;
  /** What was swept over. */
  over: Over;
  /** Name of the adapter. */
  adapter: string;
  /** Version of Retort. */
  version: string;
  /** A point for every combination, the last setting fastest. */
  points: SweepPoint[];
}

/** Who hears how a sweep goes on, and as from {@linkcode distill} how the run at hand does. */
export interface SweepOptions
  extends Pick<DistillOptions, "onNote" | "onIteration" | "onOutlook" | "onProgress"> {
  /** Called before each run with its number from 0, and whether it was finished before. */
  readonly onRun?: (run: PlannedRun, index: number, isFinished: boolean) => void;
  /** Called after a run that failed with its number from 0 and why; the others go on. */
  readonly onFailure?: (run: PlannedRun, index: number, error: unknown) => void;
  /** Ends the sweep early: the run at hand writes a checkpoint, and the signal's reason is thrown. */
  readonly signal?: AbortSignal;
}

/** Names of the files in a sweep's folder, beside the folders of its runs. */
const SWEEP_FILES = { result: "sweep.json", plot: "sweep.svg" } as const;

/**
 * Lists the runs of a sweep and checks the recipe of each.
 *
 * @param settings settings that all runs share; `seed` is that of the first of `repeats` runs.
 * @param out folder of the results; named after the recipe and what is swept over when left out.
 * @throws UsageError when a recipe is bad, or for more than two settings, or name or seed.
 */
export async function planSweep(
  nameOrFile: string,
  settings: Readonly<Record<string, unknown>>,
  over: Over,
  repeats: number,
  out?: string,
): Promise<SweepPlan> {
  const keys = Object.keys(over);
  if (keys.length > 2 || keys.includes("seed") || keys.includes("name")) {
    throw new UsageError(
      `Cannot sweep over ${keys.join(", ")}: expected one or two settings other than ` +
        `name and seed (every run has a seed of its own; --runs says how many)`,
    );
  }
  const all = combinations(over);
  const { name, seed } = await loadRecipe(nameOrFile, { ...settings, ...all[0] });
  const folder = out ?? `out/${name}-${keys.length > 0 ? `by-${keys.join("-")}` : "restarts"}`;
  const runs: PlannedRun[] = [];
  for (const values of all) {
    for (let i = 0; i < repeats; i++) {
      const recipe = await loadRecipe(nameOrFile, { ...settings, ...values, seed: seed + i });
      const parts = Object.entries({ ...values, seed: recipe.seed });
      const title = parts.map(([key, value]) => `${key} ${show(value)}`).join(", ");
      const run = parts.map(([key, value]) => `${key}-${encodeURIComponent(show(value))}`);
      runs.push({ settings: values, title, recipe, out: `${folder}/${run.join("_")}` });
    }
  }
  return { name, over, out: folder, repeats, runs };
}

/** Every combination of values, the last setting fastest. */
function combinations(over: Over): Record<string, unknown>[] {
  return Object.entries(over).reduce<Record<string, unknown>[]>(
    (found, [key, values]) =>
      found.flatMap((earlier) => values.map((value) => ({ ...earlier, [key]: value }))),
    [{}],
  );
}

/**
 * Distils every run of a plan that is not finished, and writes `sweep.json` and, where it is over a setting,
 * `sweep.svg`. Every run is checked before the first begins. One that fails later leaves the others to go on.
 * Stopped, or with runs that failed, it goes on where it was when it is called again.
 *
 * @param datasetOf the data set of a recipe.
 * @throws UsageError for a run that does not go with its data set, does not fit into memory, or whose folder has
 * one of other settings, other data or another adapter, or one at work.
 */
export async function sweep(
  device: Device,
  plan: SweepPlan,
  datasetOf: (recipe: Recipe) => Dataset,
  options: SweepOptions = {},
): Promise<SweepResult & { files: string[] }> {
  const gains: (Gain | undefined)[] = [];
  for (const run of plan.runs) gains.push(await checked(device, run, datasetOf(run.recipe)));
  using _lock = await lockFolder(plan.out);
  const points: SweepPoint[] = [];
  for (let first = 0; first < plan.runs.length; first += plan.repeats) {
    const runs: FinishedRun[] = [];
    const failed: FailedRun[] = [];
    for (const [i, run] of plan.runs.slice(first, first + plan.repeats).entries()) {
      const { recipe: { seed }, out } = run;
      const index = first + i;
      options.signal?.throwIfAborted();
      options.onRun?.(run, index, gains[index] !== undefined);
      try {
        const gain = gains[index] ?? await gainOf(device, run, datasetOf(run.recipe), options);
        runs.push({ seed, out, ...gain });
      } catch (error) {
        options.signal?.throwIfAborted();
        options.onFailure?.(run, index, error);
        failed.push({ seed, out, error: error instanceof Error ? error.message : String(error) });
      }
    }
    const { settings } = plan.runs[first]!;
    points.push({ settings, ...(runs.length > 0 && spreadsOf(runs)), runs, failed });
  }
  const { name: recipe, over } = plan;
  const adapter = device.info.name;
  const result = { recipe, over, adapter, version, points };
  const [json, svg] = Object.values(SWEEP_FILES).map((name) => `${plan.out}/${name}`);
  await writeAtomic(json!, `${JSON.stringify(snakeKeys(result), null, 2)}\n`);
  const finished = points.filter(({ runs }) => runs.length > 0);
  if (Object.keys(over).length === 0 || finished.length === 0) return { ...result, files: [json!] };
  await writeAtomic(svg!, await draw(plan, finished));
  return { ...result, files: [json!, svg!] };
}

/**
 * The accuracies of a run that is finished. Of any other it makes sure that it can begin: that it goes with the data
 * set, fits into memory, and would go on with a run of its own settings.
 *
 * @throws Error where it cannot.
 */
async function checked(
  device: Device,
  { title, recipe, out }: PlannedRun,
  dataset: Dataset,
): Promise<Gain | undefined> {
  try {
    expectDistillable(recipe, dataset);
    const networks = await networksOf(recipe);
    const seen = whitenedForm(dataset, recipe.zca);
    device.count(() => setUp(device, recipe, seen, { file: networks }).loop);
    const origin = await originOf(recipe, dataset, device.info.name, networks);
    const gain = await gainIn(out, recipe, origin);
    if (!gain) await expectFree(out, recipe);
    return gain;
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    const Kind = error instanceof UsageError ? UsageError : Error;
    throw new Kind(`Cannot sweep, at ${title}: ${error.message}`, { cause: error });
  }
}

/** The accuracies that a finished run left in its folder. @throws UsageError where it is a run of other settings. */
async function gainIn(
  out: string,
  recipe: Recipe,
  origin: Record<string, string>,
): Promise<Gain | undefined> {
  const checkpoint = await readCheckpoint(out, recipe, origin).catch((error) => {
    if (error instanceof UsageError) throw error;
    return undefined; // it is damaged: the run says so in its turn, and the others need not wait for it
  });
  const isDone = checkpoint?.iteration === recipe.iterations;
  return isDone ? await readGain(out, recipe.iterations) : undefined;
}

/**
 * Makes sure that no run is at work in a folder, and that it is empty or has one of these settings, perhaps stopped
 * before its first checkpoint; those of a checkpoint are known.
 *
 * @throws UsageError where it has anything else.
 */
async function expectFree(out: string, recipe: Recipe): Promise<void> {
  await expectUnlocked(out);
  const files = await filesIn(out);
  if (files.length === 0 || files.includes(FILES.checkpoint)) return;
  const run = await runIn(out);
  if (run && recipeToYaml(run.recipe) === recipeToYaml(recipe)) return;
  throw new UsageError(
    `Cannot write to ${out}: got ${
      files[0]
    } there, expected no files or a run of these settings; ` +
      `choose another --out`,
  );
}

/** Distils a run, and reads its accuracies. */
async function gainOf(
  device: Device,
  { recipe, out }: PlannedRun,
  dataset: Dataset,
  options: SweepOptions,
): Promise<Gain> {
  await distill(device, recipe, dataset, { ...options, out, resume: true });
  return (await readGain(out, recipe.iterations))!;
}

/** Means and standard deviations over runs. */
function spreadsOf(runs: readonly FinishedRun[]): { before: Spread; after: Spread } {
  const spreadOf = (when: "before" | "after") => {
    const { mean, std } = summarize(runs.map((run) => run[when].mean));
    return { mean, std };
  };
  return { before: spreadOf("before"), after: spreadOf("after") };
}

async function draw({ name, over, repeats }: SweepPlan, points: SweepPoint[]): Promise<string> {
  const { plotErrorBars } = await import("../report/error_bars.ts"); // large; only here needed
  const [xLabel = "", line] = Object.keys(over);
  const isNumeric = over[xLabel]!.every((value) => typeof value === "number");
  const xOf = labelsOf(over[xLabel]!);
  const lineOf = labelsOf(line === undefined ? [] : over[line]!);
  const runs = repeats === 1 ? "1 run each" : `mean of ${repeats} runs each, bars ± 1 std`;
  return plotErrorBars({
    title: `${name}: ${runs}`,
    xLabel,
    yLabel: "Test accuracy (%)",
    bars: points.map(({ settings, after }) => ({
      x: isNumeric ? Number(settings[xLabel]) : xOf(settings[xLabel]),
      mean: 100 * after!.mean,
      std: 100 * after!.std,
      ...(line !== undefined && { series: `${line} ${lineOf(settings[line])}` }),
    })),
  });
}

function show(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}

/** What values are called in a plot, which others may see: without paths, and numbered where that leaves some alike. */
function labelsOf(values: readonly unknown[]): (value: unknown) => string {
  const labels = values.map((value) => publicName(show(value)));
  return (value) => {
    const label = labels[values.indexOf(value)]!;
    const alike = values.filter((_, i) => labels[i] === label);
    return alike.length > 1 ? `${label} ${alike.indexOf(value) + 1}` : label;
  };
}
