/** Estimate: no iteration that compiles is timed, tests and files are counted, and nothing is written. */
import assert from "node:assert/strict";
import type { Recipe } from "../../src/recipe/recipe.ts";
import { distill, type Outlook, type Progress } from "../../src/run/distill.ts";
import { estimate } from "../../src/run/estimate.ts";
import { IterationTimer } from "../../src/run/iteration_timer.ts";
import { easyDataset, runTest, shortRecipe } from "../support/runs.ts";

const dataset = easyDataset();

/** Bytes of all files of a folder. */
async function bytesIn(dir: string): Promise<number> {
  const names = await Array.fromAsync(Deno.readDir(dir));
  const sizes = names.map(async ({ name }) => (await Deno.stat(`${dir}/${name}`)).size);
  return (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0);
}

const KINDS: Record<string, Partial<Recipe>> = {
  "unrolled training": { iterations: 40, eval_every: 10, soft_labels: true },
  "gradient matching": {
    objective: "matching",
    init: "random",
    epochs: 1,
    batch: 40,
    iterations: 30,
    image_steps: 3,
    network_steps: 2,
    test_networks: 2,
  },
  "solved labels": {
    objective: "kernel",
    depth: 1,
    epochs: 1,
    batch: 40,
    init: "random",
    image_init: "real",
    label_solve: true,
    iterations: 0,
  },
};

for (const [kind, settings] of Object.entries(KINDS)) {
  runTest(
    `an estimate of ${kind} is what it takes, within what a busy machine leaves`,
    async (device, dir) => {
      const recipe = shortRecipe(settings);
      const found = await estimate(device, recipe, dataset);
      const { seconds, iterationSeconds, testSeconds, secondsPerIteration, diskBytes, files } =
        found;
      assert.equal(seconds, iterationSeconds + testSeconds);
      assert.equal(found.iterations, recipe.iterations);
      assert.equal(iterationSeconds, recipe.iterations * secondsPerIteration);
      assert.ok(testSeconds > 0);
      const run = await distill(device, recipe, dataset, { out: `${dir}/run` });
      const ratio = seconds / run.seconds;
      assert.ok(ratio > 0.1 && ratio < 10, `${seconds} s for ${run.seconds} s`);
      assert.deepEqual(files.map((name) => `${dir}/run/${name}`), run.files);
      const disk = await bytesIn(`${dir}/run`);
      assert.ok(diskBytes > 0.8 * disk && diskBytes < 2.5 * disk, `${diskBytes} for ${disk}`);
    },
  );
}

runTest("an estimate of a run to go on with counts what is left", async (device, dir) => {
  const recipe = shortRecipe({ schedule: "constant", iterations: 10 });
  await distill(device, recipe, dataset, { out: dir });
  const more = { ...recipe, iterations: 14 };
  const found = await estimate(device, more, dataset, { from: dir });
  assert.deepEqual(
    [found.iterations, found.iterationSeconds],
    [4, 4 * found.secondsPerIteration],
  );
  assert.equal((await estimate(device, more, dataset, { from: `${dir}/none` })).iterations, 14);
});

Deno.test("long iterations that are all recorded are not tried for minutes", async () => {
  const { now } = performance;
  try {
    let time = 0;
    performance.now = () => time;
    const loop = { recorded: 0 };
    const timer = new IterationTimer({ done: () => Promise.resolve() }, loop);
    let count = 0;
    while (!timer.isDone) {
      await timer.time(() => {
        loop.recorded++;
        time += count++ === 0 ? 50_000 : 30_000; // the first compiles
        return Promise.resolve();
      });
    }
    assert.deepEqual([count, timer.seconds], [2, 30]);
  } finally {
    performance.now = now;
  }
});

/** Times iterations of which those that are recorded take 200 ms, the others 10 ms; and how many there were. */
async function timed(
  isRecorded: (k: number) => boolean,
): Promise<{ seconds: number; count: number }> {
  let [recorded, count] = [0, 0];
  const loop = {
    get recorded() {
      return recorded;
    },
  };
  const timer = new IterationTimer({ done: () => Promise.resolve() }, loop);
  while (!timer.isDone) {
    await timer.time(async () => {
      const isNew = isRecorded(count++);
      if (isNew) recorded++;
      await new Promise((resolve) => setTimeout(resolve, isNew ? 200 : 10));
    });
  }
  return { seconds: timer.seconds, count };
}

Deno.test("an iteration that is recorded for the first time, and may compile, is not timed", async () => {
  const { seconds, count } = await timed((k) => k === 0 || k === 1 || k === 3);
  assert.ok(seconds > 0.009 && seconds < 0.1, `${seconds} s`);
  assert.equal(count, 6);
  const always = await timed(() => true); // as with windows at random places
  assert.ok(always.seconds > 0.19 && always.count === 12);
});

Deno.test("an iteration of more than a minute is enough, though it compiled", async () => {
  const { now } = performance;
  let minutes = 0;
  performance.now = () => 61_000 * minutes++;
  try {
    assert.deepEqual(await timed((k) => k === 0), { seconds: 61, count: 1 });
  } finally {
    performance.now = now;
  }
});

runTest(
  "a long run tells after a few iterations what it takes, a short one does not",
  async (device, dir) => {
    const outlooks: Outlook[] = [];
    const onOutlook = (outlook: Outlook) => void outlooks.push(outlook);
    await distill(device, shortRecipe(), dataset, { out: `${dir}/short`, onOutlook });
    assert.equal(outlooks.length, 0);
    const recipe = shortRecipe({ iterations: 10_000_000, log_every: 5 });
    const end = new Error("enough");
    const onProgress = ({ iteration }: Progress) => {
      if (iteration === 10) throw end;
    };
    const run = distill(device, recipe, dataset, { out: `${dir}/long`, onOutlook, onProgress });
    await assert.rejects(run, end);
    const [{ seconds, secondsPerIteration, memoryBytes, diskBytes }, ...more] = outlooks as [
      Outlook,
    ];
    assert.deepEqual([more.length, memoryBytes > 0, diskBytes > 0], [0, true, true]);
    assert.ok(seconds > 0.99e7 * secondsPerIteration && seconds < 1e7 * secondsPerIteration);
  },
);
