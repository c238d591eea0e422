/** What may import what, and how long files may be: the rules of docs/architecture.md. */
import assert from "node:assert/strict";
import { dirname, join, normalize } from "node:path/posix";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("..", import.meta.url));

/** What a layer may import besides itself and packages; the files of `src` by folder. */
const MAY_IMPORT: Record<string, readonly string[]> = {
  arch: [],
  data: [],
  report: [],
  oracle: ["arch"],
  gpu: [],
  ops: ["gpu", "kernels"],
  nets: ["arch", "ops", "gpu"],
  distill: ["arch", "nets", "ops", "gpu", "data", "report", "recipes", "deno.json"],
  export: ["distill", "data", "report"],
  cli: ["mod.ts (types)"],
  "mod.ts": ["arch", "data", "report", "oracle", "gpu", "ops", "nets", "distill", "export"],
  "cli.ts": ["mod.ts", "cli"],
};

/** Layers that may import packages. */
const PACKAGES = new Set([
  "arch",
  "data",
  "report",
  "distill",
  "export",
  "cli",
  "mod.ts",
  "cli.ts",
]);

/** Layers that may import anything. */
const FREE = new Set(["tests", "bench"]);

/** The one file outside of tests that may import the oracle. */
const ORACLE_USER = "src/distill/gradcheck.ts";

interface Import {
  readonly specifier: string;
  /** Whether it goes when types are taken out. */
  readonly type: boolean;
}

/** Import and export lines of a source; comments do not count. */
function importsOf(source: string): Import[] {
  const code = source.replace(/\/\*[^]*?\*\//g, "").replace(/^\s*\/\/.*$/gm, "");
  const lines =
    /^\s*(?:import|export)\s+(type\s)?(?:[\w*$\s{},]*?\bfrom\s*)?["']([^"']+)["']|\bimport\(\s*["']([^"']+)["']/gm;
  return [...code.matchAll(lines)].map(([, type, fixed, dynamic]) => ({
    specifier: (fixed ?? dynamic)!,
    type: type !== undefined,
  }));
}

/** The layer of a path from the root: a folder of src, a folder, or a file of the root. */
function layerOf(path: string): string {
  const [first, second] = path.split("/");
  return first === "src" ? second! : first!;
}

/** What is wrong with the imports of a file, in words. */
function violations(path: string, source: string): string[] {
  const from = layerOf(path);
  return importsOf(source).flatMap(({ specifier, type }) => {
    const wrong = [`${path} imports ${specifier}`];
    if (FREE.has(from)) return [];
    if (!(from in MAY_IMPORT)) return [`${path} is in no layer`];
    if (!specifier.startsWith(".")) return PACKAGES.has(from) ? [] : wrong;
    const target = normalize(join(dirname(path), specifier));
    const to = layerOf(target);
    if (target.startsWith("..")) return wrong;
    if (to === from || MAY_IMPORT[from]!.includes(to)) return [];
    if (type && MAY_IMPORT[from]!.includes(`${to} (types)`)) return [];
    return to === "oracle" && path === ORACLE_USER ? [] : wrong;
  });
}

/** Files under `folders` of the root, and the files named. */
async function* filesOf(...paths: string[]): AsyncGenerator<[path: string, text: string]> {
  for (const path of paths) {
    const { isDirectory } = await Deno.stat(join(ROOT, path));
    if (!isDirectory) yield [path, await Deno.readTextFile(join(ROOT, path))];
    else {for await (const { name } of Deno.readDir(join(ROOT, path))) {
        yield* filesOf(join(path, name));
      }}
  }
}

const collect = async (...paths: string[]) => await Array.fromAsync(filesOf(...paths));

const isTypeScript = ([path]: [string, string]) => path.endsWith(".ts");
const linesOf = (text: string) => text.trimEnd().split("\n").length;

Deno.test("importsOf sees every kind of import, and nothing in comments", () => {
  const source = `
    // import { no } from "./comment.ts";
    /* import "./block.ts"; */
    import { a } from "./a.ts";
    import type { B } from "./b.ts";
    import {
      c,
      type D,
    } from "./c.ts";
    import * as d from "d";
    import shader from "../e.wgsl" with { type: "text" };
    export { f } from "./f.ts";
    export type { G } from "./g.ts";
    import "./h.ts";
    const i = await import("./i.ts");
    import { j } from './j.ts';
  `;
  assert.deepEqual(importsOf(source).map(({ specifier, type }) => [specifier, type]), [
    ["./a.ts", false],
    ["./b.ts", true],
    ["./c.ts", false],
    ["d", false],
    ["../e.wgsl", false],
    ["./f.ts", false],
    ["./g.ts", true],
    ["./h.ts", false],
    ["./i.ts", false],
    ["./j.ts", false],
  ]);
});

Deno.test("violations finds arrows the wrong way", () => {
  const wrong: [string, string][] = [
    ["src/data/idx.ts", `import { Device } from "../gpu/mod.ts";`],
    ["src/gpu/device.ts", `import { z } from "zod";`],
    ["src/gpu/device.ts", `import type { Op } from "../ops/op.ts";`],
    ["src/ops/dense.ts", `import { Net } from "../nets/net.ts";`],
    ["src/ops/dense.ts", `import { parse } from "yaml";`],
    ["src/nets/net.ts", `import kernel from "../../kernels/dense.wgsl" with { type: "text" };`],
    ["src/nets/net.ts", `export { Unroll } from "../distill/unroll.ts";`],
    ["src/oracle/net.ts", `import { padded } from "../ops/op.ts";`],
    ["src/distill/unroll.ts", `import { oracleOf } from "../oracle/arch.ts";`],
    ["src/distill/unroll.ts", `const m = await import("../../mod.ts");`],
    ["src/distill/unroll.ts", `import {\n  random,\n} from "../../tests/oracle/numeric.ts";`],
    ["src/cli/session.ts", `import { distill } from "../../mod.ts";`],
    ["src/cli/session.ts", `import type { Recipe } from "../distill/recipe.ts";`],
    ["cli.ts", `import { Device } from "./src/gpu/mod.ts";`],
    ["mod.ts", `import { run } from "./src/cli/program.ts";`],
    ["mod.ts", `import "./bench/meta_gradient.ts";`],
    ["src/new/thing.ts", `import "./other.ts";`],
    ["src/ops/dense.ts", `import "../../../elsewhere.ts";`],
  ];
  for (const [path, source] of wrong) {
    assert.equal(violations(path, source).length, 1, `${path}: ${source}`);
  }
});

Deno.test("violations lets the right ones pass", () => {
  const right: [string, string][] = [
    ["src/distill/gradcheck.ts", `import { oracleOf } from "../oracle/arch.ts";`],
    [
      "src/distill/recipe.ts",
      `import quick from "../../recipes/quick.yaml" with { type: "text" };`,
    ],
    ["src/ops/dense.ts", `import source from "../../kernels/dense.wgsl" with { type: "text" };`],
    ["src/cli/session.ts", `import type * as Library from "../../mod.ts";`],
    ["src/cli/program.ts", `import { Command } from "commander";`],
    ["tests/ops/dense_test.ts", `import { dense } from "../../src/oracle/dense.ts";`],
  ];
  for (const [path, source] of right) assert.deepEqual(violations(path, source), [], source);
});

Deno.test("layers import only what they may", async () => {
  const files = (await collect("src", "mod.ts", "cli.ts", "tests", "bench")).filter(isTypeScript);
  const imports = files.flatMap(([, text]) => importsOf(text));
  assert.ok(files.length > 80 && imports.length > 200, `${files.length} files were read`);
  assert.deepEqual(files.flatMap(([path, text]) => violations(path, text)), []);
});

Deno.test("only src/gpu says GPUDevice, GPUBuffer and navigator.gpu", async () => {
  const says = /\bGPUDevice\b|\bGPUBuffer\b|\bnavigator\.gpu\b/;
  const files = await collect("src", "mod.ts", "cli.ts");
  const found = files.filter(([, text]) => says.test(text)).map(([path]) => path);
  assert.ok(found.includes("src/gpu/device.ts"));
  assert.deepEqual(found.filter((path) => !path.startsWith("src/gpu/")), []);
});

Deno.test("src/gpu is under 400 lines, and no file of src over 300", async () => {
  const files = await collect("src");
  const gpu = files.filter(([path]) => path.startsWith("src/gpu/"));
  const total = gpu.reduce((sum, [, text]) => sum + linesOf(text), 0);
  assert.ok(gpu.length > 3 && total < 400, `src/gpu has ${total} lines`);
  const long = files.filter(([, text]) => linesOf(text) > 300);
  assert.deepEqual(long.map(([path, text]) => `${path}: ${linesOf(text)} lines`), []);
});

/** What is wrong with a kernel file, in words. */
function faultsOf(path: string, text: string): string[] {
  const name = path.slice(path.lastIndexOf("/") + 1, -".wgsl".length);
  const numbers = [...text.matchAll(/^\s*@group\((\d+)\)\s*@binding\((\d+)\)/gm)].map(([, g, b]) =>
    `${g}.${b}`
  );
  const faults: string[] = [];
  if (linesOf(text) > 250) faults.push(`${path} has ${linesOf(text)} lines`);
  if (!text.startsWith(`// ${name}: `)) faults.push(`${path} does not start with // ${name}:`);
  const prepended = path.startsWith("kernels/shared/"); // to sources that have the entry points
  if (!text.includes("@compute") && !prepended) faults.push(`${path} has no entry point`);
  if (new Set(numbers).size < numbers.length) faults.push(`${path} has a binding number twice`);
  return faults;
}

Deno.test("kernels name themselves, are short, and number each binding once", async () => {
  const files = await collect("kernels");
  assert.ok(files.length >= 9 && files.every(([path]) => path.endsWith(".wgsl")));
  assert.deepEqual(files.flatMap(([path, text]) => faultsOf(path, text)), []);
});

Deno.test("faultsOf finds each fault of a kernel", () => {
  const [first, second] = [0, 1].map((i) => `@group(0) @binding(${i}) var<storage> a${i}: u32;\n`);
  const entry = "@compute @workgroup_size(1) fn a() {}\n";
  const faults = (text: string) => faultsOf("kernels/a.wgsl", text).join();
  assert.equal(faults(`// a: good.\n${first}${second}${entry}`), "");
  assert.match(faults(`// b: other.\n${first}`), /start with \/\/ a:/);
  assert.match(faults(`// a: twice.\n${first}${first}`), /binding number twice/);
  assert.match(faults(`// a: long.\n${first}${"// more\n".repeat(250)}`), /has 252 lines/);
  assert.match(faults("// a: none.\n"), /no entry point/);
  assert.deepEqual(faultsOf("kernels/shared/a.wgsl", "// a: prepended to others.\n"), []);
});
