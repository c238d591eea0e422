// artifact_test: distilled.safetensors and checkpoint.safetensors, written and read back.
import assert from "node:assert/strict";
import { decodeSafetensors, encodeSafetensors } from "../../src/base/safetensors.ts";
import {
  type Artifact,
  FILES,
  filesOf,
  metadataOf,
  readArtifact,
  removeUnfinished,
  writeArtifact,
} from "../../src/store/artifact.ts";
import { originOf, readCheckpoint, writeCheckpoint } from "../../src/store/checkpoint.ts";
import { digestOf } from "../../src/sets/digest.ts";
import { UsageError } from "../../src/base/usage_error.ts";
import { random } from "../oracle/numeric.ts";
import { inTemporary, namesIn } from "../support/temporary.ts";
import { easyDataset, easyTable, shortRecipe } from "../support/runs.ts";

const dataset = easyDataset(10, 10);

function tensor(shape: number[], seed: number) {
  const size = shape.reduce((a, b) => a * b, 1);
  return { shape, data: Float32Array.from(random(size, seed)) };
}

/** Labels of classes in turn, [count, 10]. */
function oneHot(count: number) {
  const isOwn = (i: number) => i % 10 === Math.floor(i / 10) % 10;
  const data = Float32Array.from({ length: 10 * count }, (_, i) => isOwn(i) ? 1 : 0);
  return { shape: [count, 10], data };
}

/** Two steps, three epochs, ten images a step. */
function anArtifact(): Artifact {
  return {
    images: tensor([20, 1, 6, 5], 1),
    labels: oneHot(20),
    lrs: { shape: [6], data: Float32Array.of(0.1, 0.2, 0.3, 0.4, 0.5, 0.6) },
    init: { "conv1.weight": tensor([6, 1, 5, 5], 4), "conv1.bias": tensor([6], 5) },
    metadata: metadataOf(shortRecipe({ steps: 2, epochs: 3 }), dataset, "an adapter"),
  };
}

Deno.test("writeArtifact and readArtifact: what was written is read", async () => {
  await inTemporary(async (dir) => {
    const artifact = anArtifact();
    await writeArtifact(dir, artifact);
    assert.deepEqual(await namesIn(dir), ["distilled.safetensors"]);
    assert.deepEqual(await readArtifact(dir), artifact);
    const { metadata } = artifact;
    assert.ok(Object.values(metadata).every((value) => typeof value === "string"));
  });
});

Deno.test("metadataOf: the names of classes as a JSON list, where they are known", async () => {
  const classNames = [..."abcdefgh", "i, or j", "日本"];
  const recipe = shortRecipe({ steps: 2, epochs: 3 });
  const metadata = metadataOf(recipe, { ...dataset, classNames }, "an adapter");
  const { class_names: names, ...others } = metadata;
  assert.deepEqual(JSON.parse(names!), classNames);
  assert.deepEqual(metadataOf(recipe, dataset, "an adapter"), others);
  await inTemporary(async (dir) => {
    const artifact = { ...anArtifact(), metadata };
    await writeArtifact(dir, artifact);
    assert.deepEqual(await readArtifact(dir), artifact);
  });
});

Deno.test("readArtifact: a folder without one, or no folder", async () => {
  await inTemporary(async (dir) => {
    const message = /^Cannot read .*distilled.safetensors: got no such file, expected the folder/;
    await Deno.writeTextFile(`${dir}/file`, "");
    for (const folder of [dir, `${dir}/none`]) {
      await assert.rejects(readArtifact(folder), { name: "NotFound", message });
    }
    await assert.rejects(readArtifact(`${dir}/file`), {
      name: "NotADirectory",
      message: /^Cannot read .*\/file as a run: got a file, expected the folder of a finished run/,
    });
  });
});

Deno.test("readArtifact: a damaged one, or one that does not fit its own metadata", async () => {
  await inTemporary(async (dir) => {
    const path = `${dir}/distilled.safetensors`;
    const artifact = anArtifact();
    await writeArtifact(dir, artifact);
    const good = await Deno.readFile(path);
    const { tensors, metadata } = decodeSafetensors(good, path);
    const { lrs: _, ...rateless } = tensors;
    const encode = (changes: Record<string, string>) =>
      encodeSafetensors(tensors, { ...metadata, ...changes });
    const shortened = { ...tensors, labels: oneHot(19) };
    const thirds = {
      ...tensors,
      labels: { shape: [20, 10], data: new Float32Array(200).fill(1 / 3) },
    };
    const withChanged = (name: string, index: number, value: number) => {
      const { shape, data } = tensors[name]!;
      return encodeSafetensors({ ...tensors, [name]: { shape, data: data.with(index, value) } }, {
        ...metadata,
      });
    };
    const damages: [Uint8Array, RegExp][] = [
      [good.subarray(0, good.length - 9), /truncated/],
      [new Uint8Array(0), /got 0 bytes/],
      [new TextEncoder().encode("GIF89a, an image of a cat"), /expected a header/],
      [encodeSafetensors(rateless, metadata), /got format retort-1 with tensors images, labels, i/],
      [encodeSafetensors(tensors, {}), /got format unknown with tensors images, .* expected ret/],
      [encode({ format: "retort-2" }), /got format retort-2 .*, expected retort-1 with images/],
      [encode({ steps: "3" }), /got images \[20, 1, 6, 5\], expected \[30, 1, 6, 5\] as in its/],
      [
        encode({ steps_total: "2" }),
        /got lrs \[6\], expected \[2\] as in its metadata; distil aga/,
      ],
      [encode({ per_step: "" }), /got per_step "", expected an integer ≥ 1; distil again/],
      [encode({ per_step: "-5" }), /got per_step "-5", expected an integer ≥ 1/],
      [encode({ init: "loaded" }), /got init "loaded", expected one of fixed, random/],
      [encode({ init_method: "magic" }), /got init_method "magic", expected one of xavier/],
      [encode({ objective: "" }), /got objective "", expected one of unrolled, kernel, matching/],
      [encode({ arch: "[[" }), /got arch "\[\[", expected networks or layers/],
      [encode({ mean: "[0.1, " }), /got mean "\[0.1, ", expected JSON/],
      [encode({ std: "[0]" }), /got std "\[0\]", expected a list of numbers > 0/],
      [encode({ std: "[1, 2]" }), /got std \[2\], expected \[1\] as in its metadata/],
      [encode({ classes: "4" }), /got labels \[20, 10\], expected \[20, 4\] as in its metadata/],
      [encode({ class_names: '["a"]' }), /got class_names \[1\], expected \[10\] as in its metada/],
      [encode({ columns: '["a"]' }), /got images \[20, 1, 6, 5\], expected \[20, 1, 1, 1\] as/],
      [encode({ momentum: "NaN" }), /got momentum "NaN", expected a number from 0 to less than 1/],
      [encode({ dataset_sha256: "0" }), /got dataset_sha256 "0", expected 64 hexadecimal digits/],
      [encodeSafetensors(shortened, metadata), /got labels \[19, 10\], expected \[20, 10\] as in/],
      [withChanged("images", 7, NaN), /got NaN at index 7 of tensor images, expected finite numb/],
      [withChanged("init/conv1.bias", 0, Infinity), /got Infinity at index 0 of tensor conv1.bias/],
      [withChanged("lrs", 2, -1), /got -1 as rate 2, expected rates ≥ 0; distil again/],
      [withChanged("labels", 1, 1), /got 1, 1, 0, .* as labels of image 0, expected probabilities/],
      [encode({ init: "x".repeat(1e4) }), /got init "x{78}…, expected one of fixed, random/],
      [encodeSafetensors(thirds, metadata), /got 0\.33.{75}… as labels of image 0, expected/],
    ];
    for (const [bytes, message] of damages) {
      await Deno.writeFile(path, bytes);
      await assert.rejects(readArtifact(dir), (error: Error) => {
        assert.match(error.message, message);
        return error.message.startsWith(`Cannot read ${path}: `);
      });
    }
  });
});

Deno.test("writeCheckpoint and readCheckpoint: read again by the same run only", async () => {
  await inTemporary(async (dir) => {
    const recipe = shortRecipe();
    const origin = { epochs: "2", adapter: "a" };
    assert.equal(await readCheckpoint(dir, recipe, origin), undefined);
    const tensors = { images: tensor([7], 1), raw_lrs: tensor([2], 2) };
    await writeCheckpoint(dir, tensors, 6, origin);
    assert.deepEqual(await namesIn(dir), ["checkpoint.safetensors"]);
    assert.deepEqual(await readCheckpoint(dir, recipe, origin), { tensors, iteration: 6, origin });
    await assert.rejects(readCheckpoint(dir, recipe, { ...origin, adapter: "b" }), (error) => {
      assert.ok(error instanceof UsageError);
      assert.match(error.message, /^Cannot resume from .*: got adapter b, expected a as when it/);
      return true;
    });
    const [asked, saved] = ["b".repeat(1e4), "a".repeat(1e4)];
    await writeCheckpoint(dir, tensors, 6, { ...origin, adapter: saved });
    await assert.rejects(readCheckpoint(dir, recipe, { ...origin, adapter: asked }), {
      message: /: got adapter b{79}…, expected a{79}… as when it was written; use another folder$/,
    });
  });
});

Deno.test("readCheckpoint refuses a damaged one", async () => {
  await inTemporary(async (dir) => {
    const path = `${dir}/checkpoint.safetensors`;
    const images = tensor([7], 1);
    const damages: [number, string, RegExp][] = [
      [1, "{", /^Cannot resume from .*: got "{" for what it is a checkpoint of, expected sett/],
      [1, "x".repeat(1e4), /^Cannot resume from .*: got "x{78}… for what it is a checkpoint of/],
      [1, "null", /^Cannot resume from .*: got "null" for what it is a checkpoint of/],
      [NaN, "{}", /^Cannot read .*: got NaN at index 0 of tensor images, expected finite numbe/],
    ];
    for (const [value, origin, message] of damages) {
      const tensors = { images: { ...images, data: images.data.with(0, value) } };
      await Deno.writeFile(path, encodeSafetensors(tensors, { iteration: "1", origin }));
      await assert.rejects(readCheckpoint(dir, shortRecipe(), {}), { message });
    }
  });
});

Deno.test("originOf and digestOf: other images, labels or test images, whitened or not", async () => {
  const digest = await digestOf(dataset);
  assert.match(digest, /^[0-9a-f]{64}$/);
  const origin = await originOf(shortRecipe(), dataset, "a");
  assert.equal(origin["data of SHA-256"], digest);
  const { train, test } = dataset;
  const labels = train.labels.with(0, 1 + train.labels[0]!);
  const images = Float32Array.from(test.images);
  for (const other of [{ train: { ...train, labels } }, { test: { ...test, images } }]) {
    assert.notEqual(await digestOf({ ...dataset, ...other }), digest);
    assert.equal(await digestOf({ ...dataset, ...other, sha256: digest }), digest);
  }
});

Deno.test("removeUnfinished clears away what was half written, and nothing else", async () => {
  await inTemporary(async (dir) => {
    const halfWritten = ["checkpoint.safetensors.12-ab12cd34.tmp", "recipe.yaml.1-00000000.tmp"];
    const others = ["checkpoint.safetensors", "mine.tmp", "recipe.yaml"];
    for (const name of [...halfWritten, ...others]) await Deno.writeTextFile(`${dir}/${name}`, "x");
    await removeUnfinished(dir);
    assert.deepEqual((await namesIn(dir)).sort(), others);
  });
});

Deno.test("metadataOf records how images were brought to their size, and nothing where as they are", () => {
  const plain = metadataOf(shortRecipe(), dataset, "an adapter");
  assert.deepEqual([plain.resize, plain.pad, plain.channels], [undefined, undefined, undefined]);
  const made = metadataOf(shortRecipe({ resize: 20, pad: 4, channels: 3 }), dataset, "an adapter");
  assert.deepEqual(made, { ...plain, resize: "20", pad: "4", channels: "3" });
});

Deno.test("a table is written as CSV too, in its units", async () => {
  await inTemporary(async (dir) => {
    const table = easyTable(30, 10);
    const metadata = metadataOf(shortRecipe({ epochs: 1 }), table, "an adapter");
    assert.equal(metadata.columns, '["height","width"]');
    const artifact: Artifact = {
      images: { shape: [2, 2, 1, 1], data: Float32Array.of(0, 1, -1, 0.5) },
      labels: { shape: [2, 2], data: Float32Array.of(1, 0, 0, 1) },
      lrs: { shape: [1], data: Float32Array.of(0.1) },
      init: {},
      metadata,
    };
    await writeArtifact(dir, artifact);
    assert.deepEqual((await namesIn(dir)).sort(), ["distilled.csv", "distilled.safetensors"]);
    const [mean, std] = [table.mean, table.std];
    const text = await Deno.readTextFile(`${dir}/distilled.csv`);
    const [header, ...rows] = text.trimEnd().split("\n").map((line) => line.split(","));
    assert.deepEqual([header, rows.map((row) => row[2])], [["height", "width", "label"], [
      "short",
      "tall",
    ]]);
    const numbers = rows.flatMap((row) => row.slice(0, 2).map(Number));
    const expected = [mean[0]!, mean[1]! + std[1]!, mean[0]! - std[0]!, mean[1]! + std[1]! / 2];
    expected.forEach((value, i) => assert.ok(Math.abs(value - numbers[i]!) < 1e-5, `${i}`));
    assert.deepEqual(await readArtifact(dir), artifact);
  });
});

Deno.test("filesOf: tables also as CSV, and without a picture where they are not flat", () => {
  const always = [FILES.artifact, FILES.recipe, FILES.metrics, FILES.checkpoint];
  const of = (about: { columns?: string[]; classNames?: string[] }, name = "mine") =>
    filesOf({ name, ...about }).slice(always.length);
  assert.deepEqual(filesOf({ name: "mnist" }), [...always, "images.png"]);
  assert.deepEqual(of({ columns: ["a", "b"] }), [FILES.table, "images.png"]);
  assert.deepEqual(of({ columns: ["a", "b", "c"] }), [FILES.table]);
  for (const about of [{ classNames: ["eins", "四"] }, { columns: ["Höhe", "b"] }]) {
    assert.equal(of(about).at(-1), "images.svg");
  }
  assert.deepEqual(of({}, "folder:grün"), ["images.svg"]);
});
