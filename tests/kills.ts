/**
 * Kills: commands that are ended at random moments, go on, and are compared with one that was not ended. A program,
 * since it takes minutes; resume_test.ts has the cases that are quick.
 *
 *     deno run --allow-read --allow-write --allow-env --allow-run=deno tests/kills.ts distill SIGINT 20 [SEED]
 *
 * The command is distill, train, sweep or export. It is ended once, by SIGKILL, SIGTERM or SIGINT, anywhere from its
 * start to its end, and then goes on. A line tells each; the last one how many ended in the same bytes. SIGINT and
 * SIGTERM must be answered within 5 s with the right exit status, and distill must tell the iteration that is in its
 * checkpoint. The exit status is 1 when anything was wrong.
 */
import { recipeToYaml } from "../src/recipe/recipe.ts";
import { readCheckpointIteration } from "./support/checkpoint.ts";
import { endOf, retort, start } from "./support/command.ts";
import { expectSame, shortRecipe, SMALL_ARCH, writeIdxDirectory } from "./support/runs.ts";
import { inTemporary } from "./support/temporary.ts";
import { random } from "./oracle/numeric.ts";

/** What is ended and goes on. */
interface Subject {
  /** The command line that begins. */
  readonly begin: string[];
  /** What it takes besides to go on. */
  readonly goOn: string[];
  /** Whether a file is the same after any end; logs have times in them. */
  readonly isSame: (path: string) => boolean;
}

/** The command of a name on data and a recipe in `dir`, with its results in the folder `out`. */
function subjectOf(name: string, dir: string, out: string): Subject {
  const data = ["--data-dir", `${dir}/data`];
  const recipe = ["--recipe", `${dir}/recipe.yaml`, ...data];
  const isOfRun = (path: string) => !path.endsWith("metrics.jsonl");
  switch (name) {
    case "distill":
      return { begin: ["distill", ...recipe, "--out", out], goOn: ["--resume"], isSame: isOfRun };
    case "train": {
      const settings = [...SMALL_ARCH, "--networks", "3", "--at-once", "2", "--epochs", "40"];
      const begin = ["train", ...data, ...settings, "--batch", "16", "--out", `${out}/nets`];
      return { begin, goOn: ["--resume"], isSame: () => true };
    }
    case "sweep": {
      const begin = ["sweep", ...recipe, "--over", "lr=0.1,0.05", "--runs", "2", "--out", out];
      const isSame = (path: string) => isOfRun(path) && path !== "sweep.json"; // which has `out`
      return { begin, goOn: [], isSame };
    }
    case "export": {
      const begin = ["export", "results/quick", "--format", "folder", "--out", out];
      return { begin, goOn: [], isSame: () => true };
    }
  }
  throw new Error(`Cannot end ${name}: expected distill, train, sweep or export`);
}

/** The files under a folder by their paths, and their bytes. */
async function filesUnder(dir: string, within = ""): Promise<Record<string, Uint8Array>> {
  const files: Record<string, Uint8Array> = {};
  for await (const { name, isDirectory } of Deno.readDir(`${dir}/${within}`)) {
    const path = `${within}${name}`;
    if (isDirectory) Object.assign(files, await filesUnder(dir, `${path}/`));
    else files[path] = await Deno.readFile(`${dir}/${path}`);
  }
  return files;
}

/** Exit statuses by signal. */
const STATUS = { SIGKILL: 137, SIGTERM: 143, SIGINT: 130 } as const;

/** Seconds in which a run that is asked to end must have ended. */
const ANSWER = 5;

/** A run with most to keep: a pool of networks with Adam's moments, and minibatches. */
const RECIPE = shortRecipe({
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
  iterations: 15,
  log_every: 1,
  checkpoint_every: 3,
});

if (import.meta.main) {
  const [name = "distill", signal = "SIGINT", count = "20", seed = "1"] = Deno.args;
  await inTemporary((dir) => endAll(dir, name, signal as keyof typeof STATUS, +count, +seed));
}

async function endAll(
  dir: string,
  name: string,
  signal: keyof typeof STATUS,
  count: number,
  seed: number,
): Promise<void> {
  await writeIdxDirectory(`${dir}/data`);
  await Deno.writeTextFile(`${dir}/recipe.yaml`, recipeToYaml(RECIPE));
  const contentsOf = async ({ isSame }: Subject, out: string) => {
    const files = Object.entries(await filesUnder(out));
    return Object.fromEntries(files.filter(([path]) => isSame(path)));
  };
  const begin = performance.now();
  const undisturbed = subjectOf(name, dir, `${dir}/whole`);
  const first = await retort(undisturbed.begin);
  if (first.code !== 0) throw new Error(`The one that is not ended failed: ${first.err}`);
  let all = performance.now() - begin;
  const whole = await contentsOf(undisturbed, `${dir}/whole`);
  let wrong = 0;
  for (const [i, x] of random(count, seed).entries()) {
    const out = `${dir}/run`;
    const subject = subjectOf(name, dir, out);
    const moment = all * (x + 1) / 2;
    const faults: string[] = [];
    const started = performance.now();
    const told = await endAt(moment, signal, subject.begin, out, faults);
    if (told.isDone) all = Math.min(all, performance.now() - started); // the machine was busier before
    if (!told.isDone || subject.goOn.length > 0) {
      const { code, err } = await retort([...subject.begin, ...subject.goOn]);
      if (code !== 0) faults.push(`going on failed: ${err}`);
    }
    try {
      expectSame("what it ended in", await contentsOf(subject, out), whole);
    } catch (error) {
      faults.push((error as Error).message);
    }
    const when = `${(moment / 1000).toFixed(2)} of ${(all / 1000).toFixed(2)} s`;
    console.log(
      `${i + 1}: ${signal} at ${when}: ${told.text}${faults.map((line) => `; WRONG: ${line}`)}`,
    );
    wrong += +(faults.length > 0);
    await Deno.remove(out, { recursive: true }).catch(() => {}); // there is none where nothing began
  }
  console.log(`${count - wrong} of ${count} ended in the same bytes and the right words`);
  Deno.exitCode = wrong > 0 ? 1 : 0;
}

/** Starts a run and sends it a signal after `moment` ms; says how it ended, and whether it was done. */
async function endAt(
  moment: number,
  signal: keyof typeof STATUS,
  args: string[],
  out: string,
  faults: string[],
): Promise<{ text: string; isDone: boolean }> {
  const child = start(args);
  const ending = endOf(child);
  await Promise.race([new Promise((resolve) => setTimeout(resolve, moment)), ending]);
  const asked = performance.now();
  try {
    child.kill(signal);
  } catch {
    // it has ended
  }
  const { code, err } = await ending;
  const seconds = (performance.now() - asked) / 1000;
  const iteration = await readCheckpointIteration(out);
  const text = `ended with ${code} after ${seconds.toFixed(1)} s, checkpoint ${
    iteration ?? "none"
  }`;
  const told = { text, isDone: code === 0 };
  if (told.isDone) return told;
  if (code !== STATUS[signal]) faults.push(`got exit status ${code}: ${err}`);
  if (signal === "SIGKILL") return told;
  if (seconds > ANSWER) faults.push(`it took ${seconds.toFixed(1)} s`);
  if (args[0] !== "distill") return told;
  const last = err.trimEnd().split("\n").at(-1)!;
  // Before the run has begun, the system ends the program, which says nothing.
  const [, saved] = /^Stopped: iteration (\d+) of/.exec(last) ?? [];
  if (saved === undefined && iteration !== undefined || saved && +saved !== iteration) {
    faults.push(`it said ${last}`);
  }
  return told;
}
