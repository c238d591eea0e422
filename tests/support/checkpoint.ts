/** Checkpoint: what a run's folder has saved. */
import { decodeSafetensors } from "../../src/base/safetensors.ts";

/** Iterations that are in a run's checkpoint; undefined where there is none. */
export async function readCheckpointIteration(dir: string): Promise<number | undefined> {
  const path = `${dir}/checkpoint.safetensors`;
  const bytes = await Deno.readFile(path).catch(() => undefined);
  return bytes && Number(decodeSafetensors(bytes, path).metadata.iteration);
}
