// sweep_command: distils a recipe at several values of a setting, and prints a table.
import type { PlannedRun, Spread, SweepPoint } from "../../mod.ts";
import { abortOnInterrupt } from "./interrupt.ts";
import { describeOutlook } from "./distill_command.ts";
import { openProgress, type ProgressDisplay } from "./progress.ts";
import { describeSetting, loadDatasets, type Outcome, type Session, table } from "./session.ts";

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
  const titleOf = (run: PlannedRun, index: number) =>
    `Run ${index + 1} of ${plan.runs.length}: ${run.title}`;
  let display: ProgressDisplay | undefined;
  using interrupt = abortOnInterrupt({
    stop: () => display?.stop(),
    note: session.note,
    tell: () =>
      `Stopped: finished runs and a checkpoint are in ${plan.out}; the same command goes on`,
  });
  const result = await retort.sweep(device, plan, datasetOf, {
    onRun: (run, index, isFinished) => {
      display?.stop();
      display = openProgress(session);
      const done = isFinished ? "; finished before" : "";
      if (!session.quiet) session.note(`${titleOf(run, index)}${done}`);
    },
    onFailure: (run, index, error) => {
      display?.stop();
      const why = error instanceof Error ? error.message : String(error);
      if (!session.quiet) session.note(`${titleOf(run, index)}; failed: ${why}`);
    },
    onNote: (line) => interrupt.signal.aborted || display?.begin(line),
    onOutlook: (outlook) => {
      display?.stop();
      if (!session.quiet) session.note(describeOutlook(retort, outlook));
    },
    onIteration: (done, iterations) => interrupt.signal.aborted || display?.move(done, iterations),
    onProgress: (progress) => void (interrupt.signal.aborted || display?.update(progress)),
    signal: interrupt.signal,
  }).catch((error) => {
    throw interrupt.settle(error);
  }).finally(() => display?.stop());
  const plot = result.files.find((path) => path.endsWith(".svg"));
  const failures = describeFailures(result.points);
  return {
    values: { out: plan.out, ...result },
    lines: [
      ...describePoints(Object.keys(over), result.points, runs),
      ...failures,
      plot === undefined ? `Results in ${plan.out}` : `Plot ${plot}`,
    ],
    failed: failures.length > 0,
  };
}

/** A line a point under a heading, in columns; with how many runs finished where some did not. */
function describePoints(keys: string[], points: SweepPoint[], runs: number): string[] {
  const percent = (spread: Spread | undefined, count: number) => {
    if (!spread) return "-";
    const std = count > 1 ? ` ± ${(100 * spread.std).toFixed(1)}` : "";
    return `${(100 * spread.mean).toFixed(1)}${std} %`;
  };
  const isComplete = points.every(({ failed }) => failed.length === 0);
  const rows = [
    [...keys, "before", "after", ...(isComplete ? [] : ["finished"])],
    ...points.map(({ settings, before, after, runs: { length } }) => [
      ...keys.map((key) => describeSetting(settings[key])),
      percent(before, length),
      percent(after, length),
      ...(isComplete ? [] : [`${length} of ${runs}`]),
    ]),
  ];
  const spread = runs === 1 ? "one run each" : `mean ± std of ${runs} runs each`;
  return [`Test accuracy, ${spread}`, ...table(rows)];
}

/** Which runs failed and why, a line each; none where all finished. */
function describeFailures(points: readonly SweepPoint[]): string[] {
  const failed = points.flatMap((point) => point.failed);
  if (failed.length === 0) return [];
  const all = failed.length + points.flatMap(({ runs }) => runs).length;
  return [
    `${failed.length} of ${all} runs failed; the same command tries them again`,
    ...failed.map(({ out, error }) => `  ${out}: ${error}`),
  ];
}
