/** Normalized: images as networks see them, on the processor, and back. */
import { gather } from "./batches.ts";
import type { Dataset, Split } from "./dataset.ts";

/** Images of a split by index as networks see them, [indices.length, C, H, W]. */
export function normalized(
  { channels, height, width, mean, std, train }: Dataset,
  indices: readonly number[],
  split: Split = train,
): Float32Array<ArrayBuffer> {
  if (split.images instanceof Float32Array) return Float32Array.from(gather(split, indices).images);
  const plane = height * width;
  const size = channels * plane;
  const images = new Float32Array(indices.length * size);
  indices.forEach((index, n) => {
    for (let i = 0; i < size; i++) {
      const c = Math.floor(i / plane);
      images[n * size + i] = (split.images[index * size + i]! / 255 - mean[c]!) / std[c]!;
    }
  });
  return images;
}

/**
 * Normalised numbers x [·, C, H, W] in their units, x · std + mean: of images 0 is black and 1 white.
 *
 * @param plane H · W, numbers that share a mean.
 */
export function denormalized(
  x: Float32Array,
  { mean, std }: { readonly mean: readonly number[]; readonly std: readonly number[] },
  plane = 1,
): Float64Array {
  return Float64Array.from(x, (value, i) => {
    const c = Math.floor(i / plane) % mean.length;
    return value * std[c]! + mean[c]!;
  });
}
