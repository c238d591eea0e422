/** Learned rates: those of a finished run, for baselines in the same setting. */
import type { Dataset } from "../data/dataset.ts";
import { metadataOf, readArtifact } from "./artifact.ts";
import type { Recipe } from "./recipe.ts";
import { UsageError } from "./usage_error.ts";

/**
 * The rates [steps · epochs] of the run in `dir`, if one is given.
 *
 * @throws UsageError when that run had another data set, network, size or initialisation.
 */
export async function learnedRates(
  recipe: Recipe,
  dataset: Dataset,
  dir: string | undefined,
): Promise<Float32Array | undefined> {
  if (dir === undefined) return;
  const { metadata, lrs } = await readArtifact(dir);
  const wanted = metadataOf(recipe, dataset, "");
  const fixed = ["dataset", "arch", "steps", "per_step", "init", "init_method", "init_param"];
  for (const key of [...fixed, "seed"] as (keyof typeof wanted)[]) {
    if (metadata[key] === wanted[key]) continue;
    throw new UsageError(
      `Cannot compare with ${dir}: got ${key} ${metadata[key]}, expected ${wanted[key]} as in ` +
        `recipe ${recipe.name}; give --recipe ${dir}/recipe.yaml`,
    );
  }
  return lrs.data;
}
