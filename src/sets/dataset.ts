/** Dataset: what every loader returns, a data set of images or rows of numbers, split into train and test. */
import type { Whitening } from "./whitening.ts";

/** One split of a data set. */
export interface Split {
  /** [count, channels, height, width]: pixels 0…255 as bytes, or floats as networks read them. */
  images: Uint8Array | Float32Array;
  /** The class of each image, [count]. */
  labels: Uint8Array;
  /** How many images. */
  count: number;
}

/** A split of images, as every file format has them: whitening alone makes floats of bytes. */
export interface ByteSplit extends Split {
  images: Uint8Array;
}

/**
 * A labelled data set: images, whose pixels are normalised as x = (byte / 255 − mean) / std, or the rows
 * of a table, whose numbers are x = (number − mean) / std, a column a channel of a single pixel.
 */
export interface Dataset {
  /** The name it was loaded by. */
  name: string;
  /** Colour channels of an image, or columns of a table. */
  channels: number;
  /** Rows of an image, in pixels. */
  height: number;
  /** Columns of an image, in pixels. */
  width: number;
  /** How many classes; labels are 0…classes−1. */
  classes: number;
  /** What the classes are called, by label; left out where that is not known. */
  classNames?: readonly string[];
  /** What the columns of a table are called, [channels]; left out for images. */
  columns?: readonly string[];
  /** Mean of the pixels scaled to 0…1, or of the numbers of a column, [channels]. */
  mean: number[];
  /** Standard deviation of the same, [channels]. */
  std: number[];
  /** How the images of both splits were whitened after that, where they were. */
  whitening?: Whitening;
  /** Digest of both splits before they were whitened, where they were. */
  sha256?: string;
  /** The images to train on. */
  train: Split;
  /** The images to measure accuracy on. */
  test: Split;
}

/** The most probable class of each image, [N], by labels [N, classes]. */
export function mostProbable(labels: Float32Array, classes: number): number[] {
  return Array.from({ length: labels.length / classes }, (_, n) => {
    const of = labels.subarray(n * classes, (n + 1) * classes);
    return of.indexOf(Math.max(...of));
  });
}

/**
 * `names` if they are strings, one for each of `classes` and no two alike. Others are ignored, not
 * refused: labels are numbers, and nothing is computed from names.
 */
export function usableClassNames(names: unknown, classes: number): readonly string[] | undefined {
  const isList = Array.isArray(names) && names.every((name) => typeof name === "string");
  return isList && names.length === classes && new Set(names).size === classes ? names : undefined;
}

/** What a data set is called among people who do not have its files: `folder:` and `csv:` lose their paths. */
export function publicName(name: string): string {
  const [, path] = /^(?:folder|csv):(.+)$/s.exec(name) ?? [];
  return path?.split(/[\\/]/).findLast((part) => part !== "") ?? name;
}
