/** Finished: what a finished run's folder tells of it. */
import { readIfPresent } from "../base/read_if_present.ts";
import type { Accuracy } from "../evaluate/accuracy.ts";
import type { Gain } from "../evaluate/evaluate.ts";
import { loadRecipe, type Recipe } from "../recipe/recipe.ts";
import { FILES, readArtifact } from "../store/artifact.ts";

/** A finished run in short. */
export interface RunSummary {
  /** Its folder. */
  dir: string;
  /** Every setting. */
  recipe: Recipe;
  /** Test accuracy of the initial networks. */
  before: Accuracy;
  /** Test accuracy after training on the distilled data. */
  after: Accuracy;
  /** Loss of the last iteration. */
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
 * @throws Error for a folder that has no finished run.
 */
export async function readRun(dir: string): Promise<RunSummary> {
  const { metadata } = await readArtifact(dir);
  const records = await recordsOf(dir);
  const gain = records.findLast((record) => "before" in record);
  if (!gain) {
    throw new Error(
      `Cannot read the run in ${dir}: got no accuracies in ${FILES.metrics}, expected a finished run; ` +
        `finish it with --resume --out ${dir}`,
    );
  }
  const recipe = await loadRecipe(`${dir}/${FILES.recipe}`, {});
  const last = records.findLast((record) => "loss" in record);
  const each = last?.secondsPerIteration as number | undefined;
  return {
    dir,
    recipe,
    before: gain.before as Accuracy,
    after: gain.after as Accuracy,
    ...(last && { loss: last.loss as number }),
    ...(each !== undefined && { seconds: each * recipe.iterations }),
    adapter: metadata.adapter ?? "unknown",
    version: metadata.retort_version ?? "unknown",
  };
}

/** The accuracies that a finished run logged in its folder `dir`; undefined when there are none. */
export async function readGain(dir: string): Promise<Gain | undefined> {
  const gain = (await recordsOf(dir)).findLast((record) => "before" in record);
  if (!gain) return undefined;
  const { before, after, attack } = gain as unknown as Gain;
  return { before, after, ...(attack && { attack }) };
}

/** The records of a run's log; none where there is no log. */
async function recordsOf(dir: string): Promise<Record<string, unknown>[]> {
  const text = await readIfPresent(`${dir}/${FILES.metrics}`) ?? "";
  return text.trimEnd().split("\n").filter((line) => line !== "").map((line) => JSON.parse(line));
}
