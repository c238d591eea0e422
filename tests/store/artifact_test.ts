// artifact_test: distilled.safetensors and checkpoint.safetensors, written and read back.
import assert from "node:assert/strict";
import { decodeSafetensors, encodeSafetensors } from "../../src/base/safetensors.ts";
import {
  type Artifact,
  FILES,
  filesOf,
  metadataOf,
  prepareFolder,
  readArtifact,
  writeArtifact,
} from "../../src/store/artifact.ts";
import { readCheckpoint, writeCheckpoint } from "../../src/store/checkpoint.ts";
import { UsageError } from "../../src/base/usage_error.ts";
import { random } from "../oracle/numeric.ts";
import { inTemporary, namesIn } from "../support/temporary.ts";
import { easyDataset, easyTable, shortRecipe } from "../support/runs.ts";

const dataset = easyDataset(10, 10);

function tensor(shape: number[], seed: number) {
  const size = shape.reduce((a, b) => a * b, 1);
  return { shape, data: Float32Array.from(random(size, seed)) };
}

/** Two steps, three epochs, ten images a step. */
function anArtifact(): Artifact {
  return {
    images: tensor([20, 1, 6, 5], 1),
    labels: tensor([20, 10], 2),
    lrs: tensor([6], 3),
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
    for (const folder of [dir, `${dir}/none`, `${dir}/file`]) {
      await assert.rejects(readArtifact(folder), { name: "NotFound", message });
    }
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
    const shortened = { ...tensors, labels: tensor([19, 10], 2) };
    const damages: [Uint8Array, RegExp][] = [
      [good.subarray(0, good.length - 9), /truncated/],
      [new Uint8Array(0), /got 0 bytes/],
      [new TextEncoder().encode("GIF89a, an image of a cat"), /expected a header/],
      [encodeSafetensors(rateless, metadata), /got format retort-1 with tensors images, labels, i/],
      [encodeSafetensors(tensors, {}), /got format unknown with tensors images, .* expected ret/],
      [encode({ format: "retort-2" }), /got format retort-2 .*, expected retort-1 with images/],
      [encode({ steps: "3" }), /got 20, 20, 6 images, labels and lrs .*, expected 30, 30, 6 as/],
      [encode({ steps_total: "2" }), /expected 20, 20, 2 as in its metadata, .*; distil again/],
      [encode({ per_step: "" }), /expected 0, 0, 6/],
      [encode({ init: "loaded" }), /init loaded by .*, expected .* init fixed or random/],
      [encodeSafetensors(shortened, metadata), /got 20, 19, 6 images/],
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
    assert.deepEqual(await readCheckpoint(dir, recipe, origin), { tensors, iteration: 6 });
    await assert.rejects(readCheckpoint(dir, recipe, { ...origin, adapter: "b" }), (error) => {
      assert.ok(error instanceof UsageError);
      assert.match(error.message, /^Cannot resume from .*: got adapter b, expected a as when it/);
      return true;
    });
  });
});

Deno.test("prepareFolder makes the folder, and clears away what was half written", async () => {
  await inTemporary(async (parent) => {
    const dir = `${parent}/a/b`;
    await prepareFolder(dir);
    const halfWritten = ["checkpoint.safetensors.12-ab12cd34.tmp", "recipe.yaml.1-00000000.tmp"];
    const others = ["checkpoint.safetensors", "mine.tmp", "recipe.yaml"];
    for (const name of [...halfWritten, ...others]) await Deno.writeTextFile(`${dir}/${name}`, "x");
    await prepareFolder(dir);
    assert.deepEqual((await namesIn(dir)).sort(), others);
    const message =
      /^Cannot make folder .*\/mine.tmp\/x: got ".*", expected a place to write; choose/;
    await assert.rejects(prepareFolder(`${dir}/mine.tmp/x`), { message });
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
  assert.deepEqual(filesOf({}), [...always, FILES.picture]);
  assert.deepEqual(filesOf({ columns: ["a", "b"] }), [...always, FILES.table, FILES.picture]);
  assert.deepEqual(filesOf({ columns: ["a", "b", "c"] }), [...always, FILES.table]);
});
