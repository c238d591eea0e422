// train_command: trains networks on real data into one file, to distil from.
import type { TrainProgress, TrainSettings } from "../../mod.ts";
import { abortOnInterrupt } from "./interrupt.ts";
import { openProgress } from "./progress.ts";
import {
  describeAccuracy,
  describeCount,
  describeDuration,
  expectNoFolder,
  loadDataset,
} from "./session.ts";
import type { Outcome, Session } from "./session.ts";

/** The flags of `train`; those of settings are undefined where the data set's own apply. */
export interface TrainFlags extends Partial<TrainSettings> {
  /** Data set to train on. */
  dataset: string;
  /** File of the networks. */
  out?: string;
  /** Whether to go on where an earlier call stopped. */
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
  if (!resume) await retort.expectNoNetworks(out);
  const form = { resize, pad, channels: Number(channels) as 0 | 1 | 3 };
  const dataset = await loadDataset(session, { dataset: name, ...form }, { dataDir });
  using device = await retort.openDevice();
  const { arch, networks, epochs, lr, decayEpochs, seed } = how;
  const layers = typeof arch === "string" ? arch : "custom";
  const what = `${describeCount(networks, "network")} (${layers}) on ${name}, seed ${seed}`;
  if (!session.quiet) {
    const decay = `halved every ${describeCount(decayEpochs, "epoch")}`;
    const rates = `${describeCount(epochs, "epoch")}, Adam at ${lr}, ${decay}`;
    session.note(`${what}: ${rates}; adapter ${device.info.name}`);
  }
  const display = openProgress(session, "minibatch");
  using interrupt = abortOnInterrupt({
    stop: () => display.stop(),
    note: session.note,
    tell: () =>
      `Stopped: where it stands is in ${out}.checkpoint; the same command with --resume goes on`,
  });
  const result = await retort.trainNetworks(device, dataset, how, {
    out,
    resume: resume ?? false,
    signal: interrupt.signal,
    onOutlook: (seconds) => {
      display.stop();
      const time = describeDuration(seconds);
      if (session.quiet) return;
      session.note(`About ${time}, and tests; where it stands is saved every five minutes`);
    },
    onProgress: (progress) =>
      interrupt.signal.aborted || display.update({
        iteration: progress.minibatch,
        iterations: progress.minibatches,
        where: describePlace(progress),
        loss: progress.loss,
        secondsPerIteration: progress.secondsPerMinibatch,
      }),
  }).catch((error) => {
    throw interrupt.settle(error);
  }).finally(() => display.stop());
  return {
    values: { dataset: name, ...how, adapter: device.info.name, ...result },
    lines: [
      what,
      `Test accuracy ${describeAccuracy(result.accuracy)}`,
      `Took ${describeDuration(result.seconds)}${resume ? " since it was resumed" : ""}`,
      `Networks ${out}`,
    ],
  };
}

/** "epoch 3 of 40", after "networks 21–40 of 60" where there are several groups. */
function describePlace({ trained, training, networks, epoch, epochs }: TrainProgress): string {
  const place = `epoch ${epoch} of ${epochs}`;
  if (training === networks) return place;
  const last = trained + training;
  const group = training === 1 ? `network ${last}` : `networks ${trained + 1}–${last}`;
  return `${group} of ${networks}, ${place}`;
}

/** "mnist", and "folder-photos-train" for folder:photos/train. */
function fileNameOf(dataset: string): string {
  return dataset.replaceAll(/[^\w.-]+/g, "-");
}
