// train_command: trains networks on real data into one file, to distil from.
import type { TrainSettings } from "../../mod.ts";
import { openProgress } from "./progress.ts";
import { describeAccuracy, describeDuration, expectNoFolder, loadDataset } from "./session.ts";
import type { Outcome, Session } from "./session.ts";

/** The flags of `train`; those of settings are undefined where the data set's own apply. */
export interface TrainFlags extends Partial<TrainSettings> {
  /** Data set to train on. */
  dataset: string;
  /** File of the networks. */
  out?: string;
  /** Whether to go on with the networks that the file has. */
  resume?: boolean;
  /** Rows and columns to resize images to. */
  resize?: number;
  /** Pixels of 0 to add on every side after that. */
  pad?: number;
  /** Colour channels to convert images to. */
  channels?: "1" | "3";
  /** Folder of IDX files. */
  dataDir?: string;
}

/** Trains networks as the flags say. */
export async function trainCommand(session: Session, flags: TrainFlags): Promise<Outcome> {
  const { retort } = session;
  const { resize = 0, pad = 0, channels = "0", ...others } = flags;
  const { dataset: name, dataDir, out: given, resume, ...settings } = others;
  const out = given ?? `out/networks/${fileNameOf(name)}.safetensors`;
  const how = retort.trainSettings(name, settings);
  await expectNoFolder(session, out);
  if (!resume) await expectNoFile(session, out);
  const form = { resize, pad, channels: Number(channels) as 0 | 1 | 3 };
  const dataset = await loadDataset(session, { dataset: name, ...form }, { dataDir });
  using device = await retort.openDevice();
  const { arch, networks, epochs, lr, decayEpochs, seed } = how;
  const what = `${networks} ${typeof arch === "string" ? arch : "custom"} on ${name}, seed ${seed}`;
  if (!session.quiet) {
    const rates = `Adam at ${lr}, halved every ${decayEpochs} epochs`;
    session.note(`${what}: ${epochs} epochs, ${rates}; adapter ${device.info.name}`);
  }
  const display = openProgress(session, "epoch");
  const result = await retort.trainNetworks(device, dataset, how, {
    out,
    resume: resume ?? false,
    onProgress: ({ epoch, epochs, loss, secondsPerEpoch }) =>
      display.update({
        iteration: epoch,
        iterations: epochs,
        loss,
        secondsPerIteration: secondsPerEpoch,
      }),
  }).finally(() => display.stop());
  return {
    values: { dataset: name, ...how, adapter: device.info.name, ...result },
    lines: [
      what,
      `Test accuracy ${describeAccuracy(result.accuracy)}`,
      `${epochs} epochs in ${describeDuration(result.seconds)}`,
      `Networks ${out}`,
    ],
  };
}

/** "mnist", and "folder-photos-train" for folder:photos/train. */
function fileNameOf(dataset: string): string {
  return dataset.replaceAll(/[^\w.-]+/g, "-");
}

async function expectNoFile({ retort }: Session, out: string): Promise<void> {
  const found = await Deno.stat(out).catch((error) => {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  });
  if (!found) return;
  throw new retort.UsageError(
    `Cannot write to ${out}: it is there already; pass --resume to go on with it, or another --out`,
  );
}
