// sweep_command: distils a recipe at several values of a setting, and prints a table.
import type { PlannedRun, Spread, SweepPlan, SweepPoint } from "../../mod.ts";
import { onInterrupt } from "./interrupt.ts";
import { openProgress, type ProgressDisplay } from "./progress.ts";
import { loadDatasets, type Outcome, type Session, table } from "./session.ts";

/** The flags of `sweep`. */
export interface SweepFlags {
  /** Name or file of the recipe. */
  recipe: string;
  /** Values by setting. */
  over?: Record<string, unknown[]>;
  /** Runs of the same settings. */
  runs: number;
  /** Settings given with --set. */
  set?: Record<string, unknown>;
  /** Folder of the results. */
  out?: string;
  /** Folder of the data sets. */
  dataDir?: string;
}

/** Sweeps as the flags say; every recipe and data set is checked before a device opens. */
export async function sweepCommand(session: Session, flags: SweepFlags): Promise<Outcome> {
  const { retort } = session;
  const { recipe, set = {}, over = {}, runs, out } = flags;
  const plan = await retort.planSweep(recipe, set, over, runs, out);
  await retort.filesIn(plan.out); // which refuses a file in place of the folder
  const datasetOf = await loadDatasets(session, plan.runs.map(({ recipe }) => recipe), flags);
  using device = await retort.openDevice();
  if (!session.quiet) {
    session.note(`${plan.runs.length} runs, adapter ${device.info.name}, results in ${plan.out}`);
  }
  let display: ProgressDisplay | undefined;
  using _interrupt = onInterrupt(() => {
    display?.stop();
    session.note("Stopped: the same command goes on from the last checkpoint");
  });
  const result = await retort.sweep(device, plan, datasetOf, {
    onRun: (run, index, isFinished) => {
      display?.stop();
      display = openProgress(session);
      if (!session.quiet) session.note(describeRun(plan, run, index, isFinished));
    },
    onProgress: (progress) => display?.update(progress),
  }).finally(() => display?.stop());
  const plot = result.files.find((path) => path.endsWith(".svg"));
  return {
    values: { out: plan.out, ...result },
    lines: [
      ...describePoints(Object.keys(over), result.points, runs),
      plot === undefined ? `Results in ${plan.out}` : `Plot ${plot}`,
    ],
  };
}

/** "Run 2 of 12: steps 1, seed 2", with "; finished before" where it was. */
function describeRun(
  plan: SweepPlan,
  { settings, recipe }: PlannedRun,
  index: number,
  isFinished: boolean,
): string {
  const values = Object.entries({ ...settings, seed: recipe.seed });
  const what = values.map(([key, value]) => `${key} ${value}`).join(", ");
  return `Run ${index + 1} of ${plan.runs.length}: ${what}${isFinished ? "; finished before" : ""}`;
}

/** A line a point under a heading, in columns. */
function describePoints(keys: string[], points: SweepPoint[], runs: number): string[] {
  const percent = ({ mean, std }: Spread) =>
    `${(100 * mean).toFixed(1)}${runs > 1 ? ` ± ${(100 * std).toFixed(1)}` : ""} %`;
  const rows = [
    [...keys, "before", "after"],
    ...points.map(({ settings, before, after }) => [
      ...keys.map((key) => `${settings[key]}`),
      percent(before),
      percent(after),
    ]),
  ];
  const spread = runs === 1 ? "one run each" : `mean ± std of ${runs} runs each`;
  return [`Test accuracy, ${spread}`, ...table(rows)];
}
