/** Finished: what a finished run's folder tells of it. */
import { z } from "npm:zod@4.6.7";
import { UsageError } from "../base/usage_error.ts";
import { readIfPresent } from "../base/read_if_present.ts";
import { quoted } from "../base/text.ts";
import type { Accuracy } from "../evaluate/accuracy.ts";
import type { Gain } from "../evaluate/measure.ts";
import { loadRecipe, type Recipe } from "../recipe/recipe.ts";
import { FILES, readArtifact } from "../store/artifact.ts";
import { type MetricsRecord, readMetrics } from "../store/metrics.ts";

/** A finished run in short. */
export interface RunSummary {
  /** Its folder. */
  dir: string;
  /** Every setting. */
  recipe: Recipe;
  /** Distilled images, or rows of a table, in all. */
  images: number;
  /** Test accuracy of the initial networks. */
  before: Accuracy;
  /** Test accuracy after training on the distilled data. */
  after: Accuracy;
  /** What predicts, where it is not networks that trained as recorded. */
  by?: Gain["by"];
  /** Loss of the last iteration; absent where it was not finite. */
  loss?: number;
  /** Seconds that all iterations took, by their mean. */
  seconds?: number;
  /** Name of the adapter. */
  adapter: string;
  /** Version of Retort. */
  version: string;
}

/**
 * Reads what a finished run's folder tells of it.
 *
 * @throws Error for a folder that has no finished run, or a damaged one.
 */
export async function readRun(dir: string): Promise<RunSummary> {
  const { images, metadata } = await readArtifact(dir);
  const records = await readMetrics(`${dir}/${FILES.metrics}`);
  const recipe = await recipeOf(dir);
  const gain = gainAt(records, dir, recipe.iterations);
  if (!gain) {
    throw new Error(
      `Cannot read the run in ${dir}: got no accuracies in ${FILES.metrics}, expected a finished run; ` +
        `finish it with --resume --out ${dir}`,
    );
  }
  const last = records.findLast((record) => "loss" in record);
  const loss = last?.loss as number | null | undefined; // JSON has null for what is not finite
  const each = last?.secondsPerIteration as number | undefined;
  return {
    dir,
    recipe,
    images: images.shape[0]!,
    before: gain.before,
    after: gain.after,
    ...(gain.by && { by: gain.by }),
    ...(typeof loss === "number" && { loss }),
    ...(each !== undefined && { seconds: each * recipe.iterations }),
    adapter: metadata.adapter ?? "unknown",
    version: metadata.retort_version ?? "unknown",
  };
}

/**
 * The accuracies that a run logged in its folder `dir` when it was finished, at an iteration or the last time; undefined
 * when there are none.
 */
export async function readGain(dir: string, iteration?: number): Promise<Gain | undefined> {
  return gainAt(await readMetrics(`${dir}/${FILES.metrics}`), dir, iteration);
}

/** What a record of the accuracies must have. */
const gainSchema = z.looseObject({ before: accuracySchema(), after: accuracySchema() });

function accuracySchema() {
  const networks = z.int().min(1);
  return z.object({ mean: z.number().min(0).max(1), std: z.number().min(0), networks });
}

/** The last record with accuracies of a finished run, or that of an iteration: a run may have been given more since. */
function gainAt(
  records: readonly MetricsRecord[],
  dir: string,
  iteration?: number,
): Gain | undefined {
  const record = records.findLast((record) =>
    "before" in record && (iteration === undefined || record.iteration === iteration)
  );
  if (!record) return undefined;
  if (!gainSchema.safeParse(record).success) {
    throw new SyntaxError(
      `Cannot read ${dir}/${FILES.metrics}: got ${quoted(record)}, expected the accuracies ` +
        `before and after, each with mean, std and networks; mend or remove the line`,
    );
  }
  const { before, after, by, archs, attack } = record as unknown as Gain;
  return { before, after, ...(by && { by }), ...(archs && { archs }), ...(attack && { attack }) };
}

/** Seconds of an iteration that a run logged in its folder `dir`, the mean of all; 0 where there are none. */
export async function readPace(dir: string): Promise<number> {
  const timed = (await readMetrics(`${dir}/${FILES.metrics}`)).findLast((record) =>
    "secondsPerIteration" in record
  );
  return (timed?.secondsPerIteration ?? 0) as number;
}

/** A run in a folder of results, finished or not. */
export interface FolderRun {
  /** Every setting. */
  recipe: Recipe;
  /** Whether it has its results. */
  isFinished: boolean;
}

/** The run in a folder of results; undefined where there is none. @throws UsageError for a recipe that is none. */
export async function runIn(dir: string): Promise<FolderRun | undefined> {
  const path = `${dir}/${FILES.recipe}`;
  if (await readIfPresent(path) === undefined) return undefined;
  const recipe = await loadRecipe(path, {});
  return { recipe, isFinished: await readGain(dir, recipe.iterations) !== undefined };
}

/** A run's settings; the folder is at fault where they cannot be read, not the command line. */
async function recipeOf(dir: string): Promise<Recipe> {
  const path = `${dir}/${FILES.recipe}`;
  if (await readIfPresent(path) === undefined) {
    throw new Error(`Cannot read ${path}: got no such file, expected the folder of a finished run`);
  }
  return await loadRecipe(path, {}).catch((error) => {
    throw error instanceof UsageError ? new Error(error.message, { cause: error }) : error;
  });
}
