/** What may import what, and what kernels look like: the rules of docs/architecture.md. */
import assert from "node:assert/strict";
import { dirname, join, normalize } from "node:path/posix";
import { fileURLToPath } from "node:url";
import { link } from "../src/gpu/mod.ts";

const ROOT = fileURLToPath(new URL("..", import.meta.url));

/** The folders of `src`: a file may import from its own and from those before. */
const ORDER = [
  "base",
  "gpu",
  "oracle",
  "layers",
  "ops",
  "ntk",
  "nets",
  "sets",
  "meta",
  "data",
  "recipe",
  "report",
  "store",
  "evaluate",
  "linear",
  "run",
  "export",
];

/** Folders that need less of those before, and why they should not have it. */
const FEWER: Record<string, readonly string[]> = {
  gpu: [], // knows of no data, and could be a package by itself
  oracle: [], // float64 twins that share a mistake with the kernels would prove nothing
  sets: ["base"], // arrays in memory
  data: ["base", "sets"], // bytes to sets, without a GPU
  report: ["base"], // pictures of numbers
  meta: ["base", "gpu", "layers", "ops", "ntk", "nets", "sets"], // not the oracle that checks it
};

/** What a layer may import besides itself and packages. */
const MAY_IMPORT: Record<string, readonly string[]> = {
  ...Object.fromEntries(ORDER.map((folder, i) => [folder, FEWER[folder] ?? ORDER.slice(0, i)])),
  cli: ["base", "mod.ts (types)"],
  "core.ts": ORDER.slice(0, ORDER.indexOf("meta") + 1),
  "mod.ts": [...ORDER, "core.ts"],
  "cli.ts": ["mod.ts", "cli"],
};

/** What may be imported that is not TypeScript, by whom. */
const FILES: Record<string, readonly string[]> = {
  gpu: ["kernels/shared"],
  layers: ["kernels"],
  ops: ["kernels"],
  ntk: ["kernels"],
  nets: ["kernels"],
  meta: ["kernels"],
  base: ["deno.json"],
  data: ["examples"],
  recipe: ["recipes"],
};

/** Layers that import no packages. */
const PLAIN = new Set(["gpu", "oracle", "ops", "ntk", "meta"]);

/** Layers that may import anything. */
const FREE = new Set(["tests", "bench"]);

/** What other kernels use; `link` alone reads it. */
const SHARED = "kernels/shared";

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
  if (path.startsWith(`${SHARED}/`)) return SHARED;
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
    if (!specifier.startsWith(".")) return PLAIN.has(from) ? wrong : [];
    const target = normalize(join(dirname(path), specifier));
    const to = layerOf(target);
    if (target.startsWith("..")) return wrong;
    if (to === from || MAY_IMPORT[from]!.includes(to) || FILES[from]?.includes(to)) return [];
    return type && MAY_IMPORT[from]!.includes(`${to} (types)`) ? [] : wrong;
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
    ["src/gpu/device.ts", `import type { Op } from "../layers/op.ts";`],
    ["src/gpu/link.ts", `import dense from "../../kernels/dense.wgsl" with { type: "text" };`],
    ["src/layers/dense.ts", `import { Net } from "../nets/net.ts";`],
    ["src/layers/dense.ts", `import each from "../../kernels/shared/each.wgsl";`],
    ["src/ops/random.ts", `import { Net } from "../nets/net.ts";`],
    ["src/ops/random.ts", `import { parse } from "yaml";`],
    ["src/nets/net.ts", `export { Unroll } from "../meta/unroll.ts";`],
    ["src/oracle/net.ts", `import { padded } from "../layers/op.ts";`],
    ["src/oracle/net.ts", `import { z } from "zod";`],
    ["src/sets/batches.ts", `import { Device } from "../gpu/mod.ts";`],
    ["src/data/load.ts", `import { Recipe } from "../recipe/recipe.ts";`],
    ["src/recipe/spec.ts", `import { readArtifact } from "../store/artifact.ts";`],
    ["src/report/grid.ts", `import type { Dataset } from "../sets/dataset.ts";`],
    ["src/store/artifact.ts", `import type { Gain } from "../evaluate/evaluate.ts";`],
    ["src/evaluate/evaluate.ts", `import { distill } from "../run/distill.ts";`],
    ["src/run/distill.ts", `import { exportArtifact } from "../export/export.ts";`],
    ["src/run/distill.ts", `import quick from "../../recipes/quick.yaml";`],
    ["src/meta/unroll.ts", `import { oracleNet } from "../oracle/net.ts";`],
    ["src/run/distill.ts", `import dense from "../../kernels/dense.wgsl";`],
    ["src/meta/unroll.ts", `const m = await import("../../mod.ts");`],
    ["src/meta/unroll.ts", `import {\n  random,\n} from "../../tests/oracle/numeric.ts";`],
    ["src/cli/session.ts", `import { distill } from "../../mod.ts";`],
    ["src/cli/session.ts", `import type { Recipe } from "../recipe/recipe.ts";`],
    ["cli.ts", `import { Device } from "./src/gpu/mod.ts";`],
    ["mod.ts", `import { run } from "./src/cli/program.ts";`],
    ["mod.ts", `import "./bench/meta_gradient.ts";`],
    ["src/new/thing.ts", `import "./other.ts";`],
    ["src/ops/random.ts", `import "../../../elsewhere.ts";`],
  ];
  for (const [path, source] of wrong) {
    assert.equal(violations(path, source).length, 1, `${path}: ${source}`);
  }
});

Deno.test("violations lets the right ones pass", () => {
  const right: [string, string][] = [
    ["src/run/gradcheck.ts", `import { oracleNet } from "../oracle/net.ts";`],
    ["src/nets/build.ts", `import { sequence } from "../oracle/layer.ts";`],
    ["src/gpu/link.ts", `import each from "../../kernels/shared/each.wgsl" with { type: "text" };`],
    [
      "src/recipe/recipes_builtin.ts",
      `import quick from "../../recipes/quick.yaml" with { type: "text" };`,
    ],
    [
      "src/meta/optimizers/gd.ts",
      `import text from "../../../kernels/inner_gd.wgsl" with { type: "text" };`,
    ],
    ["src/meta/optimizers/gd.ts", `import { addSums } from "../../ops/network_sums.ts";`],
    ["src/evaluate/evaluate.ts", `import { readNetworks } from "../store/network_file.ts";`],
    ["src/layers/dense.ts", `import source from "../../kernels/dense.wgsl" with { type: "text" };`],
    ["src/cli/session.ts", `import type * as Library from "../../mod.ts";`],
    ["src/cli/program.ts", `import { Command } from "commander";`],
    ["tests/layers/dense_test.ts", `import { dense } from "../../src/oracle/dense.ts";`],
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

/** A function of WGSL: its name, whether it is an entry point, and the names in it. */
interface Fn {
  readonly name: string;
  readonly isEntry: boolean;
  readonly uses: ReadonlySet<string>;
}

/** WGSL without comments. */
const codeOf = (text: string) => text.replace(/\/\/.*/g, "");

function functionsOf(code: string): Fn[] {
  const starts = [...code.matchAll(/(@compute[^{}]*?)?\bfn (\w+)\([^{]*\{/g)];
  return starts.map(({ 0: head, 1: attributes, 2: name, index }) => {
    const start = index + head.length;
    let end = start;
    for (let depth = 1; depth > 0; end++) {
      assert.ok(end < code.length, `${name} does not end`);
      if (code[end] === "{") depth++;
      if (code[end] === "}") depth--;
    }
    const body = code.slice(start, end);
    const uses = new Set([...body.matchAll(/(?<![.\w])[A-Za-z_]\w*/g)].map(([word]) => word));
    return { name: name!, isEntry: attributes !== undefined, uses };
  });
}

/** The storage bindings that each entry point, or a function that it calls, names, sorted. */
function storageOf(text: string): Record<string, string[]> {
  const code = codeOf(text);
  const storage = new Set([...code.matchAll(/var<storage[^>]*>\s*(\w+)/g)].map(([, name]) => name));
  const functions = new Map(functionsOf(code).map((fn) => [fn.name, fn]));
  const reach = (name: string, seen: Set<string>): Set<string> => {
    if (seen.has(name)) return seen;
    seen.add(name);
    for (const used of functions.get(name)?.uses ?? []) reach(used, seen);
    return seen;
  };
  const entries = [...functions.values()].filter(({ isEntry }) => isEntry);
  return Object.fromEntries(entries.map(({ name }) => {
    return [name, [...reach(name, new Set())].filter((used) => storage.has(used)).sort()];
  }));
}

/** Storage buffers that an entry point may bind on any adapter: WebGPU's default limit. */
const MOST_BUFFERS = 8;

/** What is wrong with the first lines of a kernel file, in words. */
function faultsOf(path: string, text: string): string[] {
  const name = path.slice(path.lastIndexOf("/") + 1, -".wgsl".length);
  const [first, second] = text.split("\n");
  const title = first!.startsWith("// uses: ") ? second! : first!;
  return title.startsWith(`// ${name}: `) ? [] : [`${path} does not start with // ${name}:`];
}

/** What is wrong with a linked source, in words. */
function faultsOfSource(name: string, text: string): string[] {
  const code = codeOf(text);
  const bindings = [
    ...code.matchAll(/@group\((\d+)\)\s*@binding\((\d+)\)\s*var(<[^>]*>)\s*(\w+)/g),
  ];
  const numbers = bindings.map(([, group, number]) => `${group}.${number}`);
  const zero = bindings.find((_, i) => numbers[i] === "0.0");
  const faults: string[] = [];
  if (new Set(numbers).size < numbers.length) faults.push(`${name} has a binding number twice`);
  if (zero?.slice(3).join(" ") !== "<uniform> size") faults.push(`${name} does not bind size at 0`);
  const entries = Object.entries(storageOf(text));
  if (entries.length === 0) faults.push(`${name} has no entry point`);
  for (const [entry, { length }] of entries) {
    if (length > MOST_BUFFERS) faults.push(`${name} binds ${length} storage buffers in ${entry}`);
  }
  return faults;
}

/** All kernel files by their path from kernels/. */
async function kernelFiles(): Promise<Record<string, string>> {
  const files = await collect("kernels");
  return Object.fromEntries(files.map(([path, text]) => [path.slice("kernels/".length), text]));
}

Deno.test("kernels name what they use and themselves", async () => {
  const files = Object.entries(await kernelFiles());
  assert.ok(files.length > 20 && files.every(([path]) => path.endsWith(".wgsl")));
  assert.deepEqual(files.flatMap(([path, text]) => faultsOf(path, text)), []);
});

Deno.test("kernels bind size at 0, each number once, and few enough buffers", async () => {
  const files = await kernelFiles();
  const names = Object.keys(files).filter((path) => !path.includes("/"));
  const sources = names.map((name) => link(name, files));
  const entries = sources.flatMap(({ text }) => Object.values(storageOf(text)));
  assert.ok(entries.length > 40 && entries.every(({ length }) => length > 0));
  assert.deepEqual(sources.flatMap(({ name, text }) => faultsOfSource(name, text)), []);
  const declaring = Object.entries(files).filter(([, text]) => /@binding\(0\)/.test(codeOf(text)));
  assert.deepEqual(declaring.map(([path]) => path), ["shared/sizes.wgsl"]);
});

Deno.test("storageOf follows calls, and leaves out comments and members", () => {
  const source = `
    @group(0) @binding(1) var<storage, read> a: array<f32>;
    @group(0) @binding(2) var<storage, read> b: array<f32>;
    @group(0) @binding(3) var<storage, read> c: array<f32>;
    @group(0) @binding(4) var<storage, read_write> out: array<f32>;
    struct Place { c: u32 }
    fn at(i: u32) -> f32 { return deeper(i); }
    fn deeper(i: u32) -> f32 { if (i > 1) { return b[i]; } return 0; }
    fn unused() -> f32 { return c[0]; }
    @compute @workgroup_size(WG)
    fn one(by: Invocation) {
      out[by.a] = at(0);  // not c
    }
    @compute @workgroup_size(WG)
    fn two(place: Place) { out[place.c] = a[0]; }
  `;
  assert.deepEqual(storageOf(source), { one: ["b", "out"], two: ["a", "out"] });
});

Deno.test("faultsOf and faultsOfSource find each fault of a kernel", () => {
  assert.deepEqual(faultsOf("kernels/a.wgsl", "// uses: shared/sizes.wgsl\n// a: good.\n"), []);
  assert.deepEqual(faultsOf("kernels/shared/a.wgsl", "// a: good.\n"), []);
  assert.match(faultsOf("kernels/a.wgsl", "// b: other.\n").join(), /not start with \/\/ a:/);
  const size = "@group(0) @binding(0) var<uniform> size: Sizes;\n";
  const storage = (count: number, first = 1) =>
    Array.from(
      { length: count },
      (_, i) => `@group(0) @binding(${i + first}) var<storage, read_write> a${i}: array<u32>;\n`,
    ).join("");
  const entry = (count: number) =>
    `@compute @workgroup_size(1) fn f() { ${
      Array.from({ length: count }, (_, i) => `a${i}[0] = 1;`).join(" ")
    } }\n`;
  const faults = (text: string) => faultsOfSource("a.wgsl", text).join();
  assert.equal(faults(size + storage(9) + entry(8)), "");
  assert.match(faults(size + storage(9) + entry(9)), /binds 9 storage buffers in f/);
  assert.match(faults(size + storage(1) + storage(1) + entry(1)), /binding number twice/);
  assert.match(faults(storage(1) + entry(1)), /does not bind size at 0/);
  assert.match(faults(storage(1, 0) + entry(1)), /does not bind size at 0/);
  assert.match(faults(size + storage(1)), /no entry point/);
});
