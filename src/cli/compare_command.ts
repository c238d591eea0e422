// compare_command: finished runs side by side.
import type { RunSummary } from "../../mod.ts";
import { describeAccuracy, describeDuration, type Outcome, type Session } from "./session.ts";

/** Reads finished runs and prints a table of them, a row each. */
export async function compareCommand(session: Session, dirs: string[]): Promise<Outcome> {
  const runs = await Promise.all(dirs.map((dir) => session.retort.readRun(dir)));
  const differing = differences(runs);
  const rows = runs.map((run) => [
    run.dir,
    describeAccuracy(run.before),
    describeAccuracy(run.after),
    run.after.networks === 1 ? "1 network" : `${run.after.networks} networks`,
    run.loss === undefined ? "" : run.loss.toPrecision(3),
    run.seconds === undefined ? "" : describeDuration(run.seconds),
    ...differing.map((key) => textOf(run.recipe[key])),
  ]);
  const head = ["run", "before", "after", "tested on", "loss", "iterations took", ...differing];
  return { values: { runs }, lines: [...table([head, ...rows]), ...adapters(runs)] };
}

/** Settings that are not the same in all runs. */
function differences(runs: readonly RunSummary[]): (keyof RunSummary["recipe"])[] {
  const [first] = runs;
  const keys = Object.keys(first!.recipe) as (keyof RunSummary["recipe"])[];
  return keys.filter((key) =>
    !LEFT_OUT.has(key) &&
    runs.some(({ recipe }) => JSON.stringify(recipe[key]) !== JSON.stringify(first!.recipe[key]))
  );
}

/** The adapter and the version that made each run, in a line where these are the same for all. */
function adapters(runs: readonly RunSummary[]): string[] {
  const lines = runs.map(({ adapter, version }) => `by ${adapter}, Retort ${version}`);
  if (new Set(lines).size === 1) return [`All ${lines[0]}`];
  return runs.map(({ dir }, i) => `${dir} ${lines[i]}`);
}

/** Settings that change no result; the names of runs differ anyway. */
const LEFT_OUT = new Set(["name", "checkpoint_every", "eval_every", "log_every"]);

function textOf(setting: unknown): string {
  if (Array.isArray(setting)) return `${setting.length} layers`;
  return typeof setting === "object" ? JSON.stringify(setting) : String(setting);
}

function table(rows: readonly (readonly string[])[]): string[] {
  const widths = rows[0]!.map((_, c) => Math.max(...rows.map((row) => row[c]!.length)));
  return rows.map((row) => row.map((cell, c) => cell.padEnd(widths[c]!)).join("  ").trimEnd());
}
