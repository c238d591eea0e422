// distill_command: settles the recipe and the folder, distils, and reports.
import type { Dataset, Device, DistillResult, Estimate, Outlook, Recipe } from "../../mod.ts";
import { abortOnInterrupt } from "./interrupt.ts";
import { openProgress } from "./progress.ts";
import { differencesOf, expectFree, folderToResume, nextFolder } from "./run_folder.ts";
import {
  describeArchs,
  describeAttack,
  describeCount,
  describeDuration,
  describeGain,
  loadDataset,
} from "./session.ts";
import type { Outcome, Retort, Session } from "./session.ts";

/** The flags of `distill`; the others are the settings that have a flag. */
export interface DistillFlags {
  /** Name or file of the recipe. */
  recipe?: string;
  /** Settings given with --set. */
  set?: Record<string, unknown>;
  /** Folder of the results. */
  out?: string;
  /** Whether to continue the run in the folder. */
  resume?: boolean;
  /** Folder of the data sets. */
  dataDir?: string;
  /** Bytes of GPU memory that the run may take. */
  memoryBudget?: number;
  /** Whether only to say what the run would take. */
  dryRun?: boolean;
  /** A setting that has a flag. */
  [setting: string]: unknown;
}

/** What is asked for; without a recipe, to go on with the run that the folder has. */
interface Request {
  recipe?: Recipe;
  why: string;
}

/** A run that is settled. */
interface Plan {
  recipe: Recipe;
  out: string;
  why: string;
}

type Settings = Record<string, unknown>;

const DEFAULT_RECIPES = { software: "quick", hardware: "mnist-fixed-100" };

const SETTINGS_WITH_A_FLAG = [
  "dataset",
  "arch",
  "epochs",
  "networks",
  "batch",
  "iterations",
  "soft_labels",
];

/** Distils as the flags say; recipes and data are read, and checked, before a device opens. */
export async function distillCommand(session: Session, flags: DistillFlags): Promise<Outcome> {
  const { retort } = session;
  const settings = { ...flags.set, ...settingsOf(flags) };
  const requests = await requestsOf(session, flags, settings);
  const settle = (request: Request) => settlePlan(session, flags, settings, request);
  const isOne = requests.software === requests.hardware;
  const early = isOne ? await settle(requests.software) : undefined;
  const dataset = await loadDataset(session, early?.recipe ?? requests.software.recipe!, flags);
  using device = await retort.openDevice();
  const { recipe, out, why } = early ?? await settle(requests[device.info.profile]);
  if (flags.dryRun) return await dryRun(session, device, dataset, { recipe, out, why }, flags);
  if (!session.quiet) {
    session.note(`Recipe ${recipe.name}: ${why}; adapter ${device.info.name}`);
    session.note(`${recipe.iterations} iterations, seed ${recipe.seed}, results in ${out}`);
  }
  const display = openProgress(session);
  let saved: number | undefined;
  using interrupt = abortOnInterrupt({
    stop: () => display.stop(),
    note: session.note,
    tell: () => describeStop(recipe, out, saved),
  });
  const result = await retort.distill(device, recipe, dataset, {
    out,
    resume: flags.resume ?? false,
    ...(flags.memoryBudget !== undefined && { memoryBudget: flags.memoryBudget }),
    onPlan: (lines) => {
      const asked = session.verbose || flags.memoryBudget !== undefined;
      if (asked && !session.quiet) {
        lines.forEach((line) => session.note(line));
      }
    },
    onNote: (line) => interrupt.signal.aborted || display.begin(line),
    onOutlook: (outlook) => {
      display.stop();
      if (!session.quiet) session.note(describeOutlook(retort, outlook));
    },
    onIteration: (done, iterations) => interrupt.signal.aborted || display.move(done, iterations),
    onProgress: (progress) => void (interrupt.signal.aborted || display.update(progress)),
    onCheckpoint: (iteration) => saved = iteration,
    signal: interrupt.signal,
  }).catch((error) => {
    throw interrupt.settle(error);
  }).finally(() => display.stop());
  const time = describeDuration(result.seconds);
  return {
    values: { recipe, why, seed: recipe.seed, out, adapter: device.info.name, ...result },
    lines: [
      `Recipe ${recipe.name}: ${why}; seed ${recipe.seed}`,
      describeGain(result),
      ...describeArchs(result),
      ...describeAttack(result),
      `${result.iterations} iterations in ${time}`,
      ...(session.verbose ? [describeCost(retort, result)] : []),
      result.picture === undefined ? `Results in ${out}` : `Picture ${result.picture}`,
    ],
  };
}

/** What a run would take, from a few iterations; nothing is written. */
async function dryRun(
  { retort, quiet, note }: Session,
  device: Device,
  dataset: Dataset,
  { recipe, out, why }: Plan,
  { memoryBudget, resume }: DistillFlags,
): Promise<Outcome> {
  const onNote = quiet ? undefined : note;
  const found = await retort.estimate(device, recipe, dataset, {
    memoryBudget,
    onNote,
    from: resume ? out : undefined,
  });
  const { files, diskBytes, plan } = found;
  return {
    values: { recipe, why, out, adapter: device.info.name, ...found },
    lines: [
      `Recipe ${recipe.name}: ${why}; adapter ${device.info.name}; results would be in ${out}`,
      describeTimes(found, recipe),
      ...plan,
      `Disk: ${retort.formatBytes(diskBytes)} at most, in ${files.length} files: ${
        files.join(", ")
      }`,
    ],
  };
}

/** What a run that was stopped leaves, and how it goes on. */
function describeStop({ iterations }: Recipe, out: string, saved: number | undefined): string {
  return saved === undefined
    ? `Stopped: nothing was saved; the same command starts again`
    : `Stopped: iteration ${saved} of ${iterations} is saved in ${out}; continue with distill --resume --out ${out}`;
}

/** "About 1 min 41 s: 650 iterations of 148 ms and 77 dispatches take 1 min 36 s, tests 5 s". */
function describeTimes(found: Estimate, { label_solve }: Recipe): string {
  const { iterations, seconds, secondsPerIteration, iterationSeconds, testSeconds, dispatches } =
    found;
  const each = describeStep(secondsPerIteration);
  const learning =
    `${describeCount(iterations, "iteration")} of ${each} and ${dispatches} dispatches take ` +
    `${describeDuration(iterationSeconds)}, `;
  return `About ${describeDuration(seconds)}: ${iterations > 0 ? learning : ""}` +
    `${label_solve ? "solving labels and tests" : "tests"} ${describeDuration(testSeconds)}`;
}

/** "About 8 h 00 min at 1.2 s an iteration, and tests; 124.5 MB of GPU memory, 2.9 MB of disk". */
export function describeOutlook({ formatBytes }: Retort, outlook: Outlook): string {
  const { seconds, secondsPerIteration, memoryBytes, diskBytes } = outlook;
  return `About ${describeDuration(seconds)} at ${
    describeStep(secondsPerIteration)
  } an iteration, ` +
    `and tests; ${formatBytes(memoryBytes)} of GPU memory, ${formatBytes(diskBytes)} of disk`;
}

/** "148 ms" or "1.2 s". */
function describeStep(seconds: number): string {
  return seconds < 1 ? `${(1000 * seconds).toFixed(0)} ms` : `${seconds.toFixed(1)} s`;
}

function describeCost({ formatBytes }: Retort, result: DistillResult): string {
  const peak = formatBytes(result.peakBytes);
  return `${result.dispatches} dispatches an iteration, at most ${peak} on the GPU at once`;
}

/** The request on either kind of adapter; both are the same unless the recipe is left to Retort. */
async function requestsOf(
  { retort }: Session,
  { recipe, resume, out }: DistillFlags,
  settings: Settings,
): Promise<{ software: Request; hardware: Request }> {
  if (recipe === undefined && !(resume && out !== undefined)) {
    const { software, hardware } = DEFAULT_RECIPES;
    return {
      software: {
        recipe: await retort.loadRecipe(software, settings),
        why: `the default without a GPU (with one it is ${hardware})`,
      },
      hardware: {
        recipe: await retort.loadRecipe(hardware, settings),
        why: `the default with a GPU (without one it is ${software})`,
      },
    };
  }
  const request: Request = {
    ...(recipe !== undefined && { recipe: await retort.loadRecipe(recipe, settings) }),
    why: "as asked",
  };
  return { software: request, hardware: request };
}

function settingsOf(flags: DistillFlags): Settings {
  const settings: Settings = {};
  for (const key of SETTINGS_WITH_A_FLAG) {
    const value = flags[key.replace(/_(.)/, (_, letter) => letter.toUpperCase())];
    if (value !== undefined) settings[key] = value;
  }
  return settings;
}

/** Settles the folder of a run, and with --resume which run goes on. */
async function settlePlan(
  { retort }: Session,
  flags: DistillFlags,
  settings: Settings,
  { recipe, why }: Request,
): Promise<Plan> {
  const { resume = false, dryRun = false } = flags;
  if (resume) {
    const out = flags.out ?? await folderToResume(retort, `out/${recipe!.name}`, recipe!);
    if (out !== undefined && !dryRun) await retort.expectUnlocked(out);
    const plan = out === undefined ? undefined : await resumedPlan(retort, out, recipe, settings);
    if (plan) return plan;
  }
  const out = flags.out ?? await nextFolder(retort, `out/${recipe!.name}`);
  if (!dryRun) await expectFree(retort, out, recipe!);
  return { recipe: recipe!, out, why: resume ? `${why}; nothing to resume` : why };
}

/** The run in a folder, with more iterations if asked; undefined where there is none, but a recipe to start one. */
async function resumedPlan(
  { filesIn, loadRecipe, runIn, UsageError }: Retort,
  out: string,
  asked: Recipe | undefined,
  settings: Settings,
): Promise<Plan | undefined> {
  const file = `${out}/recipe.yaml`;
  if (asked && (await filesIn(out)).length === 0) return undefined;
  const run = await runIn(out);
  if (!run) {
    throw new UsageError(`Cannot resume: got no ${file}, expected --out to be a run's folder`);
  }
  const wanted = asked ?? await loadRecipe(file, settings);
  const differences = differencesOf(wanted, run.recipe);
  if (differences.length > 0) {
    throw new UsageError(
      `Cannot resume with other settings: got ${differences.join(", ")}, in ${file}; ` +
        `use another --out instead`,
    );
  }
  const { iterations } = wanted;
  return { recipe: { ...run.recipe, iterations }, out, why: `resumed from ${out}` };
}
