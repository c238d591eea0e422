// bundle_test: the program needs no file beside it: kernels, recipes and MNIST are all inside.
import assert from "node:assert/strict";
import { inTemporary, namesIn } from "./support/temporary.ts";
import { retort, ROOT } from "./support/command.ts";
import { SMALL_ARCH, writeIdxDirectory } from "./support/runs.ts";

const MNIST = [
  "train-images-idx3-ubyte",
  "train-labels-idx1-ubyte",
  "t10k-images-idx3-ubyte",
  "t10k-labels-idx1-ubyte",
];

/** Runs deno itself and gives what it printed. */
async function deno(args: string[]): Promise<string> {
  const options = { args, cwd: ROOT, stdin: "null" } as const;
  const { code, stdout, stderr } = await new Deno.Command("deno", options).output();
  assert.equal(code, 0, new TextDecoder().decode(stderr));
  return new TextDecoder().decode(stdout);
}

/** Names of all files with an extension below a folder of the repository. */
async function filesUnder(folder: string, extension: string): Promise<string[]> {
  const found: string[] = [];
  for await (const { name, isDirectory } of Deno.readDir(`${ROOT}${folder}`)) {
    if (isDirectory) found.push(...await filesUnder(`${folder}/${name}`, extension));
    else if (name.endsWith(extension)) found.push(`${folder}/${name}`);
  }
  return found;
}

Deno.test("deno bundle makes one file that distils in another folder", async () => {
  await inTemporary(async (dir) => {
    const cli = `${dir}/retort.js`;
    await deno(["bundle", "--quiet", "--output", cli, "cli.ts"]);
    await writeIdxDirectory(`${dir}/data`);
    const sizes = ["--set", "steps=1", "--batch", "16", "--iterations", "2", ...SMALL_ARCH];
    const args = [
      "distill",
      "--recipe",
      "quick",
      ...sizes,
      "--data-dir",
      "data",
      "--json",
      "--quiet",
    ];
    const { code, out, err } = await retort(args, { cli, cwd: dir });
    assert.deepEqual([code, err], [0, ""]);
    assert.equal(JSON.parse(out).iterations, 2);
    assert.equal((await namesIn(`${dir}/out/quick`)).length, 5); // named as the recipe
    const again = await retort(args, { cli, cwd: dir });
    assert.deepEqual([again.code, JSON.parse(again.out).out], [0, "out/quick-2"]);
    const evaluate = ["evaluate", "out/quick", "--data-dir", "data", "--json"];
    const evaluated = await retort(evaluate, { cli, cwd: dir });
    assert.deepEqual(JSON.parse(evaluated.out).after, JSON.parse(out).after);
    const exported = await retort(["export", "out/quick", "--format", "hf", "--out", "hf"], {
      cli,
      cwd: dir,
    });
    assert.equal(exported.code, 0, exported.err);
    const over = ["--over", "steps=1", "--runs", "1", "--out", "sweep", "--data-dir", "data"];
    const short = [
      "--set",
      "batch=16",
      "--set",
      "iterations=1",
      "--set",
      `arch=${SMALL_ARCH[1]}`,
      "--quiet",
    ];
    const swept = await retort(["sweep", "--recipe", "quick", ...over, ...short], {
      cli,
      cwd: dir,
    });
    assert.match(swept.out, /\nPlot sweep\/sweep\.svg\n$/, swept.err);
  });
});

Deno.test("deno info: cli.ts holds every kernel, every recipe and the four files of MNIST", async () => {
  const { modules } = JSON.parse(await deno(["info", "--json", "cli.ts"]));
  const specifiers: string[] = modules.map(({ specifier }: { specifier: string }) => specifier);
  const kernels = await filesUnder("kernels", ".wgsl");
  const recipes = await filesUnder("recipes", ".yaml");
  assert.ok(kernels.length > 5 && recipes.length >= 4);
  for (const file of [...kernels, ...recipes]) {
    assert.ok(specifiers.includes(`file://${ROOT}${file}`), `${file} is not imported`);
  }
  for (const file of MNIST) {
    const isImported = specifiers.some((specifier) => specifier.includes(`/${file}`));
    assert.ok(isImported, `${file} is not imported`);
  }
});
