/**
 * Kills: runs that are ended at random moments, resumed, and compared with one that was not. A program, since it takes
 * minutes; resume_test.ts has the cases that are quick.
 *
 *     deno run --allow-read --allow-write --allow-env --allow-run=deno tests/kills.ts SIGINT 20 [SEED]
 *
 * Each run is ended once, by SIGKILL, SIGTERM or SIGINT, anywhere from its start to its end, and then resumed. A line
 * tells each; the last one how many ended in the same bytes. SIGINT and SIGTERM must be answered within 5 s, with the
 * right exit status and the iteration that is in the checkpoint. The exit status is 1 when anything was wrong.
 */
import { recipeToYaml } from "../src/recipe/recipe.ts";
import { readCheckpointIteration } from "./support/checkpoint.ts";
import { endOf, retort, start } from "./support/command.ts";
import { contentsOf, expectSame, pick, shortRecipe, writeIdxDirectory } from "./support/runs.ts";
import { inTemporary } from "./support/temporary.ts";
import { random } from "./oracle/numeric.ts";

/** Files that are the same after any end. */
const SAME = ["distilled.safetensors", "checkpoint.safetensors", "images.png", "recipe.yaml"];

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
  const [signal = "SIGINT", count = "20", seed = "1"] = Deno.args;
  await inTemporary((dir) => endRuns(dir, signal as keyof typeof STATUS, +count, +seed));
}

async function endRuns(dir: string, signal: keyof typeof STATUS, count: number, seed: number) {
  await writeIdxDirectory(`${dir}/data`);
  await Deno.writeTextFile(`${dir}/recipe.yaml`, recipeToYaml(RECIPE));
  const data = ["--data-dir", `${dir}/data`];
  const distill = ["distill", "--recipe", `${dir}/recipe.yaml`, ...data, "--out"];
  const begin = performance.now();
  const first = await retort([...distill, `${dir}/whole`]);
  if (first.code !== 0) throw new Error(`The run that is not ended failed: ${first.err}`);
  let all = performance.now() - begin;
  const whole = pick(await contentsOf(`${dir}/whole`), ...SAME);
  let wrong = 0;
  for (const [i, x] of random(count, seed).entries()) {
    const out = `${dir}/run`;
    const moment = all * (x + 1) / 2;
    const faults: string[] = [];
    const started = performance.now();
    const told = await endAt(moment, signal, [...distill, out], out, faults);
    if (told.isDone) all = Math.min(all, performance.now() - started); // the machine was busier before
    const { code, err } = await retort([...distill, out, "--resume"]);
    if (code !== 0) faults.push(`resuming failed: ${err}`);
    else {
      try {
        expectSame("resumed", pick(await contentsOf(out), ...SAME), whole);
      } catch (error) {
        faults.push((error as Error).message);
      }
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
  const last = err.trimEnd().split("\n").at(-1)!;
  // Before the run has begun, the system ends the program, which says nothing.
  const [, saved] = /^Stopped: iteration (\d+) of/.exec(last) ?? [];
  if (saved === undefined && iteration !== undefined || saved && +saved !== iteration) {
    faults.push(`it said ${last}`);
  }
  return told;
}
