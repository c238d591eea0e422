// cli_recipes_test: the built-in recipes on the command line, with the fewest permissions.
import assert from "node:assert/strict";
import { listRecipes, loadRecipe, parseRecipe } from "../mod.ts";
import { parse } from "npm:yaml@2.9.1";
import { type Ending, endOf, ROOT } from "./support/command.ts";
import { namesIn } from "./support/temporary.ts";

/** Runs `recipes`, with --ignore-env: of what Deno may not read of the environment nothing is set. */
function recipes(args: string[], ...permissions: string[]): Promise<Ending> {
  const flags = ["run", "--quiet", "--no-prompt", "--ignore-env", ...permissions];
  const command = [...flags, `${ROOT}cli.ts`, "recipes", ...args];
  const pipes = { stdin: "null", stdout: "piped", stderr: "piped" } as const;
  return endOf(new Deno.Command("deno", { args: command, ...pipes }).spawn());
}

Deno.test("recipes lists every recipe file, with the words and the time of its comment", async () => {
  const files = (await namesIn(`${ROOT}recipes`)).filter((name) => name.endsWith(".yaml"));
  const { code, out, err } = await recipes([]);
  assert.deepEqual([code, err], [0, ""]);
  const [head, ...rest] = out.split("\n");
  assert.match(head!, /^recipe +time +what it distils$/);
  const rows = rest.slice(0, rest.indexOf(""));
  assert.deepEqual(rows.map((row) => `${row.split(" ")[0]}.yaml`).sort(), files.sort());
  for (const row of rows) {
    const [name, time, about, ...more] = row.split(/ {2,}/);
    assert.deepEqual(more, [], row);
    const [first, ...comment] = (await Deno.readTextFile(`${ROOT}recipes/${name}.yaml`)).split(
      "\n",
    );
    assert.ok(about !== "" && first!.startsWith(`# ${about}`), `${name}: ${about}`);
    const told = comment.find((line) => line.startsWith("# Time: "));
    assert.equal(time, told?.slice("# Time: ".length), name); // every recipe tells its time
  }
});

Deno.test("a recipe that takes days, or one like it, has a small variant", () => {
  const names = listRecipes().map(({ name }) => name);
  for (const { name, time } of listRecipes()) {
    const [, small] = /; ([\w-]+-small): /.exec(time) ?? [];
    assert.equal(small !== undefined, names.includes(`${name}-small`), name);
    if (small !== undefined) assert.equal(small, `${name}-small`);
  }
});

Deno.test("recipes --json is the list that the library has", async () => {
  const { code, out } = await recipes(["--json"]);
  assert.equal(code, 0);
  assert.deepEqual(JSON.parse(out), { recipes: listRecipes() });
});

Deno.test("recipes show prints every setting as YAML that makes the same recipe", async () => {
  for (const name of ["quick", "attack-mnist"]) {
    const { code, out, err } = await recipes(["show", name]);
    assert.deepEqual([code, err], [0, ""]);
    const recipe = await loadRecipe(name, {});
    assert.deepEqual(parse(out), recipe); // every setting is there, without defaults filled in
    assert.deepEqual(parseRecipe(parse(out), name), recipe);
    assert.deepEqual(JSON.parse((await recipes(["show", name, "--json"])).out), recipe);
  }
});

Deno.test("recipes show of a name that is none: exit status 2, one line", async () => {
  const { code, out, err } = await recipes(["show", "slow"], "--allow-read");
  assert.deepEqual([code, out], [2, ""]);
  const expected = "expected a YAML file or a built-in recipe; `recipes` lists those built in";
  const got = "got neither a built-in recipe nor a file";
  assert.equal(err, `Cannot read recipe slow: ${got}, ${expected}\n`);
});
