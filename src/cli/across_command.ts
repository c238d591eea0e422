// across_command: finished runs on networks of other architectures, and trained by other schedules.
import type { AcrossRow, Arch, Strategy } from "../../mod.ts";
import { exitOnInterrupt } from "./interrupt.ts";
import { type EvaluateFlags, NOTHING_SAVED } from "./other_commands.ts";
import {
  describeAccuracy,
  loadDatasets,
  type Outcome,
  type Session,
  sourceOf,
  table,
} from "./session.ts";

/** The flags of `evaluate`, with those that make it a table. */
export interface AcrossFlags extends EvaluateFlags {
  /** Architectures: names, or layers. */
  arch?: unknown[];
  /** Strategies by which networks are trained. */
  strategy?: Strategy[];
}

/** Evaluates every run on every architecture by every strategy. */
export async function acrossCommand(
  session: Session,
  dirs: readonly string[],
  flags: AcrossFlags,
): Promise<Outcome> {
  const { retort } = session;
  const { networks, strategy: strategies } = flags;
  if (flags.standard !== undefined) {
    throw new retort.UsageError(
      "Cannot use --standard: got it with several folders, --arch or --strategy, expected one folder alone",
    );
  }
  const archs: Arch[] | undefined = flags.arch?.map((arch) => retort.parseArch(arch, "--arch"));
  const sources = await Promise.all(dirs.map((dir) => sourceOf(session, dir)));
  const [{ dataset: name }] = sources as [typeof sources[number]];
  const other = sources.findIndex(({ dataset }) => dataset !== name);
  if (other > 0) {
    throw new retort.UsageError(
      `Cannot take the mean over ${dirs[0]} and ${dirs[other]}: got data sets ${name} and ` +
        `${sources[other]!.dataset}, expected one; evaluate them one by one`,
    );
  }
  const datasetOf = await loadDatasets(session, sources, flags);
  using device = await retort.openDevice();
  const onProgress = (line: string) => session.quiet || session.note(line);
  using _interrupt = exitOnInterrupt({ note: session.note, tell: () => NOTHING_SAVED });
  const runs: { dir: string; dataset: string; seed: number; archs: AcrossRow[] }[] = [];
  for (const [i, dir] of dirs.entries()) {
    const source = sources[i]!;
    const rows = await retort.evaluateAcross(device, dir, datasetOf(source), {
      archs,
      strategies,
      ...(networks !== undefined && { networks }),
      ...(flags.init !== undefined && { pretrained: flags.init }),
      onProgress: (line) => onProgress(dirs.length > 1 ? `${dir}: ${line}` : line),
    });
    runs.push({ dir, dataset: name, seed: source.seed, archs: rows });
  }
  const [first] = runs;
  const each = first!.archs[0]!.before.networks;
  const isOne = runs.length === 1;
  const all = isOne ? first!.archs : retort.acrossRuns(runs.map(({ archs }) => archs));
  const heading = isOne
    ? `Data set ${first!.dataset}, seed ${first!.seed}; test accuracy, networks of each: ${each}`
    : `Data set ${
      first!.dataset
    }; test accuracy, mean ± std of ${runs.length} runs, networks in each: ` +
      `${each}`;
  const names = retort.STRATEGIES.filter((strategy) => strategy in all[0]!.after);
  return { values: { runs, archs: all }, lines: [heading, ...describeRows(all, names)] };
}

/** A line an architecture under a heading, in columns. */
function describeRows(rows: readonly AcrossRow[], strategies: readonly Strategy[]): string[] {
  const names = strategies.map((strategy) => strategy === "raw" ? "raw" : `strategy ${strategy}`);
  return table([
    ["network", "before", ...names],
    ...rows.map(({ arch, before, after }) => [
      arch,
      describeAccuracy(before),
      ...strategies.map((strategy) => describeAccuracy(after[strategy]!)),
    ]),
  ]);
}
