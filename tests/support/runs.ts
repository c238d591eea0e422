// deno-lint-ignore-file camelcase -- settings are spelled as in the files
/** Runs: a small data set that is easy to learn, short recipes, and the files of a run's folder. */
import { deepEqual, equal } from "node:assert/strict";
import { decodeSafetensors, type Safetensors } from "../../src/base/safetensors.ts";
import type { Dataset, Split } from "../../src/sets/dataset.ts";
import { parseRecipe, type Recipe } from "../../src/recipe/recipe.ts";
import type { Device } from "../../src/gpu/mod.ts";
import type { Layer } from "../../src/nets/arch.ts";
import { type MetricsRecord, readMetrics } from "../../src/store/metrics.ts";
import { idxBytes } from "../data/idx_files.ts";
import { random } from "../oracle/numeric.ts";
import { inTemporary } from "./temporary.ts";
import { deviceOf } from "./device.ts";

const SIDE = 28;

/** A network that compiles and trains fast, for tests of what goes on around networks. */
export const SMALL: readonly Layer[] = [
  { conv: { channels: 4, size: 3, stride: 2, pad: 0 } },
  "relu",
  { max_pool: { size: 2, stride: 2, pad: 0 } },
  { dense: { outputs: "classes" } },
];

/** The same on a command line. */
export const SMALL_ARCH: readonly string[] = ["--arch", JSON.stringify(SMALL)];

/** Images of ten classes, each a bright bar in a place of its own under noise. */
export function easyDataset(train = 240, test = 50): Dataset {
  const planes = { channels: 1, height: SIDE, width: SIDE, classes: 10 };
  const splits = { train: easySplit(train, 1), test: easySplit(test, 2) };
  return { name: "mnist", ...planes, mean: [0.1307], std: [0.3081], ...splits };
}

function easySplit(count: number, seed: number): Split {
  const noise = random(count * SIDE * SIDE, seed);
  const images = Uint8Array.from(noise, (value) => Math.min(255, 20 * Math.abs(value)));
  const labels = Uint8Array.from({ length: count }, (_, n) => n * 7 % 10);
  labels.forEach((label, n) => {
    const [top, left] = [label < 5 ? 3 : 16, 2 + 5 * (label % 5)];
    for (let row = top; row < top + 9; row++) {
      images.fill(230, (n * SIDE + row) * SIDE + left, (n * SIDE + row) * SIDE + left + 4);
    }
  });
  return { images, labels, count };
}

/** Rows of two numbers in two classes, which one of them tells apart. */
export function easyTable(train = 120, test = 40): Dataset {
  const about = { channels: 2, height: 1, width: 1, classes: 2, classNames: ["short", "tall"] };
  const split = (count: number, seed: number): Split => {
    const labels = Uint8Array.from({ length: count }, (_, n) => n % 2);
    const images = Float32Array.from(random(2 * count, seed), (value, i) => {
      return i % 2 ? value : 0.5 * value + (labels[i >> 1] ? 0.9 : -0.9);
    });
    return { images, labels, count };
  };
  const units = { columns: ["height", "width"], mean: [170, 40], std: [12, 0.5] };
  return { name: "csv:people", ...about, ...units, train: split(train, 1), test: split(test, 2) };
}

/** Writes a data set as four IDX files, for --data-dir. */
export async function writeIdxDirectory(dir: string, dataset = easyDataset()): Promise<void> {
  await Deno.mkdir(dir, { recursive: true });
  for (const [name, split] of [["train", dataset.train], ["t10k", dataset.test]] as const) {
    const images = idxBytes([split.count, SIDE, SIDE], split.images);
    await Deno.writeFile(`${dir}/${name}-images-idx3-ubyte`, images);
    const labels = idxBytes([split.count], split.labels);
    await Deno.writeFile(`${dir}/${name}-labels-idx1-ubyte`, labels);
  }
}

/** A recipe of a second or so. */
export function shortRecipe(settings: Partial<Recipe> = {}): Recipe {
  const sizes = { arch: SMALL, steps: 1, epochs: 2, batch: 16, iterations: 6 };
  const rates = { lr: 0.1, distill_lr: 0.1, schedule: "cosine" };
  const reports = { log_every: 2, checkpoint_every: 3 };
  return parseRecipe({ name: "short", ...sizes, ...rates, ...reports, ...settings }, "a test");
}

/** Declares a test that gets a device and a fresh folder. */
export function runTest(name: string, body: (device: Device, dir: string) => Promise<void>): void {
  Deno.test({
    name,
    fn: async () => {
      const device = await deviceOf("software");
      await inTemporary((dir) => body(device, dir));
    },
    sanitizeResources: false, // the device outlives the test
    sanitizeOps: false,
  });
}

/** Arrays by name: the files of a folder, or the numbers of a run. */
type Arrays = Readonly<Record<string, Uint8Array | Float32Array>>;

/** Fails unless all arrays are the same to the bit; deepEqual's diff of large ones takes minutes. */
export function expectSame(what: string, actual: Arrays, expected: Arrays): void {
  deepEqual(Object.keys(actual).sort(), Object.keys(expected).sort(), what);
  for (const [name, array] of Object.entries(expected)) {
    const [got, wanted] = [bytesOf(actual[name]!), bytesOf(array)];
    equal(got.length, wanted.length, `${what}: bytes of ${name}`);
    const first = got.findIndex((byte, i) => byte !== wanted[i]);
    equal(first, -1, `${what}: ${name} differs from byte ${first}`);
  }
}

/** The entries of `all` with these names. */
export function pick<T>(all: Readonly<Record<string, T>>, ...names: string[]): Record<string, T> {
  return Object.fromEntries(names.map((name) => [name, all[name]!]));
}

function bytesOf({ buffer, byteOffset, byteLength }: Uint8Array | Float32Array): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}

/** Reads a safetensors file. */
export async function readTensors(path: string): Promise<Safetensors> {
  return decodeSafetensors(await Deno.readFile(path), path);
}

/** Every file of a folder by name. */
export async function contentsOf(dir: string): Promise<Record<string, Uint8Array>> {
  const contents: Record<string, Uint8Array> = {};
  for await (const { name } of Deno.readDir(dir)) {
    contents[name] = await Deno.readFile(`${dir}/${name}`);
  }
  return contents;
}

/** The records of a run's metrics.jsonl. */
export async function metricsIn(dir: string): Promise<MetricsRecord[]> {
  return await readMetrics(`${dir}/metrics.jsonl`);
}
