/** Checkpoint: where a run stands, and what it is a run of, so that only the same run goes on. */
import { z } from "npm:zod@4.6.7";
import { archToText } from "../nets/arch.ts";
import type { Dataset } from "../sets/dataset.ts";
import {
  decodeSafetensors,
  encodeSafetensors,
  expectFinite,
  type FloatTensor,
} from "../base/safetensors.ts";
import { digestOf } from "../sets/digest.ts";
import { jsonText } from "../base/json_text.ts";
import { writeAtomic } from "../base/atomic.ts";
import { quoted, shortened } from "../base/text.ts";
import { FILES } from "./artifact.ts";
import type { NetworkFile } from "./network_file.ts";
import type { Recipe } from "../recipe/recipe.ts";
import { UsageError } from "../base/usage_error.ts";

/**
 * What a run depends on, by name: its settings, the data set, the adapter and, where there are any, the
 * trained networks that it starts from.
 */
export async function originOf(
  recipe: Recipe,
  dataset: Dataset,
  adapter: string,
  networks?: NetworkFile,
): Promise<Record<string, string>> {
  const settings = Object.entries({ ...recipe, arch: archToText(recipe.arch) })
    .map(([key, value]) => [key, String(value)]);
  const trained = networks && { "trained networks": networks.sha256 };
  const data = { "data of SHA-256": await digestOf(dataset) };
  return { ...Object.fromEntries(settings), ...data, adapter, ...trained };
}

/** An origin as metadata has it: an object of strings, as JSON. */
const originSchema = jsonText(z.record(z.string(), z.string()));

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

/** Where a run stood when it was saved. */
export interface Checkpoint {
  /** Everything that continues it, by name. */
  readonly tensors: Record<string, FloatTensor>;
  /** Iterations done. */
  readonly iteration: number;
  /** What the run depends on from now on: as given, and under `iterations` the lengths that it had before too. */
  readonly origin: Record<string, string>;
}

/**
 * Reads a run's `checkpoint.safetensors`, if there is one. With `mayContinue` its run may have had fewer
 * iterations than the recipe; where the rate falls as a cosine, it must have finished them.
 *
 * @throws Error when it is damaged; UsageError when it is of another run.
 */
export async function readCheckpoint(
  dir: string,
  recipe: Recipe,
  origin: Record<string, string>,
  { mayContinue = false } = {},
): Promise<Checkpoint | undefined> {
  const path = `${dir}/${FILES.checkpoint}`;
  const bytes = await Deno.readFile(path).catch((error) => {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  });
  if (!bytes) return undefined;
  const { tensors, metadata } = decodeSafetensors(bytes, path);
  expectFinite(tensors, path);
  const saved = savedOrigin(metadata, path);
  const lengths = mayContinue ? lengthsOf(recipe, saved.iterations) : undefined;
  for (const [key, got] of Object.entries(origin)) {
    if (got === saved[key] || (key === "iterations" && lengths !== undefined)) continue;
    throw new UsageError(
      `Cannot resume from ${path}: got ${key} ${shortened(got)}, expected ` +
        `${shortened(saved[key] ?? "nothing")} as when it was written; use another folder`,
    );
  }
  const iteration = Number(metadata.iteration);
  if (!Number.isSafeInteger(iteration) || iteration < 0 || iteration > recipe.iterations) {
    throw new SyntaxError(
      `Cannot resume from ${path}: got iteration ${
        shortened(metadata.iteration ?? "none")
      }, expected an integer from 0 ` +
        `to ${recipe.iterations}; start again in another folder`,
    );
  }
  const before = lengths?.at(-2);
  if (before !== undefined && iteration < before) {
    throw new UsageError(
      `Cannot give ${path} ${recipe.iterations} iterations: got a run at iteration ${iteration} of ` +
        `${before} whose rate falls as a cosine over all of them, expected a finished one; finish it ` +
        `first, with --resume alone`,
    );
  }
  const now = lengths ? { ...origin, iterations: lengths.join(", ") } : origin;
  return { tensors, iteration, origin: now };
}

/**
 * The lengths that a run has had, when it was saved as `saved` tells and has now as many iterations as the recipe: the
 * last is that of now. Earlier ones are told only where the rate depends on the length. Undefined where the recipe has
 * fewer iterations than the run.
 */
function lengthsOf({ iterations, schedule }: Recipe, saved = ""): number[] | undefined {
  const lengths = saved.split(", ").map(Number);
  const last = lengths.at(-1)!;
  if (iterations === last) return lengths;
  if (!(iterations > last)) return undefined;
  return schedule === "cosine" ? [...lengths, iterations] : [iterations];
}

/** The origin that a checkpoint was written with. */
function savedOrigin({ origin = "" }: Record<string, string>, path: string) {
  const saved = originSchema.safeParse(origin);
  if (saved.success) return saved.data;
  throw new SyntaxError(
    `Cannot resume from ${path}: got ${quoted(origin)} for what it is a checkpoint of, ` +
      `expected settings by name; the file is damaged, start again in another folder`,
  );
}
