/** Estimate: what a run would take, from its plan, a few iterations and a small test. Nothing is written. */
import type { Training } from "../evaluate/measure.ts";
import type { Device } from "../gpu/mod.ts";
import { whitened } from "../meta/whiten.ts";
import { networksOf } from "../evaluate/pretrained.ts";
import { firstImages } from "../evaluate/real_sets.ts";
import { expectDistillable } from "../recipe/fitting.ts";
import { parseRecipe, type Recipe } from "../recipe/recipe.ts";
import type { Dataset } from "../sets/dataset.ts";
import { filesOf } from "../store/artifact.ts";
import { originOf, readCheckpoint } from "../store/checkpoint.ts";
import type { NetworkFile } from "../store/network_file.ts";
import { diskBytesOf } from "./disk_bytes.ts";
import { IterationTimer } from "./iteration_timer.ts";
import type { OuterLoop } from "./outer_loop.ts";
import { type Setting, setUp } from "./set_up.ts";

/** What a run would take. */
export interface Estimate {
  /** What GPU memory would be spent on, line by line. */
  readonly plan: string[];
  /** Bytes of GPU memory. */
  readonly bytes: number;
  /** Iterations that it would take: all, or those that a run to go on with has left. */
  readonly iterations: number;
  /** Seconds of an iteration, the mean of a few that compile nothing. */
  readonly secondsPerIteration: number;
  /** Seconds of these iterations. */
  readonly iterationSeconds: number;
  /** Seconds of the tests on the way and at the end, and of solving labels where they are. */
  readonly testSeconds: number;
  /** Seconds in all. What comes before the first iteration is not in it: loading, k-means, compiling. */
  readonly seconds: number;
  /** Dispatches of an iteration. */
  readonly dispatches: number;
  /** Names of the files. */
  readonly files: string[];
  /** Bytes on disk at most: while a checkpoint is written, the one before it stays. */
  readonly diskBytes: number;
}

/** Seconds of a test that tell how long others take. */
const LONG_TEST = 2;

/**
 * Runs a few iterations of a recipe, and trains a network or a few on what they came to, and times both. With a pool or
 * a window iterations may differ from later ones, whose networks are of other ages.
 *
 * @param from folder of a run to go on with, whose iterations are not counted again.
 * @throws UsageError as `distill` does.
 */
export async function estimate(
  device: Device,
  given: Recipe,
  dataset: Dataset,
  { memoryBudget, onNote, from }: {
    readonly memoryBudget?: number | undefined;
    readonly onNote?: ((line: string) => void) | undefined;
    readonly from?: string | undefined;
  } = {},
): Promise<Estimate> {
  const recipe = parseRecipe(given, given.name);
  expectDistillable(recipe, dataset);
  const seen = await whitened(device, dataset, recipe.zca, { onNote });
  const networks = await networksOf(recipe);
  const done = from === undefined ? 0 : await doneIn(from, recipe, dataset, device, networks);
  const setting = setUp(device, recipe, seen, { memoryBudget, file: networks });
  const { loop, memory, labels, spec } = setting;
  using _loop = loop;
  const images = await firstImages(device, { ...recipe, image_init: "noise" }, seen);
  const { distill_lr: rate, momentum } = recipe;
  const iterations = recipe.iterations - done;
  loop.learned.initialize({ images, rate, momentum, ...(labels && { labels }) });
  const secondsPerIteration = iterations > 0 ? await timeIterations(device, loop) : 0;
  loop.derive();
  const training = { data: loop.learned.data, spec };
  const iterationSeconds = secondsPerIteration * iterations;
  const testSeconds = testsOf(setting, recipe, dataset, done) * await timeTest(setting, training);
  return {
    plan: memory.lines,
    bytes: memory.bytes,
    iterations,
    secondsPerIteration,
    iterationSeconds,
    testSeconds,
    seconds: iterationSeconds + testSeconds,
    dispatches: loop.dispatches,
    files: filesOf(dataset),
    diskBytes: await diskBytesOf(setting, training, { recipe, dataset: seen, device }),
  };
}

/** Iterations that the run in a folder has done, as its checkpoint says. */
async function doneIn(
  dir: string,
  recipe: Recipe,
  dataset: Dataset,
  device: Device,
  networks: NetworkFile | undefined,
): Promise<number> {
  const origin = await originOf(recipe, dataset, device.info.name, networks);
  const checkpoint = await readCheckpoint(dir, recipe, origin, { mayContinue: true });
  return checkpoint?.iteration ?? 0;
}

async function timeIterations(device: Device, loop: OuterLoop): Promise<number> {
  const timer = new IterationTimer(device, loop);
  for (let k = 0; !timer.isDone; k++) await timer.time(() => loop.iterate(k));
  return timer.seconds;
}

/** Seconds of a test of all networks, by one network and then by as many as tell: the first test may compile. */
async function timeTest(setting: Setting, training: Training): Promise<number> {
  const { networks } = setting;
  const time = (tested: number) => timeOf(() => setting.accuracy(training, tested));
  let [tested, seconds] = [1, await time(1)];
  if (seconds > LONG_TEST) return seconds * networks;
  do {
    tested = Math.min(4 * tested, networks);
    seconds = await time(tested);
  } while (seconds < LONG_TEST && tested < networks);
  return seconds * networks / tested;
}

/** How many tests the work besides iterations amounts to. */
function testsOf(
  { complete }: Setting,
  { iterations, eval_every }: Recipe,
  { train, test }: Dataset,
  done: number,
) {
  const upTo = (iteration: number) => Math.floor(iteration / eval_every);
  const onTheWay = eval_every > 0 && iterations > done ? upTo(iterations - 1) - upTo(done) : 0;
  const beforeAndAfter = 2;
  const solving = complete ? train.count / test.count : 0; // a kernel of all training images
  return onTheWay + beforeAndAfter + solving;
}

async function timeOf(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await work();
  return (performance.now() - start) / 1000;
}
