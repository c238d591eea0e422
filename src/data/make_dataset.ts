/** MakeDataset: a data set from arrays as files have them. */
import { formatBytes } from "../base/bytes.ts";
import { UsageError } from "../base/usage_error.ts";
import { type ByteSplit, type Dataset, usableClassNames } from "../sets/dataset.ts";
import type { Idx } from "./idx.ts";
import { fit, type Form } from "./image.ts";

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

/** Classes, means and standard deviations that others use; all but Fashion-MNIST's from the code of
 * Wang et al. 2018. */
const PUBLISHED = new Map([
  ["mnist", { classes: 10, mean: [0.1307], std: [0.3081] }],
  ["fashion_mnist", { classes: 10, mean: [0.2860], std: [0.3530] }],
  ["usps", { classes: 10, mean: [0.15972736477851868], std: [0.25726667046546936] }],
  ["svhn", {
    classes: 10,
    mean: [0.4379104971885681, 0.44398033618927, 0.4729299545288086],
    std: [0.19803012907505035, 0.2010156363248825, 0.19703614711761475],
  }],
  ["cifar10", { classes: 10, mean: [0.4914, 0.4822, 0.4465], std: [0.247, 0.243, 0.261] }],
]);

/**
 * Pairs `images` [count, H, W] or [count, C, H, W] with `labels` [count], without copying.
 *
 * @throws {RangeError} wrong rank, no image, different counts, or a label not below `classes`
 */
export function makeSplit(images: Idx, labels: Idx, classes: number, source: string): ByteSplit {
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
 * Builds a data set from four IDX arrays, after bringing their images to `form`. Sets with a published
 * class count, mean and std take those, a grey set made colour three times the same. Others take
 * `classes` or else the largest training label plus one, and the mean and std of their training images.
 * `classNames` is what a file says of names, kept as {@linkcode usableClassNames} has it. `source`
 * names the data in errors.
 *
 * @throws {UsageError} a form in which the images would be too large for memory
 * @throws {RangeError} splits that do not fit together, or a channel of one constant value
 */
export function makeDataset(
  name: string,
  files: IdxFiles,
  source: string,
  options: Form & { classes?: number | undefined; classNames?: unknown } = {},
): Dataset {
  const published = PUBLISHED.get(name);
  const classes = published?.classes ?? options.classes ??
    files.trainLabels.data.reduce((largest, label) => Math.max(largest, label), 0) + 1;
  const [trainImages, testImages] = [files.trainImages, files.testImages].map((images) =>
    fitAll(images, options, source)
  ) as [Idx, Idx];
  const train = makeSplit(trainImages, files.trainLabels, classes, `${source} (train)`);
  const test = makeSplit(testImages, files.testLabels, classes, `${source} (test)`);
  const trainShape = trainImages.dims.slice(1);
  const testShape = testImages.dims.slice(1);
  if (trainShape.join() !== testShape.join()) {
    throw new RangeError(
      `Cannot read ${source}: got test images of shape [${testShape.join(", ")}], expected ` +
        `[${trainShape.join(", ")}] as in training; check that all files are of one data set`,
    );
  }
  const [width = 0, height = 0, channels = 1] = trainShape.reverse();
  const { mean, std } = forChannels(published, channels) ?? statistics(train, channels, source);
  const classNames = usableClassNames(options.classNames, classes);
  const about = { name, channels, height, width, classes, mean: [...mean], std: [...std] };
  return { ...about, ...(classNames && { classNames }), train, test };
}

/** Bytes of the images of a split, which are in memory at once. */
const MOST_BYTES = 2 ** 32;

/** Images [count, H, W] or [count, C, H, W] in another form; what is no image is left to makeSplit. */
function fitAll(images: Idx, form: Form, source: string): Idx {
  const [width = 0, height = 0, channels = 1] = images.dims.slice(1).reverse();
  const [count = 0] = images.dims;
  const { size: side, pad = 0 } = form;
  const fits = (side === undefined || (side === height && side === width)) && pad === 0 &&
    (form.channels === undefined || form.channels === channels);
  const length = channels * height * width;
  if (fits || images.dims.length < 3 || images.dims.length > 4 || length === 0) return images;
  const planes = [side ?? height, side ?? width].map((pixels) => pixels + 2 * pad);
  const shape = [form.channels ?? channels, ...planes];
  const size = shape.reduce((product, axis) => product * axis, 1);
  if (count * size > MOST_BYTES) {
    throw new UsageError(
      `Cannot load ${source}: got ${count} images of ${shape.join("×")}, ${
        formatBytes(count * size)
      }, ` +
        `expected at most ${formatBytes(MOST_BYTES)}; set a smaller resize or pad`,
    );
  }
  const data = new Uint8Array(count * size);
  for (let n = 0; n < count; n++) {
    const image = images.data.subarray(n * length, (n + 1) * length);
    data.set(fit({ channels, height, width, data: image }, form).data, n * size);
  }
  return { dims: [count, ...shape], data };
}

interface Statistics {
  readonly mean: readonly number[];
  readonly std: readonly number[];
}

/** Published statistics as they are, or three times those of a grey set; none for colour made grey. */
function forChannels(published: Statistics | undefined, channels: number): Statistics | undefined {
  if (!published || published.mean.length === channels) return published;
  const repeat = (values: readonly number[]) => new Array<number>(channels).fill(values[0]!);
  if (published.mean.length > 1) return undefined;
  return { mean: repeat(published.mean), std: repeat(published.std) };
}

/** Mean and standard deviation of each channel over all training pixels, scaled to 0…1. */
function statistics(split: ByteSplit, channels: number, source: string): Statistics {
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
