// cli: the command line of Retort; the commands are in src/cli, what they do is in mod.ts.
import * as retort from "./mod.ts";
import { run } from "./src/cli/program.ts";

if (import.meta.main) {
  const terminal = { print: console.log, note: console.error };
  Deno.exit(await run(Deno.args, retort, terminal));
}
