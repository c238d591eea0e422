/** Picture: images.png of a run: its distilled images, or the rows of a table with two columns. */
import { type Dataset, mostProbable } from "../sets/dataset.ts";
import { denormalized } from "../sets/normalized.ts";
import { unwhitened } from "../sets/whitening.ts";
import { writeAtomic } from "../base/atomic.ts";
import { encodeGrid } from "../report/grid.ts";
import { encodeScatter } from "../report/scatter.ts";
import { type Artifact, FILES, tableOf, unwhitenedImages } from "./artifact.ts";

/**
 * Draws images, a row a step, captioned with the step's rates, or a row a class where no steps are recorded; of a table with two columns a scatter
 * plot, among the training rows; of other tables nothing.
 */
export async function writePicture(
  dir: string,
  artifact: Artifact,
  title: string,
  dataset: Pick<Dataset, "train" | "whitening">,
): Promise<void> {
  const columns = tableOf(artifact.metadata)?.columns;
  if (columns && columns.length !== 2) return;
  const picture = columns ? scatterOf(artifact, title, dataset) : gridOf(artifact, title);
  await writeAtomic(`${dir}/${FILES.picture}`, picture);
}

/** Rates that a caption has room for. */
const MOST_RATES = 6;

function gridOf(artifact: Artifact, title: string): Uint8Array {
  const { metadata, images, lrs } = artifact;
  const [count = 0, channels = 1, height = 1, width = 1] = images.shape;
  const captions = lrs.data.length > 0 ? captionsOfSteps(artifact) : captionsOfClasses(artifact);
  return encodeGrid({
    images: unwhitenedImages(artifact),
    rows: captions.length,
    columns: count / captions.length,
    channels,
    height,
    width,
    mean: JSON.parse(metadata.mean!),
    std: JSON.parse(metadata.std!),
    captions,
    title,
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
function captionsOfClasses({ metadata, images }: Artifact): string[] {
  const classes = Number(metadata.classes);
  if (images.shape[0] === classes) return [`one image of each of ${classes} classes`];
  return Array.from({ length: classes }, (_, k) => `class ${k}`);
}

function scatterOf(
  artifact: Artifact,
  title: string,
  { train, whitening }: Pick<Dataset, "train" | "whitening">,
): Uint8Array {
  const { labels, metadata } = artifact;
  const table = tableOf(metadata)!;
  const { columns, classNames } = table;
  const floats = Float32Array.from(train.images);
  const real = whitening ? unwhitened(floats, whitening) : floats;
  const classes = mostProbable(labels.data, classNames.length);
  return encodeScatter({
    title,
    axes: [columns[0]!, columns[1]!],
    classNames,
    real: { values: denormalized(real, table), labels: train.labels },
    distilled: { values: denormalized(unwhitenedImages(artifact), table), labels: classes },
  });
}
