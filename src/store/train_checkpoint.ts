/**
 * TrainCheckpoint: where the training of a group of networks stands, in a file beside that of the networks. That one
 * holds networks whose training is done and nothing else.
 */
import {
  decodeSafetensors,
  encodeSafetensors,
  expectFinite,
  type FloatTensor,
} from "../base/safetensors.ts";
import { writeAtomic } from "../base/atomic.ts";
import { shortened } from "../base/text.ts";
import { UsageError } from "../base/usage_error.ts";

/** Where the training of a group stands. */
interface TrainCheckpoint {
  /** Networks whose training was done before the group's. */
  readonly trained: number;
  /** Minibatches that the group has done, those of all epochs. */
  readonly step: number;
  /** What continues its training, by name. */
  readonly tensors: Readonly<Record<string, FloatTensor>>;
}

/** The checkpoint of the networks that go to `out`. */
export function trainCheckpointOf(out: string): string {
  return `${out}.checkpoint`;
}

/** Replaces the checkpoint of the networks that go to `out`, which `origin` says all their bits depend on. */
export async function writeTrainCheckpoint(
  out: string,
  { trained, step, tensors }: TrainCheckpoint,
  origin: Readonly<Record<string, string>>,
): Promise<void> {
  const metadata = { ...origin, trained: `${trained}`, step: `${step}` };
  await writeAtomic(trainCheckpointOf(out), encodeSafetensors({ ...tensors }, metadata));
}

/**
 * Reads the checkpoint of the networks that go to `out`, if there is one; a group trains for `steps`.
 *
 * @throws Error when it is damaged; UsageError when it is of other networks.
 */
export async function readTrainCheckpoint(
  out: string,
  origin: Readonly<Record<string, string>>,
  steps: number,
): Promise<TrainCheckpoint | undefined> {
  const path = trainCheckpointOf(out);
  const bytes = await Deno.readFile(path).catch((error) => {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  });
  if (!bytes) return undefined;
  const { tensors, metadata } = decodeSafetensors(bytes, path);
  expectFinite(tensors, path);
  expectSameTraining(path, metadata, origin);
  const [trained, step] = [Number(metadata.trained), Number(metadata.step)];
  const areCounts = [trained, step].every((count) => Number.isSafeInteger(count) && count >= 0);
  if (areCounts && step <= steps) return { trained, step, tensors };
  const got = [metadata.trained, metadata.step].map((text = "none") => shortened(text));
  throw new SyntaxError(
    `Cannot resume from ${path}: got ${got[0]} networks trained and step ${got[1]}, expected two ` +
      `counts and at most ${steps} steps; remove the file to start its group again`,
  );
}

/** Removes the checkpoint of the networks that went to `out`, if there is one. */
export async function removeTrainCheckpoint(out: string): Promise<void> {
  await Deno.remove(trainCheckpointOf(out)).catch((error) => {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  });
}

/** Makes sure that a file is of the training that is to go on. @throws UsageError where it is not. */
export function expectSameTraining(
  path: string,
  saved: Readonly<Record<string, string>>,
  origin: Readonly<Record<string, string>>,
): void {
  for (const [key, value] of Object.entries(origin)) {
    if (saved[key] === value) continue;
    throw new UsageError(
      `Cannot resume ${path}: got ${key} ${shortened(value)}, expected ` +
        `${shortened(saved[key] ?? "nothing")} as in the file; use another --out`,
    );
  }
}
