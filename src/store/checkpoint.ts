/** Checkpoint: where a run stands, and what it is a run of, so that only the same run goes on. */
import { archToText } from "../nets/arch.ts";
import type { Dataset } from "../sets/dataset.ts";
import { decodeSafetensors, encodeSafetensors, type FloatTensor } from "../base/safetensors.ts";
import { sha256 } from "../base/sha256.ts";
import { writeAtomic } from "../base/atomic.ts";
import { FILES } from "./artifact.ts";
import type { NetworkFile } from "./network_file.ts";
import type { Recipe } from "../recipe/recipe.ts";
import { UsageError } from "../base/usage_error.ts";

/**
 * What the bits of a run depend on, by name: its settings, the training images, the adapter and, where
 * there are any, the trained networks that it starts from.
 */
export async function originOf(
  recipe: Recipe,
  { train }: Dataset,
  adapter: string,
  networks?: NetworkFile,
): Promise<Record<string, string>> {
  const data = `${await sha256(train.images)} ${await sha256(train.labels)}`;
  const settings = Object.entries({ ...recipe, arch: archToText(recipe.arch) })
    .map(([key, value]) => [key, String(value)]);
  const trained = networks && { "trained networks": networks.sha256 };
  return { ...Object.fromEntries(settings), "training data": data, adapter, ...trained };
}

/** Writes `checkpoint.safetensors`: where a run stands after `iteration` iterations. */
export async function writeCheckpoint(
  dir: string,
  tensors: Record<string, FloatTensor>,
  iteration: number,
  origin: Record<string, string>,
): Promise<void> {
  const metadata = { iteration: `${iteration}`, origin: JSON.stringify(origin) };
  await writeAtomic(`${dir}/${FILES.checkpoint}`, encodeSafetensors(tensors, metadata));
}

/**
 * Reads a run's `checkpoint.safetensors`, if there is one.
 *
 * @throws Error when it is damaged; UsageError when it is of another run.
 */
export async function readCheckpoint(
  dir: string,
  recipe: Recipe,
  origin: Record<string, string>,
): Promise<{ tensors: Record<string, FloatTensor>; iteration: number } | undefined> {
  const path = `${dir}/${FILES.checkpoint}`;
  const bytes = await Deno.readFile(path).catch((error) => {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  });
  if (!bytes) return undefined;
  const { tensors, metadata } = decodeSafetensors(bytes, path);
  const saved: Record<string, string> = JSON.parse(metadata.origin ?? "{}");
  for (const [key, got] of Object.entries(origin)) {
    if (got === saved[key]) continue;
    throw new UsageError(
      `Cannot resume from ${path}: got ${key} ${got}, expected ${saved[key]} as when it was ` +
        `written; use another folder`,
    );
  }
  const iteration = Number(metadata.iteration);
  if (Number.isSafeInteger(iteration) && iteration >= 0 && iteration <= recipe.iterations) {
    return { tensors, iteration };
  }
  throw new SyntaxError(
    `Cannot resume from ${path}: got iteration ${metadata.iteration}, expected an integer from 0 ` +
      `to ${recipe.iterations}; start again in another folder`,
  );
}
