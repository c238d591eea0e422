/** Learned rates: those of a finished run, for baselines in the same setting. */
import type { Dataset } from "../sets/dataset.ts";
import { metadataOf, readArtifact } from "../store/artifact.ts";
import type { NetworkFile } from "../store/network_file.ts";
import type { Recipe } from "../recipe/recipe.ts";
import { UsageError } from "../base/usage_error.ts";

/** What must be the same for the rates to be those of a recipe. */
const SAME = [
  "dataset",
  "resize",
  "pad",
  "channels",
  "zca",
  "arch",
  "steps",
  "steps_total",
  "inner_batch",
  "optimizer",
  "loss",
  "per_step",
  "init",
  "init_method",
  "init_param",
  "seed",
  "pretrained_sha256",
  "attack",
];

/**
 * The rates [steps · epochs] of the run in `dir`, if one is given.
 *
 * @throws UsageError when that run had another data set, network, size or initialisation.
 */
export async function learnedRates(
  recipe: Recipe,
  dataset: Dataset,
  dir: string | undefined,
  networks: NetworkFile | undefined,
): Promise<Float32Array | undefined> {
  if (dir === undefined) return;
  const { metadata, lrs } = await readArtifact(dir);
  const wanted = metadataOf(recipe, dataset, "", networks);
  for (const key of SAME) {
    const [got, expected] = [metadata[key] ?? "none", wanted[key] ?? "none"];
    if (got === expected) continue;
    throw new UsageError(
      `Cannot compare with ${dir}: got ${key} ${got}, expected ${expected} as in recipe ` +
        `${recipe.name}; give --recipe ${dir}/recipe.yaml`,
    );
  }
  return lrs.data;
}
