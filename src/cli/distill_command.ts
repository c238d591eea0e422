// distill_command: settles the recipe and the folder, distils, and reports.
import type { Dataset, Device, DistillResult, Recipe } from "../../mod.ts";
import { abortOnInterrupt } from "./interrupt.ts";
import { openProgress } from "./progress.ts";
import {
  describeArchs,
  describeAttack,
  describeDuration,
  describeGain,
  describeSetting,
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
  const plans = await makePlans(session, flags);
  const dataset = await loadDataset(session, plans.software.recipe, flags);
  using device = await retort.openDevice();
  const { recipe, out, why } = plans[device.info.profile];
  if (flags.dryRun) return await dryRun(session, device, dataset, { recipe, out, why }, flags);
  if (!flags.resume) await retort.expectUnused(out);
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
    onNote: (line) => {
      display.stop();
      if (!session.quiet) session.note(line);
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
  { memoryBudget }: DistillFlags,
): Promise<Outcome> {
  const onNote = quiet ? undefined : note;
  const found = await retort.estimate(device, recipe, dataset, { memoryBudget, onNote });
  const { seconds, secondsPerIteration, dispatches, plan } = found;
  const each = secondsPerIteration < 1
    ? `${(1000 * secondsPerIteration).toFixed(0)} ms`
    : `${secondsPerIteration.toFixed(1)} s`;
  return {
    values: { recipe, why, out, adapter: device.info.name, ...found },
    lines: [
      `Recipe ${recipe.name}: ${why}; adapter ${device.info.name}; results would be in ${out}`,
      `${recipe.iterations} iterations of ${each} and ${dispatches} dispatches: about ` +
      `${describeDuration(seconds)}, and the tests of networks`,
      ...plan,
    ],
  };
}

/** What a run that was stopped leaves, and how it goes on. */
function describeStop({ iterations }: Recipe, out: string, saved: number | undefined): string {
  return saved === undefined
    ? `Stopped: nothing was saved; the same command starts again`
    : `Stopped: iteration ${saved} of ${iterations} is saved in ${out}; continue with distill --resume --out ${out}`;
}

function describeCost({ formatBytes }: Retort, result: DistillResult): string {
  const peak = formatBytes(result.peakBytes);
  return `${result.dispatches} dispatches an iteration, at most ${peak} on the GPU at once`;
}

/** The plan for either kind of adapter; both are the same unless the recipe is left to Retort. */
async function makePlans(
  session: Session,
  flags: DistillFlags,
): Promise<{ software: Plan; hardware: Plan }> {
  const settings = { ...flags.set, ...settingsOf(flags) };
  if (flags.resume) {
    const plan = await resumePlan(session, flags, settings);
    await session.retort.expectUnlocked(plan.out);
    return { software: plan, hardware: plan };
  }
  const makePlan = async (name: string, why: string): Promise<Plan> => {
    const recipe = await session.retort.loadRecipe(name, settings);
    return { recipe, out: flags.out ?? `out/${recipe.name}`, why };
  };
  const plans = flags.recipe === undefined ? await defaultPlans(makePlan) : await makePlan(
    flags.recipe,
    "as asked",
  ).then((plan) => ({ software: plan, hardware: plan }));
  const isOne = plans.software.out === plans.hardware.out;
  if (isOne && !flags.dryRun) await session.retort.expectUnused(plans.software.out);
  return plans;
}

async function defaultPlans(makePlan: (name: string, why: string) => Promise<Plan>) {
  const { software, hardware } = DEFAULT_RECIPES;
  return {
    software: await makePlan(software, `the default without a GPU (with one it is ${hardware})`),
    hardware: await makePlan(hardware, `the default with a GPU (without one it is ${software})`),
  };
}

function settingsOf(flags: DistillFlags): Settings {
  const settings: Settings = {};
  for (const key of SETTINGS_WITH_A_FLAG) {
    const value = flags[key.replace(/_(.)/, (_, letter) => letter.toUpperCase())];
    if (value !== undefined) settings[key] = value;
  }
  return settings;
}

async function resumePlan(
  session: Session,
  flags: DistillFlags,
  settings: Settings,
): Promise<Plan> {
  const { filesIn, loadRecipe, UsageError } = session.retort;
  const asked = flags.recipe === undefined ? undefined : await loadRecipe(flags.recipe, settings);
  const out = flags.out ?? (asked && `out/${asked.name}`);
  if (out === undefined) {
    throw new UsageError("Cannot resume: got no --out, expected the folder of the run to continue");
  }
  const file = `${out}/recipe.yaml`;
  const files = await filesIn(out);
  if (asked && files.length === 0) {
    return { recipe: asked, out, why: "as asked; nothing to resume" };
  }
  if (!files.includes("recipe.yaml")) {
    throw new UsageError(`Cannot resume: got no ${file}, expected --out to be a run's folder`);
  }
  const recipe = await loadRecipe(file, {});
  const wanted = Object.entries(asked ?? await loadRecipe(file, settings));
  for (const [key, value] of wanted) {
    const saved = recipe[key as keyof Recipe];
    const [got, expected] = [value, saved].map(describeSetting);
    if (got === expected) continue;
    const reason = `got ${key} ${got}, expected ${expected} as in ${file}`;
    throw new UsageError(`Cannot resume with other settings: ${reason}; use another --out instead`);
  }
  return { recipe, out, why: `resumed from ${out}` };
}
