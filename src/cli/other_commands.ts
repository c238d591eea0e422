// other_commands: evaluate a finished run, check gradients, describe the adapter.
import { describeAccuracy, describeGain, loadDataset } from "./session.ts";
import type { Outcome, Session } from "./session.ts";

/** The flags of `evaluate`. */
export interface EvaluateFlags {
  /** Networks to train. */
  networks?: number;
  /** Fresh networks to train as on any data set; true for the default number. */
  ordinary?: number | true;
  /** Folder of the data sets. */
  dataDir?: string;
}

/** The flags of `gradcheck`. */
export interface GradcheckFlags {
  /** Network that is trained. */
  arch: string;
  /** Gradient steps. */
  steps: number;
  /** Passes over all steps. */
  epochs: number;
  /** Distilled images of each class in each step. */
  perClass: number;
  /** Real images. */
  batch: number;
  /** Networks trained side by side. */
  networks: number;
  /** Seed of everything random. */
  seed: number;
  /** File for all values compared. */
  dump?: string;
}

/** Trains networks on the distilled images in `dir` and tests them. */
export async function evaluateCommand(
  session: Session,
  dir: string,
  flags: EvaluateFlags,
): Promise<Outcome> {
  const { retort } = session;
  const { metadata } = await retort.readArtifact(dir);
  const { dataset: name, seed } = metadata;
  if (name === undefined) {
    throw new Error(`Cannot evaluate ${dir}: got no data set in its metadata, expected its name`);
  }
  const dataset = await loadDataset(session, name, flags);
  using device = await retort.openDevice();
  const networks = flags.networks === undefined ? {} : { networks: flags.networks };
  const onProgress = (line: string) => session.quiet || session.note(line);
  const gain = await retort.evaluate(device, dir, dataset, { ...networks, onProgress });
  if (flags.ordinary === undefined) {
    const lines = [`Data set ${name}, seed ${seed}`, describeGain(gain)];
    return { values: { dataset: name, seed, ...gain }, lines };
  }
  onProgress("fresh networks, ordinary training");
  const fresh = flags.ordinary === true ? {} : { networks: flags.ordinary };
  const ordinary = await retort.evaluateOrdinary(device, dir, dataset, fresh);
  const { epochs, rate, momentum } = retort.ON_DISTILLED;
  return {
    values: { dataset: name, seed, ...gain, ordinary },
    lines: [
      `Data set ${name}, seed ${seed}`,
      describeGain(gain),
      `Ordinary training (shuffled, SGD ${rate}/${momentum}, ${epochs} epochs) ` +
      `${describeAccuracy(ordinary)} after (${ordinary.networks} fresh networks)`,
    ],
  };
}

/** Compares gradients on the device with those of the float64 oracle. */
export async function gradcheckCommand(session: Session, flags: GradcheckFlags): Promise<Outcome> {
  using device = await session.retort.openDevice();
  const check = await session.retort.gradcheck(device, flags);
  const errorOf = (name: "loss" | "images" | "labels" | "lrs") =>
    `  ${name.padEnd(8)}${check[name].relativeError.toExponential(1)}`;
  return {
    values: { ...flags, ...check },
    lines: [
      `Relative error against the float64 oracle (${flags.arch}, seed ${flags.seed}):`,
      ...(["loss", "images", "labels", "lrs"] as const).map(errorOf),
      check.passed ? "Passed: all are less than 1e-3" : "Failed: expected all less than 1e-3",
    ],
    failed: !check.passed,
  };
}

/** Describes the adapter. */
export async function infoCommand(session: Session): Promise<Outcome> {
  using device = await session.retort.openDevice();
  const { name, profile, limits, features } = device.info;
  return {
    values: { version: session.retort.version, name, profile, limits, features },
    lines: [
      `Retort    ${session.retort.version}`,
      `Adapter   ${name}`,
      `Profile   ${profile}`,
      `Features  ${features.join(", ") || "none"}`,
      "Limits",
      ...Object.entries(limits).map(([limit, value]) => `  ${limit.padEnd(44)}${value}`),
    ],
  };
}
