// resume_test: a run that was stopped, however it was, ends in the same bytes as one that was not.
import assert from "node:assert/strict";
import { decodeSafetensors, encodeSafetensors } from "../../src/base/safetensors.ts";
import { distill, type Progress } from "../../src/run/distill.ts";
import { readRun } from "../../src/run/finished.ts";
import { rateAt, type Recipe, recipeToYaml } from "../../src/recipe/recipe.ts";
import { readArtifact } from "../../src/store/artifact.ts";
import type { Device } from "../../src/gpu/mod.ts";
import { random } from "../oracle/numeric.ts";
import { inTemporary } from "../support/temporary.ts";
import { endOf, retort, start } from "../support/command.ts";
import {
  contentsOf,
  easyDataset,
  expectSame,
  metricsIn,
  pick,
  runTest,
  shortRecipe,
  SMALL,
  writeIdxDirectory,
} from "../support/runs.ts";

const dataset = easyDataset();

/** Files that are the same after any stops. */
const SAME = ["distilled.safetensors", "checkpoint.safetensors", "images.png", "recipe.yaml"];

/** Iterations of the run that is killed. */
const KILLED = 40;

/** Starts a run that is stopped when it reports `iteration`. */
async function stopAt(iteration: number, device: Device, recipe: Recipe, out: string) {
  const onProgress = (progress: Progress) => {
    if (progress.iteration === iteration) throw new Error("stopped");
  };
  const options = { out, onProgress, resume: true };
  await assert.rejects(distill(device, recipe, dataset, options), { message: "stopped" });
}

/** What a run with most to keep has: networks of a pool with Adam's moments, and minibatches. */
const POOL = {
  init: "random",
  networks: 2,
  test_networks: 1,
  optimizer: "adam",
  distill_lr: 0.01,
  rates: "one",
  steps: 1,
  per_class: 2,
  inner_batch: 5,
  steps_total: 6,
  window: 2,
  pool: 2,
} as const;

/** Where runs of seven iterations are stopped. */
const STOPS = [[1], [3], [5, 6], [2, 4, 7]];

const KINDS = {
  "a fixed network": {},
  "random networks, soft labels and augmented batches": {
    init: "random",
    augment: "crop-flip",
    image_init: "real",
    networks: 2,
    test_networks: 1,
    soft_labels: true,
  },
  "networks of two architectures": {
    init: "random",
    arch: ["lenet", SMALL],
    networks: 2,
    test_networks: 1,
    soft_labels: true,
    window: 1,
    pool: 2,
  },
  "learned momentum and random windows": {
    init: "random",
    test_networks: 1,
    optimizer: "momentum",
    learn_momentum: true,
    steps: 2,
    window: 2,
  },
  "a pool, Adam, a window and minibatches": POOL,
} as const;

for (const [kind, settings] of Object.entries(KINDS)) {
  runTest(`distill resumes ${kind} to the same bytes, wherever stopped`, async (device, dir) => {
    const recipe = shortRecipe({
      clip: 0.9,
      iterations: 7,
      log_every: 1,
      checkpoint_every: 3,
      ...settings,
    });
    await distill(device, recipe, dataset, { out: `${dir}/whole` });
    const whole = await contentsOf(`${dir}/whole`);
    const every = settings === POOL ? [1, 2, 3, 4, 5, 6, 7].map((iteration) => [iteration]) : STOPS;
    for (const stops of every) {
      const out = `${dir}/stopped-${stops}`;
      for (const iteration of stops) await stopAt(iteration, device, recipe, out);
      await distill(device, recipe, dataset, { out, resume: true });
      const files = await contentsOf(out);
      expectSame(`stopped at ${stops}`, pick(files, ...SAME), pick(whole, ...SAME));
      const iterations = (await metricsIn(out)).map(({ iteration }) => iteration);
      assert.deepEqual(iterations, [1, 2, 3, 4, 5, 6, 7, 7]);
    }
  });
}

runTest("distill resumes from a checkpoint, it does not start again", async (device, dir) => {
  const recipe = shortRecipe({ iterations: 6, log_every: 1, checkpoint_every: 2 });
  const start = await stopAt(5, device, recipe, dir).then(() => metricsIn(dir));
  assert.deepEqual(start.map(({ iteration }) => iteration), [1, 2, 3, 4, 5]);
  const seen: number[] = [];
  const onProgress = ({ iteration }: Progress) => void seen.push(iteration);
  await distill(device, recipe, dataset, { out: dir, resume: true, onProgress });
  assert.deepEqual(seen, [5, 6]);
  // resuming a finished run changes nothing, and says what it came to
  const finished = await contentsOf(dir);
  const { after } = await distill(device, recipe, dataset, { out: dir, resume: true, onProgress });
  assert.deepEqual(seen, [5, 6]);
  expectSame("resumed when finished", await contentsOf(dir), finished);
  assert.deepEqual((await metricsIn(dir)).at(-1)!.after, after);
});

for (const schedule of ["constant", "step"] as const) {
  runTest(
    `distill gives a ${schedule} run more iterations: as if it had them`,
    async (device, dir) => {
      const settings = { schedule, decay_every: 2, log_every: 1 };
      const [short, long] = [4, 7].map((iterations) => shortRecipe({ ...settings, iterations }));
      await distill(device, long!, dataset, { out: `${dir}/whole` });
      const out = `${dir}/more`;
      await distill(device, short!, dataset, { out });
      await stopAt(6, device, long!, out);
      await assert.rejects(readRun(out), /got no accuracies in .*, expected a finished run/);
      await distill(device, long!, dataset, { out, resume: true });
      const [got, expected] = [await contentsOf(out), await contentsOf(`${dir}/whole`)];
      expectSame(schedule, pick(got, ...SAME), pick(expected, ...SAME));
      const { recipe, after } = await readRun(out);
      assert.deepEqual([recipe.iterations, after], [7, (await readRun(`${dir}/whole`)).after]);
    },
  );
}

runTest("distill gives a finished cosine run more: the artifact says so", async (device, dir) => {
  const [short, long] = [4, 7].map((iterations) =>
    shortRecipe({ iterations, log_every: 1, checkpoint_every: 1 })
  );
  const rates = async (out: string) => (await metricsIn(out)).map(({ rate }) => rate);
  for (const out of [`${dir}/at-once`, `${dir}/stopped`]) {
    await stopAt(2, device, short!, out);
    await assert.rejects(
      distill(device, { ...short!, iterations: 5 }, dataset, { out, resume: true }),
      /^UsageError: Cannot give .* 5 iterations: got a run at iteration \d of 4 .*finish it first/,
    );
    await distill(device, short!, dataset, { out, resume: true });
    if (out.endsWith("stopped")) await stopAt(6, device, long!, out);
    await distill(device, long!, dataset, { out, resume: true });
    const seen = (await rates(out)).filter((rate) => rate !== undefined);
    const expected = [0, 1, 2, 3].map((k) => rateAt(short!, k));
    assert.deepEqual(seen, [...expected, ...[4, 5, 6].map((k) => rateAt(long!, k))]);
    const { metadata } = await readArtifact(out);
    assert.deepEqual([metadata.iterations, metadata.lengths], ["7", "4, 7"]);
  }
  const [whole, stopped] = [`${dir}/at-once`, `${dir}/stopped`].map(contentsOf);
  expectSame("stopped", pick(await stopped!, ...SAME), pick(await whole!, ...SAME));
});

runTest("the time of a run counts all its sittings", async (device, dir) => {
  const recipe = shortRecipe({ iterations: 6, log_every: 1, checkpoint_every: 3 });
  await stopAt(4, device, recipe, dir);
  const path = `${dir}/metrics.jsonl`;
  const slow = (await metricsIn(dir)).map((record) => ({ ...record, secondsPerIteration: 100 }));
  await Deno.writeTextFile(path, slow.map((record) => JSON.stringify(record) + "\n").join(""));
  const paces: number[] = [];
  const onProgress = (progress: Progress) => void paces.push(progress.secondsPerIteration);
  const { seconds } = await distill(device, recipe, dataset, {
    out: dir,
    resume: true,
    onProgress,
  });
  assert.ok(seconds > 300 && seconds < 400, `${seconds}`);
  assert.ok(paces[0]! > 75 && paces[0]! < 100 && paces[2]! > 50 && paces[2]! < 75, paces.join());
  assert.equal((await readRun(dir)).seconds, 6 * paces[2]!);
});

runTest(
  "distill does not resume from what does not fit, and overwrites nothing",
  async (device, dir) => {
    const recipe = shortRecipe({ iterations: 4 });
    await distill(device, recipe, dataset, { out: dir });
    const path = `${dir}/checkpoint.safetensors`;
    const good = await Deno.readFile(path);
    const { tensors, metadata } = decodeSafetensors(good, path);
    const { images: _, ...imageless } = tensors;
    const short = { ...tensors, raw_lrs: { shape: [1], data: new Float32Array(1) } };
    const refusals: [Uint8Array, Partial<Recipe>, RegExp][] = [
      [good.subarray(0, good.length - 3), {}, /^Cannot read .*: got .*; the file is truncated/],
      [good.subarray(0, 5), {}, /^Cannot read .*: got 5 bytes, .*truncated/],
      [new Uint8Array(0), {}, /^Cannot read .*: got 0 bytes, .*truncated/],
      [good.with(20, 0), {}, /^Cannot read .*: got a header that is no JSON/],
      [encodeSafetensors(imageless, metadata), {}, /^Cannot resume: got no numbers for images/],
      [encodeSafetensors(short, metadata), {}, /^Cannot resume: got 1 numbers for raw_lrs in /],
      [
        encodeSafetensors(tensors, {}),
        {},
        /got "" for what it is a checkpoint of, expected settings/,
      ],
      [
        encodeSafetensors(tensors, { ...metadata, iteration: "x" }),
        {},
        /got iteration x, expected/,
      ],
      [
        encodeSafetensors(tensors, { ...metadata, iteration: "5" }),
        {},
        /got iteration 5, .* to 4;/,
      ],
      [good, { seed: 2 }, /got seed 2, expected 1 as when it was written; use another folder/],
      [good, { steps: 2 }, /got steps 2, expected 1 as when it was written/],
      [good, { iterations: 3 }, /got iteration 4, expected|got iterations 3, expected 4 as when/],
      [good, { lr: 0.2 }, /got lr 0.2, expected 0.1 as when/],
      [good, { optimizer: "adam" }, /got optimizer adam, expected gd as when/],
      [good, { image_init: "kmeans" }, /got image_init kmeans, expected noise as when/],
    ];
    for (const [bytes, settings, message] of refusals) {
      await Deno.writeFile(path, bytes);
      const before = await contentsOf(dir);
      const other = shortRecipe({ iterations: 4, ...settings });
      await assert.rejects(
        distill(device, other, dataset, { out: dir, resume: true }),
        (error: Error) => {
          assert.match(error.message, message);
          return error.message.includes("checkpoint");
        },
      );
      expectSame("refused", await contentsOf(dir), before);
    }
    await Deno.writeFile(path, good);
    const other = { ...dataset, train: dataset.test };
    await assert.rejects(distill(device, recipe, other, { out: dir, resume: true }), {
      name: "UsageError",
      message:
        /got data of SHA-256 .{64}, expected .{64} as when it was written; use another folder/,
    });
  },
);

/** Starts a run that is asked to end when its first iteration has handed over `buffers` command buffers. */
async function abandonAt(buffers: number, device: Device, recipe: Recipe, out: string) {
  const { pacing } = device;
  const { turns, submit } = pacing;
  const controller = new AbortController();
  const reason = new Error("asked to end");
  const saved: number[] = [];
  let left = Infinity;
  pacing.turns = 1; // every dispatch is a command buffer
  pacing.submit = async (buffer, turns) => {
    await submit.call(pacing, buffer, turns);
    if (--left === 0) controller.abort(reason);
  };
  const ending = distill(device, recipe, dataset, {
    out,
    resume: true,
    onIteration: () => left = buffers,
    onCheckpoint: (iteration) => void saved.push(iteration),
    signal: controller.signal,
  });
  await assert.rejects(ending, reason).finally(() => Object.assign(pacing, { turns, submit }));
  return saved;
}

for (const [kind, settings] of Object.entries(KINDS)) {
  runTest(`distill abandons an iteration of ${kind}, without a trace`, async (device, dir) => {
    const recipe = shortRecipe({ iterations: 5, log_every: 1, checkpoint_every: 2, ...settings });
    await distill(device, recipe, dataset, { out: `${dir}/whole` });
    const whole = await contentsOf(`${dir}/whole`);
    for (const buffers of [1, 40]) {
      const out = `${dir}/${buffers}`;
      assert.deepEqual(await abandonAt(buffers, device, recipe, out), [0]);
      await stopAt(4, device, recipe, out);
      assert.deepEqual(await abandonAt(buffers, device, recipe, out), [4]);
      await distill(device, recipe, dataset, { out, resume: true });
      const files = await contentsOf(out);
      expectSame(`abandoned at ${buffers}`, pick(files, ...SAME), pick(whole, ...SAME));
      const iterations = (await metricsIn(out)).map(({ iteration }) => iteration);
      assert.deepEqual(iterations, [1, 2, 3, 4, 5, 5]);
    }
  });
}

runTest("a run that is asked to end saves the iteration that it has done", async (device, dir) => {
  const recipe = shortRecipe({ iterations: 50, checkpoint_every: 100 });
  const controller = new AbortController();
  const saved: number[] = [];
  const ending = distill(device, recipe, dataset, {
    out: dir,
    onIteration: (done) => done === 7 && controller.abort(),
    onCheckpoint: (iteration) => void saved.push(iteration),
    signal: controller.signal,
  });
  await assert.rejects(ending, { name: "AbortError" });
  assert.deepEqual(saved, [7]);
});

runTest("tests at the end are left early too, after the last checkpoint", async (device, dir) => {
  const recipe = shortRecipe({ init: "random", test_networks: 2 });
  const controller = new AbortController();
  const saved: number[] = [];
  const ending = distill(device, recipe, dataset, {
    out: dir,
    onNote: (line) => line.startsWith("Testing") && controller.abort(),
    onCheckpoint: (iteration) => void saved.push(iteration),
    signal: controller.signal,
  });
  await assert.rejects(ending, { name: "AbortError" });
  assert.deepEqual(saved, [3, 6]);
  const { after } = await distill(device, recipe, dataset, { out: dir, resume: true });
  assert.deepEqual((await metricsIn(dir)).at(-1)!.after, after);
});

runTest("checkpoints by time change no byte of the results", async (device, dir) => {
  const recipe = shortRecipe({ log_every: 2, checkpoint_every: 4 });
  await distill(device, recipe, dataset, { out: `${dir}/whole` });
  const saved: number[] = [];
  const onCheckpoint = (iteration: number) => void saved.push(iteration);
  const often = { out: `${dir}/often`, checkpointSeconds: 0, onCheckpoint };
  await distill(device, recipe, dataset, often);
  assert.deepEqual(saved, [1, 2, 3, 4, 5, 6]);
  const [files, whole] = [await contentsOf(often.out), await contentsOf(`${dir}/whole`)];
  expectSame("saved often", pick(files, ...SAME), pick(whole, ...SAME));
});

runTest("one run writes into a folder at a time, fresh or resumed", async (device, parent) => {
  const [dir, other] = [`${parent}/run`, `${parent}/other`];
  const recipe = shortRecipe({ log_every: 1 });
  const refused: string[] = [];
  const onProgress = async () => {
    for (const resume of [false, true]) {
      await distill(device, recipe, dataset, { out: dir, resume }).catch((error: Error) => {
        refused.push(`${error.name}: ${error.message.replace(/process .*? UTC/, "P")}`);
      });
    }
  };
  await distill(device, recipe, dataset, { out: dir, onProgress });
  const message =
    `Cannot write into ${dir}: P, is writing there; wait for it, or choose another --out`;
  assert.deepEqual(refused, new Array(12).fill(`UsageError: ${message}`));
  await distill(device, recipe, dataset, { out: other });
  const [files, expected] = [await contentsOf(dir), await contentsOf(other)];
  expectSame("asked for meanwhile", pick(files, ...SAME), pick(expected, ...SAME));
});

Deno.test("distill killed at any moment resumes to the same bytes", async () => {
  await inTemporary(async (dir) => {
    await writeIdxDirectory(`${dir}/data`);
    const often = { ...POOL, iterations: KILLED, log_every: 1, checkpoint_every: 1 };
    await Deno.writeTextFile(`${dir}/often.yaml`, recipeToYaml(shortRecipe(often)));
    const data = ["--data-dir", `${dir}/data`];
    const run = ["--recipe", `${dir}/often.yaml`, ...data];
    const whole = await retort(["distill", ...run, "--out", `${dir}/whole`]);
    assert.equal(whole.code, 0, whole.err);
    const expected = await contentsOf(`${dir}/whole`);
    const out = `${dir}/killed`;
    const [first, second, ...delays] = random(4, 7).map((x) => (x + 1) / 2);
    const moments = [[5 + 10 * first!, 30 * delays[0]!], [20 + 10 * second!, 30 * delays[1]!]];
    await killAt(moments[0]!, ["distill", ...run, "--out", out], out);
    const resume = ["distill", ...data, "--resume", "--out", out];
    await killAt(moments[1]!, resume, out);
    const { code, err } = await retort(resume);
    assert.equal(code, 0, err);
    const files = await contentsOf(out);
    assert.deepEqual(Object.keys(files).sort(), Object.keys(expected).sort());
    const what = `killed at ${moments.join(" and ")}`;
    expectSame(what, pick(files, ...SAME), pick(expected, ...SAME));
    const iterations = (await metricsIn(out)).map(({ iteration }) => iteration);
    assert.deepEqual(iterations, [...Array.from({ length: KILLED }, (_, i) => i + 1), KILLED]);
  });
});

/** Starts a run and kills it `delay` ms after its log has that many lines. */
async function killAt([lines, delay]: number[], args: string[], out: string): Promise<void> {
  const count = async () => {
    const text = await Deno.readTextFile(`${out}/metrics.jsonl`).catch(() => "");
    return text.split("\n").length - 1;
  };
  const pause = (time: number) => new Promise((resolve) => setTimeout(resolve, time));
  const child = start(args);
  const ending = endOf(child);
  let ended = false;
  ending.then(() => ended = true);
  while (!ended && await count() < lines!) await pause(3);
  await pause(delay!);
  child.kill("SIGKILL");
  const { code, err } = await ending;
  assert.equal(code, 128 + 9, `the run ended before it was killed: ${err}`);
  await assert.rejects(Deno.stat(`${out}/distilled.safetensors`), Deno.errors.NotFound);
}
