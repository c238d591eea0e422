// other_commands: evaluate a finished run, check gradients, describe the adapter.
import type { GradcheckResult, KernelName, OptimizerName } from "../../mod.ts";
import { exitOnInterrupt } from "./interrupt.ts";
import {
  describeAccuracy,
  describeArchs,
  describeAttack,
  describeGain,
  loadDataset,
  sourceOf,
} from "./session.ts";
import type { Outcome, Session } from "./session.ts";

/** What is said where a command that writes nothing is stopped. */
export const NOTHING_SAVED = "Stopped: nothing was saved";

/** The flags of `evaluate`. */
export interface EvaluateFlags {
  /** Networks to train. */
  networks?: number;
  /** Where the file of trained networks is now. */
  init?: string;
  /** Fresh networks to train as on any data set; true for the default number. */
  standard?: number | true;
  /** Folder of the data sets. */
  dataDir?: string;
}

/** The flags of `gradcheck`. */
export interface GradcheckFlags {
  /** Network that is trained: a name, or layers. */
  arch: unknown;
  /** Name of the loss. */
  loss: string;
  /** Name of the inner optimiser. */
  optimizer: OptimizerName;
  /** Kernel to check in place of a network. */
  kernel?: KernelName;
  /** Its hidden layers. */
  depth: number;
  /** Steps that are differentiated; all when left out. */
  window?: number;
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

/** The flags of `data`. */
export interface DataFlags {
  /** Rows and columns to resize images to. */
  resize?: number;
  /** Pixels of 0 to add on every side after that. */
  pad?: number;
  /** Colour channels to convert images to. */
  channels?: "1" | "3";
  /** Folder of the data sets. */
  dataDir?: string;
}

/** Trains networks on the distilled images in `dir` and tests them. */
export async function evaluateCommand(
  session: Session,
  dir: string,
  flags: EvaluateFlags,
): Promise<Outcome> {
  const { retort } = session;
  const source = await sourceOf(session, dir);
  const { dataset: name, seed } = source;
  const dataset = await loadDataset(session, source, flags);
  using device = await retort.openDevice();
  const onProgress = (line: string) => session.quiet || session.note(line);
  using _interrupt = exitOnInterrupt({ note: session.note, tell: () => NOTHING_SAVED });
  const gain = await retort.evaluate(device, dir, dataset, {
    ...(flags.networks !== undefined && { networks: flags.networks }),
    ...(flags.init !== undefined && { pretrained: flags.init }),
    onProgress,
  });
  const values = { dataset: name, seed, ...gain };
  const lines = [
    `Data set ${name}, seed ${seed}`,
    describeGain(gain),
    ...describeArchs(gain),
    ...describeAttack(gain),
  ];
  if (flags.standard === undefined) return { values, lines };
  onProgress("fresh networks, standard training");
  const fresh = flags.standard === true ? {} : { networks: flags.standard };
  const standard = await retort.evaluateStandard(device, dir, dataset, fresh);
  const { epochs, rate, momentum } = retort.ON_DISTILLED;
  return {
    values: { ...values, standard },
    lines: [
      ...lines,
      `Standard training (shuffled, SGD ${rate}/${momentum}, ${epochs} epochs) ` +
      `${describeAccuracy(standard)} after (${standard.networks} fresh networks)`,
    ],
  };
}

/** Compares gradients on the device with those of the float64 oracle. */
export async function gradcheckCommand(session: Session, flags: GradcheckFlags): Promise<Outcome> {
  if (flags.kernel !== undefined) return await kernelGradcheck(session, flags.kernel, flags);
  const arch = session.retort.parseArch(flags.arch, "--arch");
  const steps = flags.steps * flags.epochs;
  if (flags.window !== undefined && flags.window > steps) {
    throw new session.retort.UsageError(
      `Cannot use --window: got ${flags.window}, expected at most the ${steps} steps of the training`,
    );
  }
  using device = await session.retort.openDevice();
  const check = await session.retort.gradcheck(device, { ...flags, arch });
  const name = typeof arch === "string" ? arch : `${arch.length} layers`;
  const what = `${name}, ${flags.loss}, ${flags.optimizer}, seed ${flags.seed}`;
  const { kernel: _kernel, depth: _depth, ...setting } = flags;
  return describeCheck({ ...setting, arch }, what, check);
}

/** The same for the gradient of kernel regression. */
async function kernelGradcheck(
  session: Session,
  kernel: KernelName,
  { depth, perClass, batch, seed }: GradcheckFlags,
): Promise<Outcome> {
  using device = await session.retort.openDevice();
  const spec = { kernel, depth, sigmaW2: 2, sigmaB2: 1e-4 };
  const sizes = { perClass, batch, seed };
  const check = await session.retort.gradcheckKernel(device, { kernel: spec, ...sizes });
  return describeCheck(
    { ...spec, ...sizes },
    `kernel ${kernel}, depth ${depth}, seed ${seed}`,
    check,
  );
}

function describeCheck(
  setting: Record<string, unknown>,
  what: string,
  check: Omit<GradcheckResult, "hyper"> & Partial<GradcheckResult>,
): Outcome {
  const blocks = ["loss", "images", "labels", "hyper"] as const;
  return {
    values: { setting, ...check },
    lines: [
      `Relative error against the float64 oracle (${what}):`,
      ...blocks.flatMap((block) => {
        const found = check[block];
        return found ? [`  ${block.padEnd(8)}${found.relativeError.toExponential(1)}`] : [];
      }),
      check.passed ? "Passed: all are less than 1e-5" : "Failed: expected all less than 1e-5",
    ],
    failed: !check.passed,
  };
}

/** Describes the adapter. */
export async function infoCommand(session: Session): Promise<Outcome> {
  using device = await session.retort.openDevice();
  const { name, profile, limits, features } = device.info;
  return {
    values: { version: session.retort.version, adapter: name, profile, limits, features },
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

/** Loads a data set, which downloads what is missing, and describes it. */
export async function dataCommand(
  session: Session,
  name: string,
  flags: DataFlags,
): Promise<Outcome> {
  const channels = flags.channels === undefined ? 0 : flags.channels === "1" ? 1 : 3;
  const { resize = 0, pad = 0 } = flags;
  const recipe = { dataset: name, resize, pad, channels } as const;
  using _interrupt = exitOnInterrupt({
    note: session.note,
    tell: () =>
      "Stopped: files that came whole stay in the cache; the same command fetches the others",
  });
  const { name: dataset, train, test, ...rest } = await loadDataset(session, recipe, flags);
  const { height, width, classes, columns } = rest;
  const what = columns
    ? `rows of ${columns.length} columns (${columns.join(", ")})`
    : `images of ${rest.channels}×${height}×${width}`;
  const list = (values: number[]) => values.map((value) => value.toFixed(4)).join(", ");
  return {
    values: { dataset, ...rest, train: train.count, test: test.count },
    lines: [
      `${name}: ${train.count} training and ${test.count} test ${what}, ${classes} classes`,
      `Normalised by mean ${list(rest.mean)} and std ${list(rest.std)}`,
    ],
  };
}
