// The digest of a data set: tells whether it is the one that a run was made of.
import { sha256 } from "../base/sha256.ts";
import type { Dataset } from "./dataset.ts";

/** SHA-256 over the images and labels of both splits as they were loaded, in hexadecimal. */
export async function digestOf(dataset: Dataset): Promise<string> {
  if (dataset.sha256 !== undefined) return dataset.sha256;
  const { train, test } = dataset;
  const arrays = [train.images, train.labels, test.images, test.labels];
  const digests = await Promise.all(arrays.map((array) => sha256(array)));
  return await sha256(new TextEncoder().encode(digests.join(" ")));
}
