/**
 * RealSets: small training sets made of real images, which distilled ones are compared with (Wang et
 * al. 2018, section 4: random, k-means and average real images) or start from.
 *
 * A set has as many images as a distilled one, in the same order: steps of `per_class` images of
 * class 0, then of class 1, and so on.
 */
import { permutation } from "../sets/batches.ts";
import type { Dataset, Split } from "../sets/dataset.ts";
import { normalized } from "../sets/normalized.ts";
import { kmeansCentres } from "../sets/kmeans.ts";
import type { Device } from "../gpu/mod.ts";
import { drawNormal } from "../meta/noise.ts";
import type { Recipe } from "../recipe/recipe.ts";
import { UsageError } from "../base/usage_error.ts";

/** Images and labels for `steps` blocks of `perStep` images. */
export interface RealSet {
  /** [steps · perStep, C, H, W], normalised. */
  readonly images: Float32Array<ArrayBuffer>;
  /** [steps · perStep], the class of each image. */
  readonly labels: Uint8Array;
}

/** The sizes of a set. */
type Sizes = Pick<Recipe, "steps" | "per_class" | "seed">;

/** Sets draws of sets apart from the epochs of training with the same seed. */
const FIRST_DRAW = 0x80000000;

/** Set number `draw`: the first images of each class in a random order of the training images. */
export function randomSet(dataset: Dataset, sizes: Sizes, draw: number): RealSet {
  const { train, classes } = dataset;
  const wanted = sizes.steps * sizes.per_class;
  const chosen: number[][] = Array.from({ length: classes }, () => []);
  for (const index of permutation(train.count, sizes.seed, FIRST_DRAW + draw)) {
    const ofClass = chosen[train.labels[index]!]!;
    if (ofClass.length < wanted) ofClass.push(index);
  }
  return arrange(dataset, sizes, (k) => {
    expectEnough(dataset, k, chosen[k]!.length, wanted);
    return normalized(dataset, chosen[k]!);
  });
}

/**
 * What distilled images are before any is learned, [steps · perStep, C, H, W].
 *
 * @param onNote called with a line when something long begins.
 * @throws UsageError when a class has fewer real images than are wanted of it.
 */
export async function firstImages(
  device: Device,
  recipe: Sizes & Pick<Recipe, "image_init">,
  dataset: Dataset,
  onNote: (line: string) => void = () => {},
): Promise<RealSet["images"]> {
  switch (recipe.image_init) {
    case "noise": {
      const count = recipe.steps * recipe.per_class * dataset.classes;
      return await drawNormal(device, recipe.seed, IMAGE_STREAM, count * sizeOf(dataset));
    }
    case "real":
      return randomSet(dataset, recipe, 0).images;
    case "kmeans":
      return (await kmeansSet(dataset, recipe, (k) => onNote(`k-means centres of class ${k}`)))
        .images;
  }
}

const IMAGE_STREAM = 100;

/** The mean of each class; every step has the same. */
export function averageSet(dataset: Dataset, sizes: Sizes): RealSet {
  const size = sizeOf(dataset);
  return arrange(dataset, sizes, (k) => {
    const indices = ofClass(dataset.train, k);
    expectEnough(dataset, k, indices.length, 1);
    const mean = new Float64Array(size);
    for (const index of indices) normalized(dataset, [index]).forEach((v, i) => mean[i]! += v);
    const wanted = sizes.steps * sizes.per_class;
    return Float32Array.from({ length: wanted * size }, (_, i) => mean[i % size]! / indices.length);
  });
}

/** The k-means centres of each class, as many as the set has images of it. */
export async function kmeansSet(
  dataset: Dataset,
  sizes: Sizes,
  onClass: (k: number) => void = () => {},
): Promise<RealSet> {
  const wanted = sizes.steps * sizes.per_class;
  const centres: Float32Array[] = [];
  for (let k = 0; k < dataset.classes; k++) {
    onClass(k);
    const indices = ofClass(dataset.train, k);
    expectEnough(dataset, k, indices.length, wanted);
    const points = normalized(dataset, indices);
    centres.push(await kmeansCentres(points, sizeOf(dataset), wanted, sizes.seed));
  }
  return arrange(dataset, sizes, (k) => centres[k]!);
}

/** Deals the images of each class, [steps · per_class, C, H, W], out over the steps. */
function arrange(
  dataset: Dataset,
  { steps, per_class }: Sizes,
  imagesOf: (k: number) => Float32Array,
): RealSet {
  const size = sizeOf(dataset);
  const { classes } = dataset;
  const images = new Float32Array(steps * classes * per_class * size);
  const labels = new Uint8Array(steps * classes * per_class);
  for (let k = 0; k < classes; k++) {
    const all = imagesOf(k);
    for (let step = 0; step < steps; step++) {
      const at = (step * classes + k) * per_class;
      const block = all.subarray(step * per_class * size, (step + 1) * per_class * size);
      images.set(block, at * size);
      labels.fill(k, at, at + per_class);
    }
  }
  return { images, labels };
}

function ofClass({ labels, count }: Split, k: number): number[] {
  return Array.from({ length: count }, (_, n) => n).filter((n) => labels[n] === k);
}

function sizeOf({ channels, height, width }: Dataset): number {
  return channels * height * width;
}

function expectEnough({ name }: Dataset, k: number, got: number, wanted: number): void {
  if (got >= wanted) return;
  throw new UsageError(
    `Cannot take real images of ${name}: got ${got} of class ${k}, expected at least ${wanted}; ` +
      `lower steps or per_class`,
  );
}
