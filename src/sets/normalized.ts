/** Normalized: images as networks see them, on the processor. */
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
