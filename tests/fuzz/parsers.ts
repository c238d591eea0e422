/** Parsers: everything that reads what others wrote, with valid files, and what must hold of what it gives. */
import assert from "node:assert/strict";
import { crc32, gunzipSync, gzipSync } from "node:zlib";
import { encode as encodePng } from "fast-png";
import { parquetMetadata } from "hyparquet";
import { encode as encodeJpeg } from "jpeg-js";
import { decodeSafetensors, encodeSafetensors } from "../../src/base/safetensors.ts";
import type { FloatTensor } from "../../src/base/safetensors.ts";
import { loadCsv } from "../../src/data/csv.ts";
import { decodeSplit } from "../../src/data/encoded.ts";
import { loadHub } from "../../src/data/hub.ts";
import { parseIdx } from "../../src/data/idx.ts";
import { decodeImage } from "../../src/data/image.ts";
import { openParquet } from "../../src/data/parquet.ts";
import { readDistilledSet } from "../../src/export/distilled_set.ts";
import { loadRecipe, recipeToYaml } from "../../src/recipe/recipe.ts";
import { readGain } from "../../src/run/finished.ts";
import type { Dataset } from "../../src/sets/dataset.ts";
import { readCheckpoint } from "../../src/store/checkpoint.ts";
import { MetricsLog } from "../../src/store/metrics.ts";
import { readNetworks } from "../../src/store/network_file.ts";
import { readTrainCheckpoint, trainCheckpointOf } from "../../src/store/train_checkpoint.ts";
import { idxBytes } from "../data/idx_files.ts";
import { parquetOf, smallSplit } from "../data/parquet_files.ts";
import { anArtifact } from "../export/runs.ts";
import { shortRecipe } from "../support/runs.ts";
import { EXTREMES, mutated, type Random } from "./mutations.ts";

/** Something that reads a file. */
export interface Parser {
  readonly name: string;
  /** Valid files. */
  readonly seeds: readonly Uint8Array[];
  /** Reads a file that has these bytes; an AssertionError where what it gives cannot be. */
  read(bytes: Uint8Array, dir: string): Promise<void> | void;
  /** Mutates what checksums or lengths protect, and makes those right again. */
  inner?(bytes: Uint8Array, random: Random, other: Uint8Array): Uint8Array;
}

const text = (value: string) => new TextEncoder().encode(value);
const jsonLines = (...records: unknown[]) =>
  text(records.map((record) => JSON.stringify(record) + "\n").join(""));

const SIZE = 6;
const IMAGE = smallSplit(8);

/** Pixels of a small image, [SIZE, SIZE, channels]. */
function pixels(channels: number): Uint8Array {
  return Uint8Array.from({ length: SIZE * SIZE * channels }, (_, i) => i * 37 % 256);
}

function tensor(...shape: number[]): FloatTensor {
  const length = shape.reduce((a, b) => a * b, 1);
  return { shape, data: Float32Array.from({ length }, (_, i) => Math.sin(i)) };
}

function expectFinite(values: Iterable<number>): void {
  for (const value of values) assert.ok(Number.isFinite(value), `${value} is not finite`);
}

function expectDataset(
  { channels, height, width, classes, mean, std, train, test }: Dataset,
): void {
  expectFinite([...mean, ...std]);
  assert.ok(std.every((value) => value > 0), "std");
  for (const { images, labels, count } of [train, test]) {
    assert.ok(count > 0 && labels.length === count, "labels");
    assert.equal(images.length, count * channels * height * width);
    assert.ok(labels.every((label) => label < classes), "classes");
    expectFinite(images);
  }
}

/** Mutates the JSON of a safetensors header, and makes its length right again; or the numbers after it. */
function innerSafetensors(bytes: Uint8Array, random: Random, other: Uint8Array): Uint8Array {
  const headerOf = (file: Uint8Array) =>
    8 + Number(new DataView(file.buffer, file.byteOffset).getBigUint64(0, true));
  const end = headerOf(bytes);
  if (random.below(3) === 0) {
    const data = mutated(bytes.subarray(end), random, other.subarray(headerOf(other)));
    const same = new Uint8Array(bytes.length - end);
    same.set(data.subarray(0, same.length));
    return joined(bytes.subarray(0, end), same);
  }
  const header = mutated(bytes.subarray(8, end), random, other.subarray(8, headerOf(other)));
  const length = new Uint8Array(8);
  new DataView(length.buffer).setBigUint64(0, BigInt(header.length), true);
  return joined(length, header, bytes.subarray(end));
}

/** Mutates one chunk of a PNG and gives it the right length and checksum. */
function innerPng(bytes: Uint8Array, random: Random, other: Uint8Array): Uint8Array {
  const chunks: Uint8Array[] = [];
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = 8; at < bytes.length; at += 12 + view.getUint32(at)) {
    chunks.push(bytes.subarray(at + 4, at + 8 + view.getUint32(at)));
  }
  const which = random.below(chunks.length);
  const chunk = chunks[which]!;
  chunks[which] = joined(chunk.subarray(0, 4), mutated(chunk.subarray(4), random, other));
  return joined(
    bytes.subarray(0, 8),
    ...chunks.map((body) => {
      const ends = new DataView(new ArrayBuffer(8));
      ends.setUint32(0, body.length - 4);
      ends.setUint32(4, crc32(body));
      return joined(new Uint8Array(ends.buffer, 0, 4), body, new Uint8Array(ends.buffer, 4));
    }),
  );
}

/** The last of a page's header: two bytes of definition levels, none of repetition levels. */
const LEVELS = "150415000000";

/** Says in a page's header that there are no levels, or begins it with a list; then numbers of any size. */
function innerParquet(bytes: Uint8Array, random: Random, other: Uint8Array): Uint8Array {
  const pages = parquetMetadata(bytes.slice().buffer).row_groups.flatMap(({ columns }) =>
    columns.map(({ meta_data }) => Number(meta_data!.data_page_offset))
  );
  const at = random.of(pages);
  const copy = bytes.slice();
  switch (random.below(3)) {
    case 0: {
      const levels = at + copy.subarray(at).toHex().indexOf(LEVELS) / 2;
      copy[levels + 1] = 0;
      copy.set(varint(random.of(EXTREMES)), levels + LEVELS.length / 2);
      return copy;
    }
    case 1:
      copy.set([0x19, 0xf0 + random.below(16), ...varint(random.of(EXTREMES))], at);
      return copy;
    default:
      return mutated(bytes, random, other);
  }
}

/** A number as Thrift has it, seven bits a byte. */
function varint(value: bigint): number[] {
  return value < 128n ? [Number(value)] : [Number(value % 128n) + 128, ...varint(value / 128n)];
}

function joined(...parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  parts.reduce((at, part) => {
    whole.set(part, at);
    return at + part.length;
  }, 0);
  return whole;
}

const artifact = anArtifact();
const artifactTensors = {
  images: artifact.images,
  labels: artifact.labels,
  lrs: artifact.lrs,
  "init/conv1.bias": tensor(6),
};
const recipe = shortRecipe({ arch: "lenet" });
const origin = { name: "short", adapter: "a" };
const gain = (mean: number) => ({ mean, std: 0.01, networks: 20 });
const table = (rows: number) =>
  Array.from({ length: rows }, (_, i) => `${i * 1.5},${(i * i) % 7},${i % 2 ? "tall" : "short"}`);
const colour = { width: SIZE, height: SIZE };
const rgba = pixels(4).map((value, i) => i % 4 === 3 ? 255 : value);
const listing = [
  { type: "directory", path: "data" },
  { type: "file", path: "data/train-00000-of-00001.parquet", size: 10 },
  { type: "file", path: "data/test-00000-of-00001.parquet", size: 10, oid: "00" },
];

/** Every parser by its name in the table. */
export const PARSERS: readonly Parser[] = [
  {
    name: "IDX",
    seeds: [idxBytes([2, 3, 4], pixels(1).subarray(0, 24)), idxBytes([5], [1, 2, 3, 4, 5])],
    read: readIdx,
  },
  {
    name: "IDX, gzip",
    seeds: [[3, 3, 4], [7]].map((dims) =>
      gzipSync(idxBytes(dims, pixels(1).subarray(0, dims.reduce((a, b) => a * b))))
    ),
    read: readIdx,
    inner: (bytes, random, other) =>
      gzipSync(mutated(gunzipSync(bytes), random, gunzipSync(other))),
  },
  {
    name: "safetensors",
    seeds: [
      encodeSafetensors({ a: tensor(2, 3), b: tensor(4) }, { some: "text" }),
      encodeSafetensors({}, {}),
    ],
    read: (bytes) => {
      const { tensors, metadata } = decodeSafetensors(bytes, "a.safetensors");
      for (const { shape, data } of Object.values(tensors)) {
        assert.equal(data.length, shape.reduce((a, b) => a * b, 1));
      }
      for (const value of Object.values(metadata)) assert.equal(typeof value, "string");
    },
    inner: innerSafetensors,
  },
  {
    name: "artifact",
    seeds: [encodeSafetensors(artifactTensors, artifact.metadata)],
    read: async (bytes, dir) => {
      await Deno.writeFile(`${dir}/distilled.safetensors`, bytes);
      const { training, labels, images, softLabels, init } = await readDistilledSet(dir);
      const N = training.steps * training.images_per_step;
      assert.deepEqual(images.shape, [N, ...training.image_shape]);
      assert.equal(training.mean.length, images.shape[1]);
      assert.equal(training.std.length, images.shape[1]);
      assert.ok(training.std.every((std) => std > 0), "std");
      assert.ok(labels.every((label) => label >= 0 && label < training.classes), "labels");
      const numbers = [...training.mean, ...training.std, ...training.learning_rates];
      expectFinite([...numbers, ...images.data, ...softLabels.data, training.init_param]);
      for (const { data } of Object.values(init)) expectFinite(data);
    },
    inner: innerSafetensors,
  },
  {
    name: "checkpoint",
    seeds: [
      encodeSafetensors({ images: tensor(40) }, {
        iteration: "3",
        origin: JSON.stringify(origin),
      }),
    ],
    read: async (bytes, dir) => {
      await Deno.writeFile(`${dir}/checkpoint.safetensors`, bytes);
      const { tensors, iteration } = (await readCheckpoint(dir, recipe, origin))!;
      assert.ok(Number.isInteger(iteration) && iteration >= 0 && iteration <= recipe.iterations);
      for (const { data } of Object.values(tensors)) expectFinite(data);
    },
    inner: innerSafetensors,
  },
  {
    name: "networks",
    seeds: [
      encodeSafetensors({ "conv1.weight": tensor(2, 6, 1, 5, 5) }, { format: "retort-networks-1" }),
    ],
    read: async (bytes, dir) => {
      await Deno.writeFile(`${dir}/networks.safetensors`, bytes);
      const { tensors } = await readNetworks(`${dir}/networks.safetensors`);
      for (const { data } of Object.values(tensors)) expectFinite(data);
    },
    inner: innerSafetensors,
  },
  {
    name: "metrics log",
    seeds: [
      jsonLines(
        { iteration: 2, loss: 1.5, rate: 0.1, secondsPerIteration: 0.01 },
        { iteration: 4, loss: 1.25, rate: 0.1, accuracy: gain(0.4) },
        { iteration: 6, before: gain(0.1), after: gain(0.8) },
      ),
    ],
    read: async (bytes, dir) => {
      const path = `${dir}/metrics.jsonl`;
      await Deno.writeFile(path, bytes);
      const found = await readGain(dir);
      if (found) expectFinite([found.before, found.after].flatMap(({ mean, std }) => [mean, std]));
      (await MetricsLog.open(path, 5))[Symbol.dispose]();
      for (const line of (await Deno.readTextFile(path)).split("\n").slice(0, -1)) {
        assert.ok(JSON.parse(line).iteration <= 5);
      }
    },
  },
  {
    name: "YAML recipe",
    seeds: [
      text(recipeToYaml(recipe)),
      text(
        "# small\nname: mine\narch:\n  - conv: {channels: 6, size: 5}\n  - relu\n  - dense: {outputs: classes}\n",
      ),
    ],
    read: async (bytes, dir) => {
      const path = `${dir}/recipe.yaml`;
      await Deno.writeFile(path, bytes);
      const read = await loadRecipe(path, {});
      expectFinite(Object.values(read).filter((value) => typeof value === "number"));
      await Deno.writeTextFile(path, recipeToYaml(read));
      assert.deepEqual(await loadRecipe(path, {}), read);
    },
  },
  {
    name: "CSV",
    seeds: [
      text(["height,width,label", ...table(20)].join("\n")),
      text(["label,x", ...table(15).map((_, i) => `${i % 3},${i / 7}`)].join("\r\n")),
    ],
    read: async (bytes, dir) => {
      await Deno.writeFile(`${dir}/a.csv`, bytes);
      expectDataset(await loadCsv(`${dir}/a.csv`, "csv:a.csv"));
    },
  },
  {
    name: "hub listing",
    seeds: [text(JSON.stringify(listing))],
    read: async (bytes, dir) => {
      const place = { repository: "owner/name" };
      const hub = { endpoint: "http://127.0.0.1:9", cache: `${dir}/hub` };
      const parquet = parquetOf(IMAGE);
      const { fetch } = globalThis;
      globalThis.fetch = (input) =>
        Promise.resolve(new Response(`${input}`.includes("/api/") ? bytes.slice() : parquet));
      try {
        expectDataset(await loadHub("hf:owner/name", place, {}, hub, () => {}));
      } finally {
        globalThis.fetch = fetch;
        await Deno.remove(hub.cache, { recursive: true }).catch(() => {});
      }
    },
  },
  {
    name: "PNG",
    seeds: [
      encodePng({ data: pixels(3), ...colour, channels: 3, depth: 8 }),
      encodePng({ data: Uint16Array.from(pixels(2)), ...colour, channels: 2, depth: 16 }),
      encodePng({
        data: pixels(1).map((value) => value % 4),
        ...colour,
        channels: 1,
        depth: 8,
        palette: [[1, 2, 3], [4, 5, 6], [7, 8, 9], [10, 11, 12]],
      }),
    ],
    read: readImage,
    inner: innerPng,
  },
  {
    name: "JPEG",
    seeds: [90, 20].map((quality) =>
      new Uint8Array(encodeJpeg({ data: rgba, ...colour }, quality).data)
    ),
    read: readImage,
  },
  {
    name: "parquet",
    seeds: [
      parquetOf(IMAGE),
      parquetOf(IMAGE, {
        compression: { codec: "UNCOMPRESSED" },
        features: { label: { _type: "ClassLabel", names: ["a", "b", "c"] } },
      }),
    ],
    read: async (bytes, dir) => {
      await Deno.writeFile(`${dir}/a.parquet`, bytes);
      using file = await openParquet(`${dir}/a.parquet`);
      const { images, labels } = await decodeSplit(file.rows(), file.count, {}, "a.parquet");
      assert.equal(images.data.length, images.dims.reduce((a, b) => a * b, 1));
      assert.equal(labels.data.length, file.count);
    },
    inner: innerParquet,
  },
  {
    name: "checkpoint of train",
    seeds: [
      encodeSafetensors({ "theta/0": tensor(12), "theta/0/m": tensor(12) }, {
        ...origin,
        trained: "2",
        step: "3",
      }),
    ],
    read: async (bytes, dir) => {
      const out = `${dir}/networks.safetensors`;
      await Deno.writeFile(trainCheckpointOf(out), bytes);
      const { tensors, trained, step } = (await readTrainCheckpoint(out, origin, 4))!;
      assert.ok([trained, step].every((count) => Number.isInteger(count) && count >= 0));
      assert.ok(step <= 4, "a step that there is not");
      for (const { data } of Object.values(tensors)) expectFinite(data);
    },
    inner: innerSafetensors,
  },
];

function readIdx(bytes: Uint8Array): void {
  const { dims, data } = parseIdx(bytes, "a.idx");
  assert.equal(data.length, dims.reduce((a, b) => a * b, 1));
}

function readImage(bytes: Uint8Array): void {
  const { channels, height, width, data } = decodeImage(bytes, "an image");
  assert.ok(channels > 0 && height > 0 && width > 0);
  assert.equal(data.length, channels * height * width);
}
