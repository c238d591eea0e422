/** The declarations of docs/json.md: what every command prints with --json is as they say, and so are the examples. */
import assert from "node:assert/strict";
import * as library from "../mod.ts";
import { run } from "../src/cli/program.ts";
import { ROOT } from "./support/command.ts";
import { easyDataset, SMALL_ARCH, writeIdxDirectory } from "./support/runs.ts";
import { inTemporary } from "./support/temporary.ts";

/** What a command line prints with --json, as an object, and its status. */
async function objectOf(args: string[]): Promise<{ value: unknown; status: number }> {
  const out: string[] = [];
  const terminal = { print: (line: string) => void out.push(line), note: () => {} };
  const status = await run(["--json", "--quiet", ...args], library, terminal);
  assert.equal(out.length, 1, `${args[0]} printed ${out.length} lines`);
  return { value: JSON.parse(out[0]!), status };
}

/** Code blocks of the page of a language, with what stands behind it. */
async function blocksOf(language: string): Promise<{ title: string; text: string }[]> {
  const page = await Deno.readTextFile(`${ROOT}docs/json.md`);
  const blocks = page.matchAll(new RegExp(`^\`\`\`${language} ?(.*)\n([^]*?)^\`\`\``, "gm"));
  return [...blocks].map(([, title, text]) => ({ title: title!, text: text! }));
}

/** What TypeScript says of values that are not of the type that the page declares under that name; nothing if all are. */
async function problemsOf(values: readonly (readonly [type: string, value: unknown])[]) {
  const declarations = (await blocksOf("ts")).map(({ text }) => text);
  const uses = values.map(([type, value], i) => {
    return `export const value${i}: ${type} = ${JSON.stringify(value)};`;
  });
  let problems = "";
  await inTemporary(async (dir) => {
    const path = `${dir}/check.ts`;
    await Deno.writeTextFile(path, [...declarations, ...uses].join("\n"));
    const args = ["check", "--quiet", "--no-config", path];
    const { stderr } = await new Deno.Command("deno", { args, env: { NO_COLOR: "1" } }).output();
    problems = new TextDecoder().decode(stderr);
  });
  return problems;
}

/** Every key of a value and of what is in it. */
function keysOf(value: unknown): string[] {
  if (typeof value !== "object" || value === null) return [];
  const keys = Array.isArray(value) ? [] : Object.keys(value);
  return [...keys, ...Object.values(value).flatMap(keysOf)];
}

Deno.test({
  name: "--json: every command prints what the page declares",
  fn: async () => {
    await inTemporary(async (dir) => {
      await writeIdxDirectory(`${dir}/data`, easyDataset(40, 20));
      const data = ["--data-dir", `${dir}/data`];
      const sizes = ["batch=8", "iterations=2", "steps=1", "epochs=1", "test_networks=2"];
      const set = [...sizes, `arch=${SMALL_ARCH[1]}`].flatMap((each) => ["--set", each]);
      const recipe = ["--recipe", "mnist-random-100", ...set, ...data];
      const attack = ["--set", "attack=3:7"];
      const small = ["--steps", "1", "--epochs", "1"];
      const network = ["--networks", "1"];
      const commands: [type: string, args: string[], status?: number][] = [
        ["DryRun", ["distill", ...recipe, "--dry-run"]],
        ["Distill", ["distill", ...recipe, ...attack, "--out", `${dir}/run`]],
        ["Evaluate", ["evaluate", `${dir}/run`, ...data, ...network, "--standard", "1"]],
        ["EvaluateTable", ["evaluate", `${dir}/run`, ...data, ...network, "--strategy", "raw,1"]],
        [
          "Train",
          ["train", ...data, ...SMALL_ARCH, ...network, "--batch", "8", "--out", `${dir}/n`],
        ],
        ["Export", ["export", `${dir}/run`, "--format", "npz", "--out", `${dir}/run.npz`]],
        [
          "Sweep",
          ["sweep", ...recipe, "--runs", "1", "--over", "lr=0.1,1e30", "--out", `${dir}/sweep`],
          1,
        ],
        ["Baselines", ["baselines", ...recipe, "--only", "random,knn-random", ...network]],
        ["Gradcheck", ["gradcheck", ...SMALL_ARCH, ...small]],
        ["Gradcheck", ["gradcheck", "--kernel", "fc", "--depth", "1"]],
        ["Linear", ["linear", "--rows", "4", "--dims", "1", "--out", `${dir}/linear`]],
        ["Recipes", ["recipes"]],
        ["Settings", ["recipes", "show", "quick"]],
        ["Compare", ["compare", `${dir}/run`]],
        ["Plot", ["plot", `${dir}/run`, ...data, "--out", `${dir}/plots`]],
        ["Data", ["data", "mnist", ...data]],
        ["Info", ["info"]],
        ["Failure", ["compare", `${dir}/none`], 1],
        ["Failure", ["distill", "--bogus"], 2],
        ["Failure", [], 2],
      ];
      const values: [string, unknown][] = [];
      for (const [type, args, expected = 0] of commands) {
        const { value, status } = await objectOf(args);
        assert.equal(status, expected, JSON.stringify(value));
        if (type === "Failure") {
          assert.equal((value as { error: { status: number } }).error.status, status);
        }
        values.push([type, value]);
      }
      for (const line of (await Deno.readTextFile(`${dir}/run/metrics.jsonl`)).trim().split("\n")) {
        values.push(["Metrics", JSON.parse(line)]);
      }
      const sweep = JSON.parse(await Deno.readTextFile(`${dir}/sweep/sweep.json`));
      values.push(['Omit<Sweep, "out" | "files">', sweep]);
      const linear = JSON.parse(await Deno.readTextFile(`${dir}/linear/linear.json`));
      values.push(['Omit<Linear, "files" | "seconds">', linear]);
      assert.equal(await problemsOf(values), "");
      const odd = values.flatMap(([, value]) => keysOf(value)).filter((key) =>
        !/^[a-z0-9_]+$/.test(key)
      );
      assert.deepEqual(odd, []);
    });
  },
  sanitizeOps: false, // devices are closed a turn later
  sanitizeResources: false,
});

Deno.test("docs/json.md: its examples are of the types it declares; what is not is found", async () => {
  const examples = (await blocksOf("json")).map(({ title, text }) =>
    [title, JSON.parse(text)] as const
  );
  assert.ok(examples.length >= 8, `${examples.length} examples`);
  const [, evaluated] = examples.find(([title]) => title === "Evaluate")!;
  const wrong = [{ ...evaluated, seed: "1" }, { ...evaluated, more: 1 }, { dataset: "mnist" }];
  const problems = await problemsOf([
    ...examples,
    ...wrong.map((value) => ["Evaluate", value] as const),
  ]);
  assert.match(problems, /Type 'string' is not assignable to type 'number'/);
  assert.match(problems, /'"more"' does not exist in type 'Evaluate'/);
  assert.match(problems, /missing the following properties from type 'Evaluate'/);
  assert.match(problems, /Found 3 errors/); // none of them of the examples
});
