// What every loader returns: a data set of byte images with labels, split into train and test.
import type { Idx } from "./idx.ts";

/** One split of a data set. */
export interface Split {
  /** Pixels 0…255, [count, channels, height, width]. */
  images: Uint8Array;
  /** The class of each image, [count]. */
  labels: Uint8Array;
  /** How many images. */
  count: number;
}

/** A labelled image data set; pixels are normalised as x = (byte / 255 − mean) / std. */
export interface Dataset {
  /** The name it was loaded by. */
  name: string;
  /** Colour channels of an image. */
  channels: number;
  /** Rows of an image, in pixels. */
  height: number;
  /** Columns of an image, in pixels. */
  width: number;
  /** How many classes; labels are 0…classes−1. */
  classes: number;
  /** Mean of the pixels scaled to 0…1, [channels]. */
  mean: number[];
  /** Standard deviation of the pixels scaled to 0…1, [channels]. */
  std: number[];
  /** The images to train on. */
  train: Split;
  /** The images to measure accuracy on. */
  test: Split;
}

/** The four arrays of a data set in the MNIST layout. */
export interface IdxFiles {
  /** [count, H, W] or [count, C, H, W]. */
  trainImages: Idx;
  /** [count]. */
  trainLabels: Idx;
  /** [count, H, W] or [count, C, H, W]. */
  testImages: Idx;
  /** [count]. */
  testLabels: Idx;
}

const PUBLISHED = new Map([
  ["mnist", { classes: 10, mean: [0.1307], std: [0.3081] }],
  ["fashion_mnist", { classes: 10, mean: [0.2860], std: [0.3530] }],
]);

/**
 * Pairs `images` [count, H, W] or [count, C, H, W] with `labels` [count], without copying.
 *
 * @throws {RangeError} wrong rank, no image, different counts, or a label not below `classes`
 */
export function makeSplit(images: Idx, labels: Idx, classes: number, source: string): Split {
  const [count = 0] = images.dims;
  if (images.dims.length < 3 || images.dims.length > 4 || images.data.length === 0) {
    throw new RangeError(
      `Cannot read ${source}: got images of shape [${images.dims.join(", ")}], expected ` +
        `[count, H, W] or [count, C, H, W], none of them 0; check which file holds the images`,
    );
  }
  if (labels.dims.length !== 1 || labels.dims[0] !== count) {
    throw new RangeError(
      `Cannot read ${source}: got labels of shape [${labels.dims.join(", ")}], expected ` +
        `[${count}], one for each image; check that both files are of the same split`,
    );
  }
  const wrong = labels.data.findIndex((label) => label >= classes);
  if (wrong >= 0) {
    throw new RangeError(
      `Cannot read ${source}: got label ${labels.data[wrong]} at index ${wrong}, expected ` +
        `0…${classes - 1}; check that the labels belong to this data set`,
    );
  }
  return { images: images.data, labels: labels.data, count };
}

/**
 * Builds a data set from four IDX arrays. `mnist` and `fashion_mnist` take their published class
 * count, mean and std; any other name takes the largest training label plus one, and the mean and
 * std of its training images. `source` names the data in errors.
 *
 * @throws {RangeError} splits that do not fit together, or a channel of one constant value
 */
export function makeDataset(name: string, files: IdxFiles, source: string): Dataset {
  const published = PUBLISHED.get(name);
  const classes = published?.classes ??
    files.trainLabels.data.reduce((largest, label) => Math.max(largest, label), 0) + 1;
  const train = makeSplit(files.trainImages, files.trainLabels, classes, `${source} (train)`);
  const test = makeSplit(files.testImages, files.testLabels, classes, `${source} (test)`);
  const trainShape = files.trainImages.dims.slice(1);
  const testShape = files.testImages.dims.slice(1);
  if (trainShape.join() !== testShape.join()) {
    throw new RangeError(
      `Cannot read ${source}: got test images of shape [${testShape.join(", ")}], expected ` +
        `[${trainShape.join(", ")}] as in training; check that all files are of one data set`,
    );
  }
  const [width = 0, height = 0, channels = 1] = trainShape.reverse();
  const { mean, std } = published ?? statistics(train, channels, source);
  return { name, channels, height, width, classes, mean: [...mean], std: [...std], train, test };
}

/** Mean and standard deviation of each channel over all training pixels, scaled to 0…1. */
function statistics(split: Split, channels: number, source: string) {
  const plane = split.images.length / (split.count * channels);
  const mean: number[] = [];
  const std: number[] = [];
  for (let c = 0; c < channels; c++) {
    let sum = 0;
    let squares = 0;
    for (let n = 0; n < split.count; n++) {
      const start = (n * channels + c) * plane;
      for (const byte of split.images.subarray(start, start + plane)) {
        sum += byte;
        squares += byte * byte;
      }
    }
    const pixels = split.count * plane;
    const variance = (squares - sum * sum / pixels) / pixels;
    if (variance <= 0) {
      throw new RangeError(
        `Cannot read ${source}: got one constant value in channel ${c} of the training images, ` +
          `expected two or more to normalise by; check the image file`,
      );
    }
    mean.push(sum / pixels / 255);
    std.push(Math.sqrt(variance) / 255);
  }
  return { mean, std };
}
