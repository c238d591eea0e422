// session: what every command gets (the library, the terminal) and gives back (an outcome).
import type * as Library from "../../mod.ts";

/** The library the commands call; passed in, so that tests can run commands without a device. */
export type Retort = typeof Library;

/** Where lines go: results to stdout, everything else to stderr. */
export interface Terminal {
  /** Writes a line of results. */
  print(line: string): void;
  /** Writes a line about what is going on. */
  note(line: string): void;
}

/** One run of one command. */
export interface Session extends Terminal {
  /** The library. */
  retort: Retort;
  /** Whether progress is not shown. */
  quiet: boolean;
  /** Whether to tell more about how the work is done. */
  verbose: boolean;
}

/** What a command found, for machines and for people. */
export interface Outcome {
  /** The object that --json prints. */
  values: Record<string, unknown>;
  /** The lines that are printed otherwise. */
  lines: string[];
  /** Whether the exit status is 1 although the command ran to its end. */
  failed?: boolean;
}

/** A data set, and what its images are brought to. */
type DatasetForm = Pick<Library.Recipe, "dataset" | "resize" | "pad" | "channels">;

/** Where a data set is, if not where its name says. */
interface DatasetPlace {
  readonly dataDir?: string | undefined;
}

const SECONDS_UNTIL_LOADING_IS_TOLD = 3;

/** Loads a data set; a name that no data set has is bad usage. */
export async function loadDataset(
  session: Session,
  { dataset, resize, pad, channels }: DatasetForm,
  { dataDir }: DatasetPlace,
): Promise<Library.Dataset> {
  const { retort } = session;
  const onNote = (line: string) => session.quiet || session.note(line);
  const options = { resize, pad, channels, dataDir, onNote };
  const slow = setTimeout(() => onNote(`Loading ${dataset}`), 1000 * SECONDS_UNTIL_LOADING_IS_TOLD);
  return await retort.loadDataset(dataset, options).catch((error) => {
    const isUnknown = error instanceof retort.UnknownDatasetError;
    throw isUnknown ? new retort.UsageError(error.message) : error;
  }).finally(() => clearTimeout(slow));
}

/** Loads the data sets of recipes or of runs, each once; what it gives tells which is whose. */
export async function loadDatasets(
  session: Session,
  forms: readonly DatasetForm[],
  place: DatasetPlace,
): Promise<(form: DatasetForm) => Library.Dataset> {
  const keyOf = ({ dataset, resize, pad, channels }: DatasetForm) =>
    `${dataset} ${resize} ${pad} ${channels}`;
  const loaded = new Map<string, Library.Dataset>();
  for (const form of forms) {
    const key = keyOf(form);
    if (!loaded.has(key)) loaded.set(key, await loadDataset(session, form, place));
  }
  return (form) => loaded.get(keyOf(form))!;
}

/** Makes sure that a file to write is no folder, before the work that would go into it. */
export async function expectNoFolder({ retort }: Session, out: string): Promise<void> {
  const stat = await Deno.stat(out).catch(() => undefined); // what else is wrong, writing will say
  if (!stat?.isDirectory) return;
  throw new retort.UsageError(
    `Cannot write to ${out}: got a folder, expected a file; name one in it`,
  );
}

/** The data set that the run in a folder distilled, in the form that it had, and the run's seed. */
export async function sourceOf(
  session: Session,
  dir: string,
): Promise<DatasetForm & { seed: number }> {
  const { dataset: name, seed, ...metadata } = (await session.retort.readArtifact(dir)).metadata;
  if (name === undefined) {
    throw new Error(`Cannot evaluate ${dir}: got no data set in its metadata, expected its name`);
  }
  return {
    dataset: name,
    resize: Number(metadata.resize ?? 0),
    pad: Number(metadata.pad ?? 0),
    channels: Number(metadata.channels ?? 0) as 0 | 1 | 3,
    seed: Number(seed),
  };
}

/** "93.8 %", or "79.5 ± 8.1 %" over several networks. */
export function describeAccuracy({ mean, std, networks }: Library.Accuracy): string {
  const spread = networks > 1 ? ` ± ${(100 * std).toFixed(1)}` : "";
  return `${(100 * mean).toFixed(1)}${spread} %`;
}

/** "Test accuracy 12.9 % before, 93.8 % after (1 network)". */
export function describeGain(gain: Pick<Library.Gain, "before" | "after" | "by">): string {
  const before = describeAccuracy(gain.before);
  const after = describeAccuracy(gain.after);
  return `Test accuracy ${before} before, ${after} after (${describePredictor(gain)})`;
}

/** What the networks of each architecture reach, in lines; none where there is one architecture. */
export function describeArchs({ archs = [] }: Library.Gain): string[] {
  return archs.map(({ arch, before, after }) =>
    `  ${arch}: ${describeAccuracy(before)} before, ${describeAccuracy(after)} after`
  );
}

/** "kernel regression", or how many networks, and how they trained where that is not recorded. */
export function describePredictor({ by, after }: Pick<Library.Gain, "by" | "after">): string {
  const networks = describeCount(after.networks, "network");
  return by === "standard training" ? `${networks}, ${by}` : by ?? networks;
}

/** What an attack does, in lines; none where there is no attack. */
export function describeAttack({ attack }: Library.Gain): string[] {
  if (!attack) return [];
  const { from, to, before, after } = attack;
  const change = (of: (measures: Library.AttackMeasures) => Library.Accuracy) =>
    `${describeAccuracy(of(before))} before, ${describeAccuracy(of(after))} after`;
  return [
    `Class ${from} taken for ${to}: ${change(({ ratio }) => ratio)}`,
    `Accuracy with ${from} counted as ${to}: ${change(({ modified }) => modified)}`,
    ...after.perClass.map((_, label) =>
      `Accuracy on class ${label}: ${change(({ perClass }) => perClass[label]!)}`
    ),
  ];
}

/** Rows of cells as lines, with each column as wide as its widest cell. */
export function table(rows: readonly (readonly string[])[]): string[] {
  const widths = rows[0]!.map((_, i) => Math.max(...rows.map((row) => row[i]!.length)));
  return rows.map((row) => row.map((cell, i) => cell.padEnd(widths[i]!)).join("  ").trimEnd());
}

/** A setting for people, and to compare; a network's layers are JSON. */
export function describeSetting(setting: unknown): string {
  return typeof setting === "object" ? JSON.stringify(setting) : String(setting);
}

/** "1 epoch", "2 epochs". */
export function describeCount(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? "" : "s"}`;
}

/** "1 h 02 min", "2 min 10 s" or "12 s". */
export function describeDuration(seconds: number): string {
  const whole = Math.round(seconds);
  const minutes = Math.floor(whole / 60);
  const pad = (n: number) => String(n).padStart(2, "0");
  if (whole < 60) return `${whole} s`;
  if (minutes < 60) return `${minutes} min ${pad(whole % 60)} s`;
  return `${Math.floor(minutes / 60)} h ${pad(minutes % 60)} min`;
}
