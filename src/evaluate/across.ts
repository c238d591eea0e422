/**
 * Across: what networks of several architectures reach on distilled data, by several strategies (Medvedev and
 * D'yakonov 2020, section 4).
 */
import type { Device } from "../gpu/mod.ts";
import { type Arch, labelsOf } from "../nets/arch.ts";
import type { Net } from "../nets/net.ts";
import type { Dataset } from "../sets/dataset.ts";
import type { Artifact } from "../store/artifact.ts";
import { innerSpecOf, loadDistilled, openArtifact } from "../store/open_artifact.ts";
import { UsageError } from "../base/usage_error.ts";
import { type Accuracy, summarize } from "./accuracy.ts";
import { type EvaluateOptions, expectNoFile, HELD_OUT, trialsOf } from "./evaluate.ts";
import { measureAccuracy, type Training } from "./measure.ts";
import { ratesBy, type Strategy } from "./strategies.ts";

/** On what, and how, networks are trained. */
export interface AcrossOptions extends EvaluateOptions {
  /** Architectures, fresh networks of each; the artifact's own networks, as `evaluate` has them, when left out. */
  readonly archs?: readonly Arch[] | undefined;
  /** How their training is stretched; as recorded when left out. */
  readonly strategies?: readonly Strategy[] | undefined;
}

/** What the networks of one architecture reach. */
export interface AcrossRow {
  /** Name of the architecture, or its number among those asked for. */
  arch: string;
  /** Test accuracy of the initial networks. */
  before: Accuracy;
  /** Test accuracy after training on the distilled data, by strategy. */
  after: Partial<Record<Strategy, Accuracy>>;
}

/**
 * Trains networks of every architecture on an artifact's data by every strategy, and tests them. Networks that
 * diverge count with what they classify right.
 *
 * @throws UsageError as `evaluate` and `ratesBy` do, and for an architecture that does not take the data.
 */
export async function evaluateAcross(
  device: Device,
  dir: string,
  given: Dataset,
  options: AcrossOptions = {},
): Promise<AcrossRow[]> {
  const { archs, strategies = ["raw"], networks = HELD_OUT, onProgress } = options;
  const opened = await openArtifact(device, dir, given);
  const { artifact, dataset } = opened;
  const { objective = "unrolled" } = artifact.metadata;
  if (objective !== "unrolled") {
    throw new UsageError(
      `Cannot evaluate ${dir} on architectures: it was distilled with objective ${objective}, which records no ` +
        `steps to take; give neither --arch nor --strategy, but --standard`,
    );
  }
  if (archs) expectNoFile(dir, options.pretrained, "networks of other architectures are drawn");
  const how = { ...opened.how, init: "random" } as const;
  const trials = archs
    ? archs.map((arch) => ({ net: opened.netOf(arch), dataset, how, networks }))
    : await trialsOf(dir, opened, options);
  const labels = labelsOf(archs ?? opened.archs);
  const rows: AcrossRow[] = [];
  for (const [i, trial] of trials.entries()) {
    const row: AcrossRow = { arch: labels[i]!, before: await measureAccuracy(trial), after: {} };
    for (const strategy of strategies) {
      onProgress?.(`${trial.networks} × ${row.arch}, strategy ${strategy}`);
      const training = trainingBy(trial.net, artifact, strategy);
      using _data = training.data;
      row.after[strategy] = await measureAccuracy({ ...trial, mayDiverge: true }, training);
    }
    rows.push(row);
  }
  return rows;
}

/**
 * The same over several runs of equal settings: mean and standard deviation of what each run's networks reach on
 * average; `networks` counts runs.
 *
 * @throws UsageError for runs of other architectures.
 */
export function acrossRuns(runs: readonly (readonly AcrossRow[])[]): AcrossRow[] {
  const [first = []] = runs;
  const archsOf = (rows: readonly AcrossRow[]) => rows.map(({ arch }) => arch).join(", ");
  const other = runs.find((rows) => archsOf(rows) !== archsOf(first));
  if (other) {
    throw new UsageError(
      `Cannot compare runs: got ${archsOf(other)} in one and ${
        archsOf(first)
      } in another, expected ` +
        `the same architectures; give them with --arch`,
    );
  }
  return first.map((row, i) => {
    const over = (of: (row: AcrossRow) => Accuracy) =>
      summarize(runs.map((rows) => of(rows[i]!).mean));
    const strategies = Object.keys(row.after) as Strategy[];
    const after = strategies.map((s) => [s, over((row) => row.after[s]!)]);
    return { arch: row.arch, before: over((row) => row.before), after: Object.fromEntries(after) };
  });
}

/** An artifact's data for a net, and how networks train on it by a strategy; the data are the caller's to free. */
export function trainingBy(net: Net, artifact: Artifact, strategy: Strategy): Training {
  const recorded = innerSpecOf(artifact.metadata);
  const rates = ratesBy(strategy, { ...recorded, rates: artifact.lrs.data });
  const spec = { ...recorded, total: rates.length };
  const stretched = { ...artifact, lrs: { shape: [rates.length], data: rates } };
  return { spec, data: loadDistilled(net, spec, stretched) };
}
