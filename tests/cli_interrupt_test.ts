// cli_interrupt_test: Ctrl-C and SIGTERM end a command in order, a second time at once; a slow run answers too.
import assert from "node:assert/strict";
import { recipeToYaml } from "../src/recipe/recipe.ts";
import { readCheckpointIteration } from "./support/checkpoint.ts";
import { ROOT, start } from "./support/command.ts";
import { shortRecipe, writeIdxDirectory } from "./support/runs.ts";
import { inTemporary } from "./support/temporary.ts";

/** Runs a program that is asked to end, and sends it signals; each is sent after a line of its own. */
async function ended(program: string, ...signals: Deno.Signal[]) {
  const code = `import * as interrupt from "${ROOT}src/cli/interrupt.ts";
    const [note, tell] = [console.log, () => "told"];
    const forever = new Promise((resolve) => setTimeout(resolve, 60_000));
    ${program}`;
  const child = new Deno.Command("deno", {
    args: ["eval", code],
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const lines: string[] = [];
  for await (const text of child.stdout.pipeThrough(new TextDecoderStream())) {
    lines.push(...text.trimEnd().split("\n"));
    const signal = signals.shift();
    if (signal) child.kill(signal);
  }
  return { code: (await child.status).code, lines };
}

const STOPPING = "Stopping after the work at hand; Ctrl-C again stops at once";

const ABORTED = `
  using asked = interrupt.abortOnInterrupt({ note, tell, stop: () => console.log("stop") });
  console.log("ready");
  await new Promise((resolve) => asked.signal.addEventListener("abort", resolve));`;

Deno.test("asked to end: the terminal is left, the signal aborted, and what is left told", async () => {
  const program = `${ABORTED}
    const error = asked.settle(asked.signal.reason);
    console.log(error.name, error.message, error.status, asked.settle("another"));`;
  for (const [signal, status] of [["SIGINT", 130], ["SIGTERM", 143]] as const) {
    const { lines } = await ended(`${program} Deno.exit();`, signal);
    const told = `InterruptedError told ${status} another`;
    assert.deepEqual(lines, ["ready", "stop", STOPPING, told]);
  }
});

Deno.test("asked twice, it ends at once", async () => {
  for (const [signal, status] of [["SIGINT", 130], ["SIGTERM", 143]] as const) {
    const { code, lines } = await ended(`${ABORTED} await forever;`, signal, signal);
    assert.deepEqual([code, lines], [status, ["ready", "stop", STOPPING]]);
  }
});

Deno.test("a command with nothing to save ends at once, with a word", async () => {
  const program = `using _asked = interrupt.exitOnInterrupt({ note, tell });
    console.log("ready");
    await forever;`;
  const { code, lines } = await ended(program, "SIGINT");
  assert.deepEqual([code, lines], [130, ["ready", "told"]]);
});

Deno.test("a run whose iterations take a minute answers Ctrl-C within seconds", async () => {
  await inTemporary(async (dir) => {
    await writeIdxDirectory(`${dir}/data`);
    const sizes = { networks: 20, steps: 10, epochs: 60, batch: 240 };
    const recipe = shortRecipe({ ...sizes, arch: "lenet", init: "random" });
    await Deno.writeTextFile(`${dir}/slow.yaml`, recipeToYaml(recipe));
    const place = ["--data-dir", `${dir}/data`, "--out", `${dir}/run`];
    const child = start(["distill", "--recipe", `${dir}/slow.yaml`, ...place]);
    const [shown, kept] = child.stderr.tee();
    const reader = shown.pipeThrough(new TextDecoderStream()).getReader();
    let text = "";
    while (!text.includes("\niteration 0 of")) text += (await reader.read()).value;
    await reader.cancel();
    await new Promise((resolve) => setTimeout(resolve, 2000));
    const asked = performance.now();
    child.kill("SIGINT");
    const [{ code }, err] = await Promise.all([child.status, new Response(kept).text()]);
    const seconds = (performance.now() - asked) / 1000;
    await child.stdout.cancel();
    assert.equal(code, 130, err);
    // About a second on a machine of its own. A busy one takes longer, but none takes the iteration's minute.
    assert.ok(seconds < 20, `it took ${seconds} s`);
    assert.match(err, /\nStopped: iteration 0 of 6 is saved in .*\n$/);
    assert.equal(await readCheckpointIteration(`${dir}/run`), 0);
  });
});
