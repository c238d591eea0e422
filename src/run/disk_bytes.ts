/** DiskBytes: what the files of a run take on disk. */
import type { FloatTensor } from "../base/safetensors.ts";
import type { Training } from "../evaluate/measure.ts";
import type { Device } from "../gpu/mod.ts";
import type { Recipe } from "../recipe/recipe.ts";
import type { Dataset } from "../sets/dataset.ts";
import { whiteningTensors } from "../store/artifact.ts";
import { artifactOf } from "./artifact_of.ts";
import type { Setting } from "./set_up.ts";

/** Bytes of a line of the log, and of a picture's pixel. */
const BYTES = { line: 130, pixel: 1 };

/** Bytes of the files of a run at most: while a checkpoint is written, the one before it stays. */
export async function diskBytesOf(
  { loop, initial }: Setting,
  training: Training,
  { recipe, dataset, device }: { recipe: Recipe; dataset: Dataset; device: Device },
): Promise<number> {
  const adapter = device.info.name;
  const about = { recipe, dataset, adapter, init: await initial(), lengths: "" };
  const { images, labels, lrs, init, whitening } = await artifactOf(training, about);
  const artifact = { images, labels, lrs, ...init, ...(whitening && whiteningTensors(whitening)) };
  const lines = recipe.iterations *
    (1 / recipe.log_every + (recipe.eval_every > 0 ? 1 / recipe.eval_every : 0));
  return bytesOf(artifact) + 2 * bytesOf(await loop.save()) + BYTES.line * lines +
    BYTES.pixel * images.data.length;
}

function bytesOf(tensors: Readonly<Record<string, FloatTensor>>): number {
  return Object.values(tensors).reduce((sum, { data }) => sum + data.byteLength, 0);
}
