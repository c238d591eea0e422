// sweep_test: which runs a sweep has, what it makes of them, and that it goes on where it stopped.
import assert from "node:assert/strict";
import type { Split } from "../../src/sets/dataset.ts";
import { recipeToYaml } from "../../src/recipe/recipe.ts";
import { distill } from "../../src/run/distill.ts";
import { lockFolder } from "../../src/store/folder_lock.ts";
import { type Over, type PlannedRun, planSweep, sweep } from "../../src/run/sweep.ts";
import { inTemporary, namesIn } from "../support/temporary.ts";
import { readGain } from "../../src/run/finished.ts";
import { easyDataset, runTest, shortRecipe, SMALL } from "../support/runs.ts";

const dataset = easyDataset(40, 20);

/** Writes a short recipe and plans a sweep of it. */
async function plan(dir: string, over: Over, repeats: number, settings = {}) {
  const file = `${dir}/short.yaml`;
  await Deno.writeTextFile(file, recipeToYaml(shortRecipe({ iterations: 3, epochs: 1 })));
  return await planSweep(file, settings, over, repeats, `${dir}/sweep`);
}

Deno.test("planSweep: every combination, the last setting and the seed fastest", async () => {
  await inTemporary(async (dir) => {
    const { runs, name, repeats } = await plan(dir, { steps: [1, 2], lr: [0.01, 0.1] }, 2, {
      seed: 7,
      batch: 8,
    });
    assert.deepEqual([name, repeats], ["short", 2]);
    const found = runs.map(({ recipe: { steps, lr, seed, batch } }) => [steps, lr, seed, batch]);
    assert.deepEqual(found, [
      [1, 0.01, 7, 8],
      [1, 0.01, 8, 8],
      [1, 0.1, 7, 8],
      [1, 0.1, 8, 8],
      [2, 0.01, 7, 8],
      [2, 0.01, 8, 8],
      [2, 0.1, 7, 8],
      [2, 0.1, 8, 8],
    ]);
    assert.equal(runs[2]!.out, `${dir}/sweep/steps-1_lr-0.1_seed-7`);
    assert.deepEqual(runs[2]!.settings, { steps: 1, lr: 0.1 });
    const { out, runs: [run] } = await planSweep("quick", {}, { dataset: ["a-b"], steps: [1] }, 1);
    assert.equal(out, "out/quick-by-dataset-steps");
    assert.equal(run!.out, `${out}/dataset-a-b_steps-1_seed-1`);
    assert.equal(run!.recipe.dataset, "a-b");
  });
});

Deno.test("planSweep: values of one name have folders of their own", async () => {
  await inTemporary(async (dir) => {
    const { runs } = await plan(dir, { dataset: ["folder:/a/train", "folder:/b/train"] }, 1);
    const [a, b] = runs.map(({ out }) => out.slice(`${dir}/sweep/`.length));
    assert.equal(a, "dataset-folder%3A%2Fa%2Ftrain_seed-1");
    assert.equal(b, "dataset-folder%3A%2Fb%2Ftrain_seed-1");
    assert.equal(runs[0]!.title, "dataset folder:/a/train, seed 1");
  });
});

runTest("sweep: a plot has no paths, and tells values of one name apart", async (device, dir) => {
  const planned = await plan(dir, { dataset: ["folder:/a/train", "folder:/b/train", "mine"] }, 1);
  const { files } = await sweep(device, planned, ({ dataset: name }) => ({ ...dataset, name }));
  const svg = await Deno.readTextFile(files[1]!);
  for (const label of ["train 1", "train 2", "mine"]) assert.ok(svg.includes(`>${label}<`), label);
  assert.ok(!svg.includes("folder:"));
});

runTest("sweep over no setting: restarts, and no plot", async (device, dir) => {
  const planned = await plan(dir, {}, 2);
  assert.deepEqual(planned.runs.map(({ out }) => out), [1, 2].map((s) => `${dir}/sweep/seed-${s}`));
  assert.equal((await planSweep("quick", {}, {}, 2)).out, "out/quick-restarts");
  const { files, points } = await sweep(device, planned, () => dataset);
  assert.deepEqual(files, [`${dir}/sweep/sweep.json`]);
  assert.deepEqual((await namesIn(`${dir}/sweep`)).sort(), ["seed-1", "seed-2", "sweep.json"]);
  assert.deepEqual(points.map(({ settings, runs }) => [settings, runs.length]), [[{}, 2]]);
});

Deno.test("planSweep refuses what makes no sweep", async () => {
  await inTemporary(async (dir) => {
    const refused: [Over, RegExp][] = [
      [
        { steps: [1], epochs: [1], lr: [1] },
        /^Cannot sweep over steps, epochs, lr: expected one or/,
      ],
      [{ seed: [1, 2] }, /^Cannot sweep over seed: .*a seed of its own; --runs says how many/],
      [{ name: ["a"] }, /^Cannot sweep over name: /],
      [{ stepz: [1] }, /stepz: got an unknown key, expected steps/],
      [{ steps: [1, 0] }, /steps: got 0, expected an integer ≥ 1/],
    ];
    for (const [over, message] of refused) {
      await assert.rejects(plan(dir, over, 1), { name: "UsageError", message });
    }
    const late = plan(dir, { steps: [1] }, 2, { seed: 2 ** 32 - 1 });
    await assert.rejects(late, { message: /seed: got 4294967296, expected an integer from 0/ });
  });
});

runTest("sweep: points, files, and no run twice", async (device, dir) => {
  const planned = await plan(dir, { steps: [1, 2] }, 2);
  const began: [number, boolean][] = [];
  const notice = { onRun: (_: unknown, i: number, done: boolean) => void began.push([i, done]) };
  let iterations = 0;
  const stop = new AbortController();
  const stopping = sweep(device, planned, () => dataset, {
    ...notice,
    onProgress: ({ iteration }) => {
      if (++iterations === 4 && iteration > 0) stop.abort(new Error("stopped"));
    },
    signal: stop.signal,
  });
  await assert.rejects(stopping, { message: "stopped" });
  const stopped = began.splice(0);
  assert.deepEqual(stopped, stopped.map((_, i) => [i, false]));
  assert.ok(stopped.length > 1 && stopped.length <= 3, `${stopped.length} runs`);

  const result = await sweep(device, planned, () => dataset, notice);
  const kept = stopped.length - 1;
  assert.deepEqual(began.splice(0), [0, 1, 2, 3].map((i) => [i, i < kept]));
  assert.deepEqual(result.files, [`${dir}/sweep/sweep.json`, `${dir}/sweep/sweep.svg`]);
  const folders = ["1", "2"].flatMap((s) => ["1", "2"].map((seed) => `steps-${s}_seed-${seed}`));
  const names = (await namesIn(`${dir}/sweep`)).sort();
  assert.deepEqual(names, [...folders, "sweep.json", "sweep.svg"]);
  assert.deepEqual(result.points.map(({ settings }) => settings), [{ steps: 1 }, { steps: 2 }]);
  for (const { before, after, runs } of result.points) {
    assert.deepEqual(runs.map(({ seed }) => seed), [1, 2]);
    for (const [spread, when] of [[before, "before"], [after, "after"]] as const) {
      const [a, b] = runs.map((run) => run[when].mean);
      assert.ok(Math.abs(spread!.mean - (a! + b!) / 2) < 1e-12);
      assert.ok(Math.abs(spread!.std - Math.abs(a! - b!) / Math.SQRT2) < 1e-12);
    }
  }
  const { files, ...rest } = result;
  const text = await Deno.readTextFile(files[0]!);
  assert.deepEqual(JSON.parse(text), JSON.parse(JSON.stringify(rest)));
  const svg = await Deno.readTextFile(files[1]!);
  assert.match(svg, /short: mean of 2 runs each, bars ± 1 std/);

  const again = await sweep(device, planned, () => dataset, notice);
  assert.deepEqual(began, [0, 1, 2, 3].map((i) => [i, true]));
  assert.deepEqual(again, result);
  const other = await plan(dir, { steps: [1, 2] }, 2, { lr: 0.2 });
  const message =
    /^Cannot sweep, at steps 1, seed 1: Cannot resume from .*: got lr 0\.2, expected 0\.1 /;
  const refused = sweep(device, other, () => dataset);
  await assert.rejects(refused, { name: "UsageError", message });
});

runTest("sweep checks every run before the first", async (device, dir) => {
  const refused: [Over, RegExp][] = [
    [
      { batch: [8, 41] },
      /^Cannot sweep, at batch 41, seed 1: Cannot distil mnist: got batch 41, expected at/,
    ],
    [
      { arch: [SMALL, "alexcifar"] },
      /^Cannot sweep, at arch alexcifar, seed 1: .*got images of 1×28×28/,
    ],
    [
      { per_class: [1, 5000] },
      /^Cannot sweep, at per_class 5000, seed 1: Cannot /,
    ],
    [{ pretrained: ["none", `${dir}/none`] }, /Cannot read networks from .*none: got no such file/],
  ];
  for (const [over, message] of refused) {
    const planned = await plan(dir, over, 1);
    const began: unknown[] = [];
    const sweeping = sweep(device, planned, () => dataset, { onRun: (run) => began.push(run) });
    await assert.rejects(sweeping, { message });
    assert.deepEqual([began, await namesIn(dir)], [[], ["short.yaml"]], `${message}`);
  }
});

runTest("sweep: what fails is told, and the others go on", async (device, dir) => {
  const planned = await plan(dir, { lr: [0.1, 1e30] }, 2);
  const failures: [number, string][] = [];
  const onFailure = (_: unknown, i: number, error: unknown) =>
    void failures.push([i, (error as Error).message]);
  const { points, files } = await sweep(device, planned, () => dataset, { onFailure });
  assert.deepEqual(failures.map(([i]) => i), [2, 3]);
  const [good, bad] = points;
  assert.deepEqual([good!.runs.length, good!.failed.length], [2, 0]);
  assert.deepEqual([bad!.runs.length, bad!.before, bad!.after], [0, undefined, undefined]);
  assert.deepEqual(
    bad!.failed,
    [1, 2].map((seed, i) => ({ seed, out: planned.runs[2 + i]!.out, error: failures[i]![1] })),
  );
  assert.match(failures[0]![1], /^Cannot go on at iteration \d: got .*; lower lr \(now 1e\+30\)/);
  assert.deepEqual(JSON.parse(await Deno.readTextFile(files[0]!)).points[1].failed, bad!.failed);

  await Deno.writeTextFile(`${planned.runs[0]!.out}/checkpoint.safetensors`, "damaged");
  const again = await sweep(device, planned, () => dataset);
  assert.match(again.points[0]!.failed[0]!.error, /^Cannot read .*checkpoint\.safetensors: got /);
  assert.deepEqual(again.points[0]!.runs, [good!.runs[1]]);
});

runTest("sweep goes on where a log has torn lines", async (device, dir) => {
  const planned = await plan(dir, {}, 2);
  const whole = await sweep(device, planned, () => dataset);
  const tear: ((text: string) => string)[] = [
    (text) => text.replace('"before"', '"bef\nore"'), // the accuracies, cut in two
    (text) => `{"iterat\n${text}`,
    (text) => text.slice(0, -20),
  ];
  for (const torn of tear) {
    const log = `${planned.runs[0]!.out}/metrics.jsonl`;
    const text = await Deno.readTextFile(log);
    await Deno.writeTextFile(log, torn(text));
    assert.deepEqual(await sweep(device, planned, () => dataset), whole);
    const gain = await readGain(planned.runs[0]!.out);
    assert.deepEqual(gain?.after, whole.points[0]!.runs[0]!.after);
  }
});

runTest("sweep takes the accuracy of a run's own length", async (device, dir) => {
  const planned = await plan(dir, { lr: [0.1] }, 1, { schedule: "constant" });
  await sweep(device, planned, () => dataset);
  const { recipe, out } = planned.runs[0]!;
  const longer = { ...recipe, iterations: 5 };
  await distill(device, longer, dataset, { out, resume: true });
  const log = `${out}/metrics.jsonl`;
  const lines = (await Deno.readTextFile(log)).trimEnd().split("\n");
  assert.match(lines.at(-1)!, /"iteration":5,"before"/);
  // As where it was killed after its last checkpoint.
  await Deno.writeTextFile(log, lines.slice(0, -1).map((line) => `${line}\n`).join(""));
  const began: boolean[] = [];
  const onRun = (_: unknown, _i: number, isFinished: boolean) => void began.push(isFinished);
  const again = await plan(dir, { lr: [0.1] }, 1, { schedule: "constant", iterations: 5 });
  const { points } = await sweep(device, again, () => dataset, { onRun });
  assert.deepEqual(began, [false]);
  assert.deepEqual(points[0]!.runs[0]!.after, (await readGain(out, 5))!.after);
});

runTest("sweep refuses folders that are taken before its first run", async (device, dir) => {
  const planned = await plan(dir, {}, 2);
  const [first, second] = planned.runs as [PlannedRun, PlannedRun];
  const began: unknown[] = [];
  const expectRefused = async (message: RegExp) => {
    const sweeping = sweep(device, planned, () => dataset, { onRun: (run) => began.push(run) });
    await assert.rejects(sweeping, { name: "UsageError", message });
    assert.deepEqual(began, []);
  };
  {
    using _lock = await lockFolder(second.out);
    await expectRefused(
      /^Cannot sweep, at seed 2: Cannot write into .*seed-2: .* is writing there/,
    );
  }
  await Deno.mkdir(second.out, { recursive: true });
  await Deno.writeTextFile(`${second.out}/letter.txt`, "");
  await expectRefused(/^Cannot sweep, at seed 2: Cannot write to .*seed-2: got letter\.txt there/);
  await Deno.remove(`${second.out}/letter.txt`);
  await Deno.writeTextFile(`${second.out}/recipe.yaml`, recipeToYaml(first.recipe));
  await expectRefused(/^Cannot sweep, at seed 2: .*expected no files or a run of these settings/);
  await Deno.writeTextFile(`${second.out}/recipe.yaml`, recipeToYaml(second.recipe));
  const { points } = await sweep(device, planned, () => dataset);
  assert.equal(points[0]!.runs.length, 2); // one that was stopped before its first checkpoint goes on
});

runTest("sweep tells of the run at hand what distill does", async (device, dir) => {
  const told: string[] = [];
  await sweep(device, await plan(dir, {}, 1), () => dataset, {
    onIteration: (done, iterations) => void told.push(`${done} of ${iterations}`),
    onNote: (line) => void told.push(line),
  });
  const iterations = ["0 of 3", "1 of 3", "2 of 3", "3 of 3"];
  assert.deepEqual(told, [...iterations, "Testing on the distilled data, and without them"]);
});

runTest("sweep of whitened images knows finished runs again", async (device, dir) => {
  const cut = (split: Split) => ({ ...split, images: split.images.slice(0, 64 * split.count) });
  const [train, test] = [dataset.train, dataset.test].map(cut) as [Split, Split];
  const small = { ...dataset, height: 8, width: 8, train, test };
  const planned = await plan(dir, {}, 1, { zca: 0.1, arch: [{ dense: "classes" }] });
  await sweep(device, planned, () => small);
  const began: boolean[] = [];
  const onRun = (_: unknown, _i: number, isFinished: boolean) => void began.push(isFinished);
  await sweep(device, planned, () => small, { onRun });
  assert.deepEqual(began, [true]);
});
