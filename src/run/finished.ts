/** Finished: what a finished run's folder tells of it. */
import { UsageError } from "../base/usage_error.ts";
import { readIfPresent } from "../base/read_if_present.ts";
import type { Accuracy } from "../evaluate/accuracy.ts";
import type { Gain } from "../evaluate/measure.ts";
import { loadRecipe, type Recipe } from "../recipe/recipe.ts";
import { FILES, readArtifact } from "../store/artifact.ts";

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
  /** Seconds that all iterations took, by the mean of the last call. */
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
  const records = await recordsOf(dir);
  const gain = records.findLast((record) => "before" in record);
  if (!gain) {
    throw new Error(
      `Cannot read the run in ${dir}: got no accuracies in ${FILES.metrics}, expected a finished run; ` +
        `finish it with --resume --out ${dir}`,
    );
  }
  const recipe = await recipeOf(dir);
  const last = records.findLast((record) => "loss" in record);
  const loss = last?.loss as number | null | undefined; // JSON has null for what is not finite
  const each = last?.secondsPerIteration as number | undefined;
  return {
    dir,
    recipe,
    images: images.shape[0]!,
    before: gain.before as Accuracy,
    after: gain.after as Accuracy,
    ...(gain.by !== undefined && { by: gain.by as NonNullable<Gain["by"]> }),
    ...(typeof loss === "number" && { loss }),
    ...(each !== undefined && { seconds: each * recipe.iterations }),
    adapter: metadata.adapter ?? "unknown",
    version: metadata.retort_version ?? "unknown",
  };
}

/** The accuracies that a finished run logged in its folder `dir`; undefined when there are none. */
export async function readGain(dir: string): Promise<Gain | undefined> {
  const gain = (await recordsOf(dir)).findLast((record) => "before" in record);
  if (!gain) return undefined;
  const { before, after, by, archs, attack } = gain as unknown as Gain;
  return { before, after, ...(by && { by }), ...(archs && { archs }), ...(attack && { attack }) };
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

/** The records of a run's log; none where there is no log. */
async function recordsOf(dir: string): Promise<Record<string, unknown>[]> {
  const path = `${dir}/${FILES.metrics}`;
  const text = await readIfPresent(path) ?? "";
  const lines = text.split("\n").slice(0, -1); // a line without its end is one that a kill cut off
  return lines.map((line, i) => {
    const record = parseObject(line);
    if (record) return record;
    throw new SyntaxError(
      `Cannot read ${path}: got ${JSON.stringify(line)} on line ${
        i + 1
      }, expected a JSON object; ` +
        `mend or remove the line`,
    );
  });
}

function parseObject(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? { ...value } : undefined;
  } catch {
    return undefined;
  }
}
