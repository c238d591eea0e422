// cli_compare_test: finished runs side by side, read with --allow-read alone.
import assert from "node:assert/strict";
import { readRun } from "../mod.ts";
import { type Ending, endOf, ROOT } from "./support/command.ts";
import { inTemporary, namesIn } from "./support/temporary.ts";

/** Runs `compare`; --ignore-env: of what Deno may not read of the environment nothing is set. */
function compare(...args: string[]): Promise<Ending> {
  const flags = ["run", "--quiet", "--no-prompt", "--ignore-env", "--allow-read"];
  const command = [...flags, `${ROOT}cli.ts`, "compare", ...args];
  const pipes = { stdin: "null", stdout: "piped", stderr: "piped" } as const;
  return endOf(new Deno.Command("deno", { args: command, cwd: ROOT, ...pipes }).spawn());
}

/** Copies a published run to a folder, and changes one file of it. */
async function copyRun(
  to: string,
  file = "",
  change: (text: string) => string = (text) => text,
  from = "results/quick",
): Promise<string> {
  await Deno.mkdir(to);
  for (const name of await namesIn(`${ROOT}${from}`)) {
    await Deno.copyFile(`${ROOT}${from}/${name}`, `${to}/${name}`);
  }
  if (file) {
    await Deno.writeTextFile(`${to}/${file}`, change(await Deno.readTextFile(`${to}/${file}`)));
  }
  return to;
}

/** The cells of lines whose columns are two spaces or more apart. */
function cellsOf(lines: string[]): string[][] {
  return lines.map((line) => line.split(/ {2,}/));
}

Deno.test("compare: a row a run, and the other settings that differ", async () => {
  const dirs = ["results/mnist-fixed-10", "results/mnist-random-100"];
  const { code, out, err } = await compare(...dirs);
  assert.deepEqual([code, err], [0, ""]);
  const lines = out.trimEnd().split("\n");
  const [head, fixed, random] = cellsOf(lines.slice(0, 3));
  assert.deepEqual(head, [
    "run",
    "recipe",
    "data set",
    "network",
    "images (steps × per class)",
    "iterations",
    "before",
    "after",
    "tested on",
    "loss",
    "iterations took",
    "adapter",
    "Retort",
  ]);
  const one = ["mnist-fixed-10", "mnist", "lenet", "10 (1 × 1)", "23600", "9.5 %", "94.0 %"];
  assert.deepEqual(fixed!.slice(0, 9), [dirs[0], ...one, "1 network"]);
  const many = ["mnist-random-100", "mnist", "lenet", "100 (10 × 1)", "700"];
  const accuracies = ["9.8 ± 2.9 %", "78.1 ± 6.7 %", "8 networks"];
  assert.deepEqual(random!.slice(0, 9), [dirs[1], ...many, ...accuracies]);
  const { loss, seconds, adapter, version } = await readRun(`${ROOT}${dirs[1]}`);
  assert.deepEqual(random!.slice(9, 10), [loss!.toPrecision(3)]);
  assert.deepEqual(random!.slice(11), [adapter, version]);
  assert.equal(random![10], `${Math.floor(seconds! / 60)} min ${Math.round(seconds! % 60)} s`);

  assert.deepEqual(lines.slice(3, 5), ["", "Settings that differ besides"]);
  const [settings, ...values] = cellsOf(lines.slice(5));
  const expected = { init: ["fixed", "random"], image_init: ["noise", "kmeans"] };
  for (const [key, told] of Object.entries(expected)) {
    assert.deepEqual(values.map((row) => row[settings!.indexOf(key)]), told);
  }
  for (
    const key of ["name", "steps", "iterations", "dataset", "arch", "batch", "seed", "log_every"]
  ) {
    assert.ok(!settings!.includes(key), key); // shown above, or the same
  }
});

Deno.test("compare of runs with the same settings has one table", async () => {
  await inTemporary(async (dir) => {
    const again = await copyRun(`${dir}/again`);
    const { code, out } = await compare("results/quick", again);
    assert.deepEqual([code, out.trimEnd().split("\n").length], [0, 3]);
    assert.equal((await compare(again)).out.trimEnd().split("\n").length, 2);
  });
});

Deno.test("compare shows the layers where networks differ, and a loss that is not finite", async () => {
  await inTemporary(async (dir) => {
    const layers = (text: string) =>
      text.replace("arch: lenet", "arch: [{ dense: 8 }, relu, { dense: classes }]");
    const own = await copyRun(`${dir}/own`, "recipe.yaml", layers);
    const diverged = (text: string) => text.replaceAll(/"loss":[\d.]+/g, '"loss":null');
    const lost = await copyRun(`${dir}/lost`, "metrics.jsonl", diverged);
    const { code, out, err } = await compare(own, lost);
    assert.equal(code, 0, err);
    const lines = out.trimEnd().split("\n");
    const rows = cellsOf(lines.slice(0, 3));
    assert.deepEqual(rows.slice(1).map((row) => row[3]), ["3 layers", "lenet"]);
    assert.equal(rows[2]![9], "-");
    assert.deepEqual(cellsOf(lines.slice(5)), [
      ["run", "arch"],
      [own, '[{"dense":{"outputs":8}},"relu",{"dense":{"outputs":"classes"}}]'],
      [lost, "lenet"],
    ]);
  });
});

Deno.test("compare --json has every setting and unrounded numbers", async () => {
  const dirs = ["results/quick", "results/mnist-random-100-soft"];
  const { code, out, err } = await compare("--json", ...dirs);
  assert.deepEqual([code, err], [0, ""]);
  const runs = await Promise.all(dirs.map((dir) => readRun(`${ROOT}${dir}`)));
  const expected = runs.map((run, i) => ({ ...run, dir: dirs[i] }));
  assert.deepEqual(JSON.parse(out), { runs: expected });
  assert.deepEqual(runs.map(({ images }) => images), [100, 100]);
});

Deno.test("compare of a folder that is no finished run: exit status 1, one line that names it", async () => {
  await inTemporary(async (dir) => {
    const isFinal = (line: string) => line.includes('"before"');
    const unfinished = (text: string) => text.split("\n").filter((l) => !isFinal(l)).join("\n");
    const finish = (folder: string) => `finish one with distill --resume --out ${folder}`;
    const missing = "got no such file, expected the folder of a finished run";
    const cases: [folder: string, message: string][] = [
      [
        `${dir}/none`,
        `Cannot read ${dir}/none/distilled.safetensors: ${missing}; ${finish(`${dir}/none`)}`,
      ],
      [
        `${ROOT}cli.ts`,
        `Cannot read ${ROOT}cli.ts as a run: got a file, expected the folder of a finished run; give that`,
      ],
      [
        await copyRun(`${dir}/unfinished`, "metrics.jsonl", unfinished),
        `Cannot read the run in ${dir}/unfinished: got no accuracies in metrics.jsonl, expected a ` +
        `finished run; finish it with --resume --out ${dir}/unfinished`,
      ],
      [
        await copyRun(`${dir}/bad`, "recipe.yaml", (text) => text.replace("steps: 5", "steps: 0")),
        `Cannot use recipe ${dir}/bad/recipe.yaml: steps: got 0, expected an integer ≥ 1`,
      ],
    ];
    const lone = await copyRun(`${dir}/lone`);
    await Deno.remove(`${lone}/recipe.yaml`);
    cases.push([lone, `Cannot read ${lone}/recipe.yaml: ${missing}`]);
    for (const [folder, message] of cases) {
      const found = await compare("results/quick", folder);
      assert.deepEqual(found, { code: 1, out: "", err: `${message}\n` });
    }
  });
});

Deno.test("compare: half a line is no record; no folder is bad usage", async () => {
  await inTemporary(async (dir) => {
    for (const tear of [(text: string) => `${text}{"iterat`, (text: string) => `{"iter\n${text}`]) {
      const torn = await copyRun(`${dir}/torn`, "metrics.jsonl", tear);
      const whole = await readRun(`${ROOT}results/quick`);
      assert.deepEqual(await readRun(torn), { ...whole, dir: torn });
      await Deno.remove(torn, { recursive: true });
    }
  });
  const { code, err } = await compare();
  const expected = "Cannot run compare: got no dirs, expected folders of finished runs\n";
  assert.deepEqual([code, err], [2, expected]);
});
