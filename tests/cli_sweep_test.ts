// cli_sweep_test: the sweep command as a process: its table, its object, and what it refuses.
import assert from "node:assert/strict";
import { inTemporary } from "./support/temporary.ts";
import { retort } from "./support/command.ts";
import { easyDataset, SMALL_ARCH, writeIdxDirectory } from "./support/runs.ts";

const SMALL_SET = ["--set", `arch=${SMALL_ARCH[1]}`];

Deno.test("sweep: a table, then the same from the finished runs as one object", async () => {
  await inTemporary(async (dir) => {
    await writeIdxDirectory(`${dir}/data`, easyDataset(40, 20));
    const sizes = [
      "--set",
      "batch=8",
      "--set",
      "iterations=2",
      "--set",
      "eval_every=0",
      ...SMALL_SET,
    ];
    const where = ["--data-dir", `${dir}/data`, "--out", `${dir}/out`];
    const over = ["--over", "steps=1,2", "--over", "soft_labels=true", "--runs", "1"];
    const args = ["sweep", "--recipe", "quick", ...over, ...sizes, ...where];
    const { code, out, err } = await retort(args);
    assert.equal(code, 0, err);
    assert.match(
      err,
      /^2 runs, adapter .*, results in .*\nRun 1 of 2: steps 1, soft_labels true, /,
    );
    assert.equal(err.match(/^iteration 0 of 2; the first takes longer/gm)?.length, 2);
    assert.equal(err.match(/^Testing on the distilled data/gm)?.length, 2);
    const lines = out.split("\n");
    assert.equal(lines[0], "Test accuracy, one run each");
    assert.match(lines[1]!, /^steps {2}soft_labels {2}before +after$/);
    assert.match(lines[2]!, /^1 {6}true {9}\d+\.\d % +\d+\.\d %$/);
    assert.match(lines[3]!, /^2 {6}true {9}\d+\.\d % +\d+\.\d %$/);
    assert.deepEqual(lines.slice(4), [`Plot ${dir}/out/sweep.svg`, ""]);
    const again = await retort([...args, "--json"]);
    const notes = again.err.trimEnd().split("\n").slice(1);
    assert.equal(notes.length, 2);
    for (const note of notes) assert.match(note, /^Run [12] of 2: .*, seed 1; finished before$/);
    const { points, files, recipe } = JSON.parse(again.out);
    assert.deepEqual([recipe, points.length, files.length], ["quick", 2, 2]);
    assert.deepEqual(points[1].settings, { steps: 2, soft_labels: true });
  });
});

Deno.test("sweep: a run that fails is in the table, and the exit status is 1", async () => {
  await inTemporary(async (dir) => {
    await writeIdxDirectory(`${dir}/data`, easyDataset(40, 20));
    const sizes = ["steps=1", "batch=8", "iterations=2", "eval_every=0", `arch=${SMALL_ARCH[1]}`];
    const where = ["--data-dir", `${dir}/data`, "--out", `${dir}/out`];
    const over = ["--over", "lr=0.1,1e30", "--runs", "1", ...sizes.flatMap((s) => ["--set", s])];
    const args = ["sweep", "--recipe", "quick", ...over, ...where];
    const { code, out, err } = await retort(args);
    assert.equal(code, 1, err);
    assert.match(err, /\nRun 2 of 2: lr 1e\+30, seed 1; failed: Cannot go on at iteration \d/);
    const [, head, good, bad, failures, why, plot] = out.split("\n");
    assert.match(head!, /^lr {5}before {2}after +finished$/);
    assert.match(good!, /^0\.1 {4}\d+\.\d % .*% +1 of 1$/);
    assert.match(bad!, /^1e\+30 {2}- +- +0 of 1$/);
    assert.equal(failures, "1 of 2 runs failed; the same command tries them again");
    assert.match(
      why!,
      /^ {2}.*\/out\/lr-1e%2B30_seed-1: Cannot go on at iteration \d: got .*; lower/,
    );
    assert.equal(plot, `Plot ${dir}/out/sweep.svg`);
  });
});

Deno.test("sweep: bad usage ends with status 2 and one line", async () => {
  const bad: [string[], RegExp][] = [
    [["steps"], /^Cannot use --over: got "steps", expected key=value,value,… with each key and/],
    [["steps=1,1"], /^Cannot use --over: got "steps=1,1", expected key=value/],
    [["steps=1,"], /^Cannot use --over: got "steps=1,", expected/],
    [
      ["steps=1", "steps=2"],
      /^Cannot use --over: got "steps=2", expected .* each key and value once/,
    ],
    [["steps=x"], /^Cannot use recipe quick: steps: got "x", expected an integer/],
    [["seed=1,2"], /^Cannot sweep over seed: /],
  ];
  for (const [values, message] of bad) {
    const over = values.flatMap((value) => ["--over", value]);
    const { code, out, err } = await retort(["sweep", "--recipe", "quick", ...over]);
    assert.deepEqual([code, out], [2, ""], err);
    assert.match(err, message);
    assert.equal(err.indexOf("\n"), err.length - 1);
  }
});
