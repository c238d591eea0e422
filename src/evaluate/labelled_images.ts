/** LabelledImages: images with their labels, apart from how they were distilled. */
import type { Training } from "./measure.ts";

/** Images [n, C, H, W], normalised, and labels [n, K]. */
export interface LabelledImages {
  readonly images: ArrayLike<number>;
  readonly labels: ArrayLike<number>;
}

/** Distilled images and labels as they are on the GPU now. */
export async function readLabelled({ data }: Pick<Training, "data">): Promise<LabelledImages> {
  return { images: await data.images.read(), labels: await data.labels.read() };
}
