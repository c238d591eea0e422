// run_folder: which folder a run goes to, and what to do where that has one already.
import type { FolderRun, Recipe } from "../../mod.ts";
import { describeSetting, type Retort } from "./session.ts";

/** Settings that differ, as many as a message tells. */
const TOLD = 3;

/**
 * Folders of runs without --out: `base` and then `base`-2, `base`-3, …, in the order in which they were taken. They have
 * files, or a run that has only begun and wrote none yet.
 */
async function takenFolders(
  { filesIn, isLocked }: Retort,
  base: string,
): Promise<[number, string][]> {
  const [, parent = ".", name] = /^(?:(.*)\/)?([^/]*)$/.exec(base)!;
  const taken: [number, string][] = [];
  for (const entry of await filesIn(parent)) {
    const number = entry === name ? "1" : entry.slice(name!.length + 1);
    const isNumbered = entry === name || entry === `${name}-${number}` && /^[1-9]\d*$/.test(number);
    const folder = `${parent}/${entry}`;
    if (!isNumbered) continue;
    if ((await filesIn(folder)).length > 0 || await isLocked(folder)) {
      taken.push([Number(number), folder]);
    }
  }
  return taken.sort(([a], [b]) => a - b);
}

/** Where a run goes without --out: to `base`, or where that is taken to the next of `base`-2, `base`-3, …. */
export async function nextFolder(retort: Retort, base: string): Promise<string> {
  const last = (await takenFolders(retort, base)).at(-1)?.[0] ?? 0;
  return last === 0 ? base : `${base}-${last + 1}`;
}

/** Makes sure that a folder is free for a run of `recipe`. @throws UsageError that says what fits its case. */
export async function expectFree(retort: Retort, out: string, recipe: Recipe): Promise<void> {
  await retort.expectUnlocked(out);
  const [file] = await retort.filesIn(out);
  if (file === undefined) return;
  const advice = describeTaken(await retort.runIn(out), recipe, out, file);
  throw new retort.UsageError(`Cannot write to ${out}: ${advice}`);
}

function describeTaken(
  run: FolderRun | undefined,
  recipe: Recipe,
  out: string,
  file: string,
): string {
  if (!run) return `it already has ${file}; choose another --out`;
  const differences = differencesOf(recipe, run.recipe);
  if (differences.length > 0) {
    return `it has a run of other settings: got ${differences.join(", ")}; choose another --out`;
  }
  const more = recipe.iterations > run.recipe.iterations ? `${recipe.iterations}` : "MORE";
  return run.isFinished
    ? `it has a finished run of these settings, which compare ${out} shows; give it more with ` +
      `--resume --out ${out} --iterations ${more}, or choose another --out`
    : `it has an unfinished run of these settings; go on with it by --resume --out ${out}, or ` +
      `choose another --out`;
}

/** What a run would need to have to go on as `asked`: "lr 0.1, there 0.05" for each setting that is not so. */
export function differencesOf(asked: Recipe, saved: Recipe): string[] {
  const keys = (Object.keys(asked) as (keyof Recipe)[]).filter((key) => {
    if (key === "iterations") return asked.iterations < saved.iterations;
    return describeSetting(asked[key]) !== describeSetting(saved[key]);
  });
  const told = keys.slice(0, TOLD).map((key) =>
    `${key} ${describeSetting(asked[key])}, there ${describeSetting(saved[key])}`
  );
  return keys.length > TOLD ? [...told, `and ${keys.length - TOLD} more`] : told;
}

/**
 * The newest folder of the runs without --out that has one to go on with as `asked`; undefined where there are no runs.
 *
 * @throws UsageError where there are runs, but of other settings.
 */
export async function folderToResume(
  retort: Retort,
  base: string,
  asked: Recipe,
): Promise<string | undefined> {
  const taken = (await takenFolders(retort, base)).map(([, folder]) => folder).reverse();
  let newest: string | undefined;
  for (const folder of taken) {
    const run = await retort.runIn(folder);
    const differences = run && differencesOf(asked, run.recipe);
    if (differences?.length === 0) return folder;
    if (differences) newest ??= `got ${differences.join(", ")} in ${folder}`;
  }
  if (newest === undefined) return undefined;
  throw new retort.UsageError(
    `Cannot resume: ${newest}, expected a run of these settings; leave --resume out to start one`,
  );
}
