/** The programs of docs/library.md, run in a folder that has no configuration. */
import assert from "node:assert/strict";
import { inTemporary } from "./support/temporary.ts";
import { PERMISSIONS } from "./support/command.ts";

const ROOT = new URL("..", import.meta.url);

Deno.test("the programs of docs/library.md run from another folder, without configuration", async () => {
  const text = await Deno.readTextFile(new URL("docs/library.md", ROOT));
  const programs = [...text.matchAll(/```ts\n([^]*?)```/g)].map(([, program]) => program!);
  assert.equal(programs.length, 3);
  await inTemporary(async (dir) => {
    for (const [i, program] of programs.entries()) {
      const file = `${dir}/main${i}.ts`;
      await Deno.writeTextFile(file, program.replaceAll("../mod.ts", new URL("mod.ts", ROOT).href));
      const flags = ["--check", "--unstable-raw-imports", ...PERMISSIONS];
      const options = { args: ["run", ...flags, file], cwd: dir, env: { NO_COLOR: "1" } };
      const { code, stdout, stderr } = await new Deno.Command("deno", options).output();
      assert.equal(code, 0, new TextDecoder().decode(stderr));
      assert.match(new TextDecoder().decode(stdout), /\d/);
    }
  });
});
