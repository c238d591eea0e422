/**
 * The Python of docs/export.md: what it names is in the exports, and it runs. What the files hold
 * export_test.ts checks without Python, so a machine that lacks it or a package proves no less of
 * Retort; here such a block is said to have not run.
 */
import assert from "node:assert/strict";
import { exportArtifact } from "../../src/export/export.ts";
import { inTemporary } from "../support/temporary.ts";
import { ROOT } from "../support/command.ts";
import { readZip } from "./npz_reader.ts";

const text = await Deno.readTextFile(`${ROOT}docs/export.md`);
const blocks = [...text.matchAll(/^```python\n([^]*?)^```$/gm)].map(([, code]) => code!);

/** Runs Python code; undefined when there is no Python. */
async function python(code: string, cwd: string): Promise<Deno.CommandOutput | undefined> {
  const command = new Deno.Command("python3", {
    args: ["-c", code],
    cwd,
    env: { HF_HOME: `${cwd}/cache`, HF_HUB_OFFLINE: "1" },
    stdin: "null",
  });
  return await command.output().catch((error) => {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    return undefined;
  });
}

/** Packages that a block imports. */
function importsOf(code: string): string[] {
  return [...code.matchAll(/^(?:import|from) ([\w.]+)/gm)].map(([, name]) => name!);
}

Deno.test("the blocks of docs/export.md name what the exports have", async () => {
  await inTemporary(async (dir) => {
    await exportArtifact(`${ROOT}results/quick`, "npz", `${dir}/quick.npz`);
    const members = readZip(await Deno.readFile(`${dir}/quick.npz`));
    const training = JSON.parse(new TextDecoder().decode(members.get("distilled.json")));
    const code = blocks.slice(1).join("\n"); // the first is of the artifact itself
    const namesIn = (pattern: RegExp) => [...code.matchAll(pattern)].map(([, name]) => name!);
    const arrays = namesIn(/data\["([^"]+)"\]/g);
    const settings = namesIn(/training\["([^"]+)"\]/g);
    assert.ok(blocks.length === 6 && arrays.length >= 4 && settings.length >= 4);
    for (const name of arrays) assert.ok(members.has(name) || members.has(`${name}.npy`), name);
    for (const name of settings) assert.ok(name in training, name);
  });
});

Deno.test("the blocks of docs/export.md run where Python has their packages", async () => {
  await inTemporary(async (dir) => {
    for (const [format, name] of [["npz", ".npz"], ["folder", "-folder"], ["hf", "-hf"]] as const) {
      await exportArtifact(`${ROOT}results/quick`, format, `${dir}/quick${name}`);
    }
    await Deno.mkdir(`${dir}/out/quick`, { recursive: true });
    const file = "quick/distilled.safetensors";
    await Deno.copyFile(`${ROOT}results/${file}`, `${dir}/out/${file}`);
    for (const code of blocks) {
      const packages = importsOf(code).join(", ");
      const found = await python(`import ${packages}`, dir);
      if (!found?.success) {
        console.log(`not run, since python3 or a package is missing: ${packages}`);
        continue;
      }
      const { success, stderr } = (await python(code, dir))!;
      assert.ok(success, `${code}\n${new TextDecoder().decode(stderr)}`);
    }
  });
});
