// compare_command: finished runs side by side.
import type { Recipe, RunSummary } from "../../mod.ts";
import {
  describeAccuracy,
  describeDuration,
  describePredictor,
  describeSetting,
  table,
} from "./session.ts";
import type { Outcome, Retort, Session } from "./session.ts";

/** Settings that the first table shows of every run. */
const SHOWN: readonly string[] = ["name", "dataset", "arch", "steps", "per_class", "iterations"];

/** Settings that change no result. */
const LEFT_OUT: readonly string[] = ["checkpoint_every", "eval_every", "log_every"];

/** Reads finished runs: a table of their results, and one of the settings that differ. */
export async function compareCommand(session: Session, dirs: string[]): Promise<Outcome> {
  const { retort } = session;
  const runs: RunSummary[] = [];
  for (const dir of dirs) runs.push(await retort.readRun(dir));
  const differing = differingSettings(runs);
  const lines = table([HEAD, ...runs.map((run) => describeRun(retort, run))]);
  if (differing.length > 0) {
    const rows = runs.map((
      { dir, recipe },
    ) => [dir, ...differing.map((key) => describeSetting(recipe[key]))]);
    lines.push("", "Settings that differ besides", ...table([["run", ...differing], ...rows]));
  }
  return { values: { runs }, lines };
}

const HEAD = [
  "run",
  "recipe",
  "data set",
  "network",
  "images (steps × per class)",
  "iterations",
  "before",
  "after",
  "tested on",
  "loss",
  "iterations took",
  "adapter",
  "Retort",
];

function describeRun(
  retort: Retort,
  { dir, recipe, images, before, after, ...rest }: RunSummary,
): string[] {
  const { by, loss, seconds, adapter, version } = rest;
  return [
    dir,
    recipe.name,
    recipe.dataset,
    describeArch(retort, recipe),
    `${images} (${recipe.steps} × ${recipe.per_class})`,
    `${recipe.iterations}`,
    describeAccuracy(before),
    describeAccuracy(after),
    describePredictor({ after, ...(by && { by }) }),
    loss === undefined ? "-" : loss.toPrecision(3),
    seconds === undefined ? "-" : describeDuration(seconds),
    adapter,
    version,
  ];
}

/** A name, how many layers there are, or what each of several networks is called. */
function describeArch({ archsOf, labelsOf }: Retort, { arch }: Recipe): string {
  const archs = archsOf(arch);
  const [only] = archs;
  if (archs.length > 1) return labelsOf(archs).join(", ");
  return typeof only === "string" ? only : `${only!.length} layers`;
}

/** Settings that are not the same in all runs and that the first table does not tell. */
function differingSettings(runs: readonly RunSummary[]): (keyof Recipe)[] {
  const hasLayers = runs.some(({ recipe }) => typeof recipe.arch !== "string");
  const keys = Object.keys(runs[0]!.recipe) as (keyof Recipe)[];
  return keys.filter((key) => {
    const isTold = SHOWN.includes(key) && !(key === "arch" && hasLayers);
    return !isTold && !LEFT_OUT.includes(key) &&
      new Set(runs.map(({ recipe }) => describeSetting(recipe[key]))).size > 1;
  });
}
