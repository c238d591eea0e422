/** Estimate: what a run would take, from its plan and a few iterations of it. Nothing is written. */
import type { Device } from "../gpu/mod.ts";
import { whitened } from "../meta/whiten.ts";
import { networksOf } from "../evaluate/pretrained.ts";
import { firstImages } from "../evaluate/real_sets.ts";
import { expectDistillable } from "../recipe/fitting.ts";
import { parseRecipe, type Recipe } from "../recipe/recipe.ts";
import type { Dataset } from "../sets/dataset.ts";
import { setUp } from "./set_up.ts";

/** What a run would take. */
export interface Estimate {
  /** What GPU memory would be spent on, line by line. */
  readonly plan: string[];
  /** Bytes of GPU memory. */
  readonly bytes: number;
  /** Seconds of an iteration, the mean of three after the first, which compiles. */
  readonly secondsPerIteration: number;
  /** Seconds of all iterations; the tests before and after are not in it. */
  readonly seconds: number;
  /** Dispatches of an iteration. */
  readonly dispatches: number;
}

const TIMED = 3;

/**
 * Runs four iterations of a recipe and times the last three. With a pool or a window these may differ from later
 * ones, whose networks are of other ages.
 *
 * @throws UsageError as `distill` does.
 */
export async function estimate(
  device: Device,
  given: Recipe,
  dataset: Dataset,
  { memoryBudget, onNote }: {
    readonly memoryBudget?: number | undefined;
    readonly onNote?: ((line: string) => void) | undefined;
  } = {},
): Promise<Estimate> {
  const recipe = parseRecipe(given, given.name);
  expectDistillable(recipe, dataset);
  const seen = await whitened(device, dataset, recipe.zca, onNote);
  const networks = await networksOf(recipe);
  const { loop, memory, labels } = setUp(device, recipe, seen, {
    memoryBudget,
    file: networks,
  });
  using _loop = loop;
  const images = await firstImages(device, { ...recipe, image_init: "noise" }, seen);
  const { distill_lr: rate, momentum } = recipe;
  loop.learned.initialize({ images, rate, momentum, ...(labels && { labels }) });
  await loop.iterate(0);
  await device.done();
  const start = performance.now();
  for (let k = 1; k <= TIMED; k++) await loop.iterate(k);
  await device.done();
  const secondsPerIteration = (performance.now() - start) / 1000 / TIMED;
  return {
    plan: memory.lines,
    bytes: memory.bytes,
    secondsPerIteration,
    seconds: secondsPerIteration * recipe.iterations,
    dispatches: loop.dispatches,
  };
}
