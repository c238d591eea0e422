/** Picture: images.png or images.svg of a run: its distilled images, or the rows of a table with two columns. */
import { type Dataset, mostProbable } from "../sets/dataset.ts";
import { denormalized } from "../sets/normalized.ts";
import { unwhitened } from "../sets/whitening.ts";
import { writeAtomic } from "../base/atomic.ts";
import { encodeGrid, type Grid } from "../report/grid.ts";
import { encodeScatter } from "../report/scatter.ts";
import { type Artifact, pictureOf, tableOf, unwhitenedImages } from "./artifact.ts";

/** What a picture is of besides the distilled data. */
type Source = Pick<Dataset, "name" | "classNames" | "train" | "whitening">;

/**
 * Draws images, a row a step, captioned with the step's rates, or a row a class where no steps are recorded; of a table
 * with two columns a scatter plot, among the training rows; of other tables nothing.
 */
export async function writePicture(
  dir: string,
  artifact: Artifact,
  title: string,
  dataset: Source,
): Promise<void> {
  const columns = tableOf(artifact.metadata)?.columns;
  const file = pictureOf({ ...dataset, columns });
  if (file === undefined) return;
  const type = file.endsWith(".svg") ? "system" : "bitmap";
  const picture = columns
    ? encodeScatter({ ...scatterOf(artifact, dataset), title, type })
    : encodeGrid({ ...gridOf(artifact, namesOf(artifact, dataset)), title, type });
  await writeAtomic(`${dir}/${file}`, picture);
}

/** What the classes are called: by their names, or by their numbers. */
function namesOf({ metadata }: Artifact, { classNames }: Source): readonly string[] {
  return classNames ?? Array.from({ length: Number(metadata.classes) }, (_, k) => `${k}`);
}

/** Rates that a caption has room for. */
const MOST_RATES = 6;

function gridOf(artifact: Artifact, names: readonly string[]): Grid {
  const { metadata, images, labels, lrs } = artifact;
  const [count = 0, channels = 1, height = 1, width = 1] = images.shape;
  const isOneRow = lrs.data.length > 0 || count === names.length;
  const captions = lrs.data.length > 0
    ? captionsOfSteps(artifact)
    : captionsOfClasses(count, names);
  const columns = count / captions.length;
  const perClass = columns / names.length;
  const isLearned = labels.data.some((value) => value !== 0 && value !== 1);
  const heads = Array.from({ length: columns }, (_, c) => names[Math.floor(c / perClass)]!);
  return {
    images: unwhitenedImages(artifact),
    rows: captions.length,
    columns,
    channels,
    height,
    width,
    mean: JSON.parse(metadata.mean!),
    std: JSON.parse(metadata.std!),
    captions,
    ...(isOneRow && { heads }),
    ...(isLearned && { labels: learnedLabels(artifact, names, isOneRow ? heads : []) }),
  };
}

/**
 * Of each image its most probable class, and how much of it: "7 62%", or of labels that are no probabilities "7 1.3". A
 * class that stands over the image already is left out.
 */
function learnedLabels(
  { labels }: Artifact,
  names: readonly string[],
  heads: readonly string[],
): string[] {
  const K = names.length;
  return mostProbable(labels.data, K).map((k, n) => {
    const own = labels.data.subarray(n * K, (n + 1) * K);
    const isDistribution = Math.abs(own.reduce((a, b) => a + b, 0) - 1) < 1e-3 &&
      own.every((p) => p >= 0);
    const much = isDistribution ? `${Math.round(100 * own[k]!)}%` : own[k]!.toFixed(1);
    return names[k] === heads[n % heads.length] ? much : `${names[k]} ${much}`;
  });
}

/** A row a step, with its rates. */
function captionsOfSteps({ metadata, lrs }: Artifact): string[] {
  const steps = Number(metadata.steps);
  return Array.from({ length: steps }, (_, step) => {
    const rates = Array.from(lrs.data).filter((_, t) => t % steps === step)
      .map((rate) => rate.toPrecision(3));
    const shown = rates.length > MOST_RATES ? [rates[0], "…", rates.at(-1)] : rates;
    return `step ${step + 1}: η ${shown.join(" ")}`;
  });
}

/** Where no steps are recorded a row a class, or one row where there is one image of each. */
function captionsOfClasses(count: number, names: readonly string[]): string[] {
  if (count === names.length) return [`one image of each of ${count} classes`];
  return names.map((name) => /^\d+$/.test(name) ? `class ${name}` : name);
}

function scatterOf(artifact: Artifact, { train, whitening }: Source) {
  const { labels, metadata } = artifact;
  const table = tableOf(metadata)!;
  const { columns, classNames } = table;
  const floats = Float32Array.from(train.images);
  const real = whitening ? unwhitened(floats, whitening) : floats;
  const classes = mostProbable(labels.data, classNames.length);
  return {
    axes: [columns[0]!, columns[1]!] as const,
    classNames,
    real: { values: denormalized(real, table), labels: train.labels },
    distilled: { values: denormalized(unwhitenedImages(artifact), table), labels: classes },
  };
}
