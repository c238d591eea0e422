// image_folder: a distilled set as PNGs in a folder for each class, with a line about each.
import { encode } from "npm:fast-png@8.0.0";
import { UsageError } from "../base/usage_error.ts";
import { datasetCard } from "./dataset_card.ts";
import type { DistilledSet, Training } from "./distilled_set.ts";

/** Contents of files by their path in a folder. */
export type Files = Record<string, Uint8Array | string>;

/** The files of a folder that `datasets`' imagefolder and torchvision's ImageFolder read. */
export function imageFolder(set: DistilledSet): Files {
  const images = encodeImages(set);
  const { classes, class_names: names } = set.training;
  const lines = images.map(({ path }, n) => {
    const softLabel = [...set.softLabels.data.subarray(n * classes, (n + 1) * classes)];
    const [label, step] = [set.labels[n]!, set.steps[n]];
    const name = names && { class_name: names[label] };
    return JSON.stringify({ file_name: path, label, ...name, soft_label: softLabel, step });
  });
  return {
    "README.md": datasetCard(set, "folder"),
    ...companions(set),
    "metadata.jsonl": lines.map((line) => `${line}\n`).join(""),
    ...Object.fromEntries(images.map(({ path, png }) => [path, png])),
  };
}

/** What lies beside the images in either kind of folder: all that PNGs cannot hold. */
export function companions({ training, artifact }: DistilledSet): Files {
  const json = JSON.stringify(training, null, 2);
  return { "distilled.json": `${json}\n`, "distilled.safetensors": artifact };
}

/**
 * Every image as a PNG of 8 bits with its path, `class/step_index.png`. Numbers have leading zeros:
 * the order of names is that of classes and of images.
 *
 * @throws UsageError for a table, or images that have neither one nor three channels.
 */
export function encodeImages(set: DistilledSet): { path: string; png: Uint8Array }[] {
  const { training, bytes } = set;
  const [channels = 1, height = 1, width = 1] = training.image_shape;
  if (!bytes) {
    throw new UsageError(
      `Cannot export ${training.dataset} as PNG: got rows of a table, expected images; use --format ` +
        `npz, or the run's own distilled.csv`,
    );
  }
  if (channels !== 1 && channels !== 3) {
    throw new UsageError(
      `Cannot export images as PNG: got ${channels} channels, expected 1 or 3; use --format npz`,
    );
  }
  const size = channels * height * width;
  const { steps, images_per_step: perStep } = training;
  return set.labels.map((label, n) => {
    const [step, index] = [set.steps[n]!, n % perStep];
    const name = `${padded(step, steps)}_${padded(index, perStep)}.png`;
    const data = interleave(bytes.subarray(n * size, (n + 1) * size), channels);
    return {
      path: `${folderOf(label, training)}/${name}`,
      png: encode({ width, height, channels, depth: 8, data }),
    };
  });
}

/** Characters of a class name in a folder's; file systems allow 255 bytes, four a character. */
const MOST_CHARACTERS = 60;

/**
 * The folder of a class: its number, which keeps classes in order, and apart where names become
 * alike; then what of its name is safe on any system, letters and digits.
 */
function folderOf(label: number, { classes, class_names: names }: Training): string {
  const number = padded(label, classes);
  const words = (names?.[label] ?? "").match(/[\p{L}\p{M}\p{N}]+/gu) ?? [];
  const name = [...words.join("_")].slice(0, MOST_CHARACTERS).join("");
  return name === "" || name === number ? number : `${number}_${name}`;
}

/** `value`, one of 0 … count − 1, with as many digits as the last of them. */
function padded(value: number, count: number): string {
  return String(value).padStart(String(count - 1).length, "0");
}

/** [C, H, W] to [H, W, C]. */
function interleave(planes: Uint8Array, channels: number): Uint8Array {
  const plane = planes.length / channels;
  return Uint8Array.from(
    planes,
    (_, i) => planes[(i % channels) * plane + Math.floor(i / channels)]!,
  );
}
