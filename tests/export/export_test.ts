// export_test: each format read back byte by byte, and what an export may replace.
import assert from "node:assert/strict";
import { decode } from "fast-png";
import { parquetMetadataAsync, parquetReadObjects } from "hyparquet";
import { parse } from "yaml";
import { openParquet } from "../../src/data/parquet.ts";
import { EXPORT_FORMATS, exportArtifact, type ExportFormat } from "../../src/export/export.ts";
import { recipeToYaml } from "../../src/recipe/recipe.ts";
import { type Artifact, metadataOf } from "../../src/store/artifact.ts";
import { easyTable, shortRecipe } from "../support/runs.ts";
import { inTemporary, namesIn } from "../support/temporary.ts";
import { retort } from "../support/command.ts";
import { readNpy, readZip } from "./npz_reader.ts";
import { AFTER, anArtifact, CLASSES, MEAN, SHAPE, STD, writeRun } from "./runs.ts";

const COUNT = 2 * CLASSES;
const SIZE = SHAPE[0] * SHAPE[1] * SHAPE[2];
const { images, labels, init } = anArtifact();
const indices = Array.from({ length: COUNT }, (_, n) => n);
const classOf = (n: number) => (n + 1) % CLASSES;

/** What byte a normalised pixel becomes. */
function byteOf(value: number, channel: number): number {
  return Math.min(255, Math.max(0, Math.round(255 * (value * STD[channel]! + MEAN[channel]!))));
}

/** Bytes of all images, [N, C, H, W]. */
const BYTES = Array.from(images.data, (value, i) => {
  return byteOf(value, Math.floor(i / (SHAPE[1] * SHAPE[2])) % SHAPE[0]);
});

function expectBytes(actual: ArrayLike<number>, expected: readonly number[]): void {
  assert.equal(actual.length, expected.length);
  const wrong = expected.findIndex((byte, i) => byte !== actual[i]);
  assert.equal(wrong, -1, `byte ${wrong}: got ${actual[wrong]}, expected ${expected[wrong]}`);
}

/** Checks what distilled.json says. */
function expectTraining(json: string): void {
  const training = JSON.parse(json);
  assert.equal(training.format, "retort-export-1");
  assert.deepEqual([training.arch, training.dataset, training.init], ["lenet", "mnist", "fixed"]);
  assert.deepEqual([training.steps, training.epochs, training.images_per_step], [2, 3, CLASSES]);
  assert.deepEqual(training.order, [0, 1, 0, 1, 0, 1]);
  assert.deepEqual(training.learning_rates, [0.5, 0.25, 0.1, 0.2, 0.3, 0.4].map(Math.fround));
  assert.deepEqual([training.mean, training.std, training.image_shape], [MEAN, STD, [...SHAPE]]);
  assert.deepEqual([training.classes, training.accuracy.after], [CLASSES, AFTER]);
}

/** The YAML of a card. */
interface FrontMatter {
  task_categories: string[];
  dataset_info: { features: { name: string; dtype: { class_label: { names: object } } }[] };
  configs: unknown;
}

/** Checks the card and gives its YAML. */
async function readCard(dir: string): Promise<FrontMatter> {
  const card = await Deno.readTextFile(`${dir}/README.md`);
  const [, yaml, text] = /^---\n([^]*?)---\n\n([^]*)$/.exec(card) ?? assert.fail(card);
  assert.match(text!, /^# mnist, distilled to 22 images\n/);
  for (
    const said of [
      "from 8.8 ± 3.0 % to **81.3 ± 6.3 %** (20 networks)",
      "PNG clips and rounds",
      "Shuffled minibatches",
      "mean 0.4, 0.5, 0.6 and std 0.2, 0.25, 0.3",
      "| step | η, epoch 1 | η, epoch 2 | η, epoch 3 |",
      "| 1 | 0.250000 | 0.200000 | 0.400000 |",
      "\nlr: 0.125\n",
    ]
  ) assert.ok(text!.includes(said), `the card does not say ${said}`);
  return parse(yaml!);
}

/** Checks a PNG of image n. */
function expectPng(png: Uint8Array, n: number): void {
  const { width, height, channels, data } = decode(png);
  assert.deepEqual([channels, height, width], SHAPE);
  const planes = BYTES.slice(n * SIZE, (n + 1) * SIZE);
  expectBytes(data, planes.map((_, i) => planes[i % 3 * 20 + Math.floor(i / 3)]!));
}

async function withExport(
  format: ExportFormat,
  test: (out: string, dir: string) => Promise<void>,
): Promise<void> {
  await inTemporary(async (dir) => {
    await writeRun(`${dir}/run`);
    const out = `${dir}/deep/${format}`;
    const files = await exportArtifact(`${dir}/run`, format, `${out}/`);
    for (const file of files) assert.ok((await Deno.stat(file)).isFile);
    assert.deepEqual(await namesIn(`${dir}/deep`), [format]); // nothing temporary is left
    await test(out, dir);
  });
}

Deno.test("npz: every array, to the bit", async () => {
  await withExport("npz", async (out) => {
    const members = readZip(await Deno.readFile(out));
    expectTraining(new TextDecoder().decode(members.get("distilled.json")));
    members.delete("distilled.json");
    const arrays = Object.fromEntries([...members].map(([name, bytes]) => [name, readNpy(bytes)]));
    const types = Object.entries(arrays).map(([name, { descr, shape }]) => [name, descr, shape]);
    assert.deepEqual(types, [
      ["images.npy", "<f4", [COUNT, ...SHAPE]],
      ["images_u8.npy", "|u1", [COUNT, ...SHAPE]],
      ["labels.npy", "<i8", [COUNT]],
      ["soft_labels.npy", "<f4", [COUNT, CLASSES]],
      ["steps.npy", "<i8", [COUNT]],
      ["order.npy", "<i8", [6]],
      ["learning_rates.npy", "<f4", [6]],
      ["mean.npy", "<f4", [3]],
      ["std.npy", "<f4", [3]],
      ["init/conv1.weight.npy", "<f4", [6, 3, 5, 5]],
      ["init/conv1.bias.npy", "<f4", [6]],
    ]);
    expectBytes(arrays["images.npy"]!.data, [...images.data]);
    expectBytes(arrays["images_u8.npy"]!.data, BYTES);
    assert.ok(BYTES.includes(0) && BYTES.includes(255), "nothing was clipped");
    assert.deepEqual(arrays["labels.npy"]!.data, indices.map(classOf));
    expectBytes(arrays["soft_labels.npy"]!.data, [...labels.data]);
    assert.deepEqual(arrays["steps.npy"]!.data, indices.map((n) => n < CLASSES ? 0 : 1));
    assert.deepEqual(arrays["order.npy"]!.data, [0, 1, 0, 1, 0, 1]);
    assert.deepEqual(arrays["std.npy"]!.data, STD.map(Math.fround));
    expectBytes(arrays["init/conv1.weight.npy"]!.data, [...init["conv1.weight"]!.data]);
  });
});

Deno.test("npz of a table: its rows in their units; as PNGs it is refused", async () => {
  await inTemporary(async (dir) => {
    const table = easyTable(10, 10);
    const artifact: Artifact = {
      images: { shape: [2, 2, 1, 1], data: Float32Array.of(0, 1, -1, 0.5) },
      labels: { shape: [2, 2], data: Float32Array.of(1, 0, 0, 1) },
      lrs: { shape: [2], data: Float32Array.of(0.1, 0.2) },
      init: {},
      metadata: metadataOf(shortRecipe(), table, "an adapter"),
    };
    await writeRun(`${dir}/run`, artifact);
    await exportArtifact(`${dir}/run`, "npz", `${dir}/out.npz`);
    const members = readZip(await Deno.readFile(`${dir}/out.npz`));
    const training = JSON.parse(new TextDecoder().decode(members.get("distilled.json")));
    assert.deepEqual([training.columns, training.image_shape, training.zca], [
      ["height", "width"],
      [2, 1, 1],
      null,
    ]);
    assert.deepEqual(training.class_names, ["short", "tall"]);
    assert.ok(!members.has("images_u8.npy"));
    const { descr, shape, data } = readNpy(members.get("values.npy")!);
    assert.deepEqual([descr, shape], ["<f4", [2, 2]]);
    assert.deepEqual([...data], [170, 40.5, 158, 40.25]);
    for (const format of ["folder", "hf"] as const) {
      await assert.rejects(exportArtifact(`${dir}/run`, format, `${dir}/${format}`), {
        name: "UsageError",
        message: /^Cannot export people as PNG: got rows of a table, expected images; use --fo/,
      });
    }
  });
});

Deno.test("whitened images: npz has the whitening, bytes and PNGs are as before it", async () => {
  await inTemporary(async (dir) => {
    const { metadata, ...artifact } = anArtifact();
    const inverse = new Float32Array(SIZE * SIZE);
    for (let i = 0; i < SIZE; i++) inverse[i * SIZE + SIZE - 1 - i] = 2; // reverses and doubles
    const mean = Float32Array.from({ length: SIZE }, (_, i) => i / 100);
    const matrix = inverse.map((value) => value / 4);
    const whitening = { zca: 0.1, mean, matrix, inverse };
    const resized = { zca: "0.1", resize: "3", pad: "1" };
    await writeRun(`${dir}/run`, {
      ...artifact,
      whitening,
      metadata: { ...metadata, ...resized },
    });
    await exportArtifact(`${dir}/run`, "npz", `${dir}/out.npz`);
    const members = readZip(await Deno.readFile(`${dir}/out.npz`));
    const read = (name: string) => readNpy(members.get(`${name}.npy`)!);
    expectBytes(read("images").data, [...images.data]);
    for (const [name, data] of Object.entries({ mean, matrix, inverse })) {
      expectBytes(read(`zca/${name}`).data, [...data]);
    }
    assert.deepEqual(read("zca/inverse").shape, [SIZE, SIZE]);
    const before = Array.from(images.data, (_, i) => {
      const [n, at] = [Math.floor(i / SIZE), i % SIZE];
      const value = Math.fround(2 * images.data[n * SIZE + SIZE - 1 - at]! + mean[at]!);
      return byteOf(value, Math.floor(at / 20));
    });
    expectBytes(read("images_u8").data, before);
    const training = JSON.parse(new TextDecoder().decode(members.get("distilled.json")));
    assert.deepEqual([training.zca, training.resize, training.pad], [0.1, 3, 1]);
    await exportArtifact(`${dir}/run`, "folder", `${dir}/out`);
    const card = await Deno.readTextFile(`${dir}/out/README.md`);
    for (const said of ["resized to 3 rows and columns, with 1 pixel of 0", "`zca/matrix`"]) {
      assert.ok(card.includes(said), said);
    }
  });
});

Deno.test("folder: PNGs by class, metadata.jsonl, card, and the artifact", async () => {
  await withExport("folder", async (out, dir) => {
    const names = (await namesIn(out)).sort();
    const folders = Array.from({ length: CLASSES }, (_, k) => `${k}`.padStart(2, "0"));
    const others = ["README.md", "distilled.json", "distilled.safetensors", "metadata.jsonl"];
    assert.deepEqual(names, [...folders, ...others]);
    const lines = (await Deno.readTextFile(`${out}/metadata.jsonl`)).trimEnd().split("\n");
    assert.equal(lines.length, COUNT);
    for (const [n, line] of lines.entries()) {
      const row = JSON.parse(line);
      const [label, step] = [classOf(n), n < CLASSES ? 0 : 1];
      const index = `${n % CLASSES}`.padStart(2, "0");
      const path = `${`${label}`.padStart(2, "0")}/${step}_${index}.png`;
      const softLabel = [...labels.data.subarray(n * CLASSES, (n + 1) * CLASSES)];
      assert.deepEqual(row, { file_name: path, label, soft_label: softLabel, step });
      expectPng(await Deno.readFile(`${out}/${path}`), n);
    }
    expectTraining(await Deno.readTextFile(`${out}/distilled.json`));
    assert.deepEqual((await readCard(out)).task_categories, ["image-classification"]);
    const [copy, original] = [out, `${dir}/run`].map((folder) =>
      Deno.readFileSync(`${folder}/distilled.safetensors`)
    );
    expectBytes(copy!, [...original!]);
  });
});

Deno.test("hf: rows, features in the file and in the card", async () => {
  await withExport("hf", async (out) => {
    assert.deepEqual((await namesIn(out)).sort(), [
      "README.md",
      "data",
      "distilled.json",
      "distilled.safetensors",
    ]);
    const path = "data/train-00000-of-00001.parquet";
    const { buffer: file } = await Deno.readFile(`${out}/${path}`);
    const rows = await parquetReadObjects({ file, utf8: false });
    assert.equal(rows.length, COUNT);
    for (const [n, row] of rows.entries()) {
      const { image, label, soft_label: softLabel, step, pixels } = row;
      assert.deepEqual([label, step], [BigInt(classOf(n)), n < CLASSES ? 0n : 1n]);
      assert.deepEqual(softLabel, [...labels.data.subarray(n * CLASSES, (n + 1) * CLASSES)]);
      expectBytes(pixels, [...images.data.subarray(n * SIZE, (n + 1) * SIZE)]);
      assert.match(image.path, /^\d\d\/[01]_\d\d\.png$/);
      expectPng(image.bytes, n);
    }
    const { key_value_metadata: pairs = [] } = await parquetMetadataAsync(file);
    assert.deepEqual(pairs.map(({ key }) => key), ["huggingface"]);
    const { features } = JSON.parse(pairs[0]!.value!).info;
    const names = Array.from({ length: CLASSES }, (_, k) => `${k}`);
    assert.deepEqual(features.label, { names, _type: "ClassLabel" });
    const { dataset_info: info, configs } = await readCard(out);
    assert.deepEqual(info.features.map(({ name }) => name), Object.keys(features));
    assert.deepEqual(Object.values(info.features[1]!.dtype.class_label.names), names);
    const files = [{ split: "train", path }];
    assert.deepEqual(configs, [{ config_name: "default", data_files: files }]);
    expectTraining(await Deno.readTextFile(`${out}/distilled.json`));
  });
});

/** Names of eleven classes: two that are alike where they are safe, and some that are not safe. */
const NAMES = [
  "cat",
  "../etc",
  "a/b",
  "a b",
  "",
  "..",
  "T-shirt",
  "7",
  "08",
  "九",
  "x".repeat(300),
];
const FOLDERS = ["00_cat", "01_etc", "02_a_b", "03_a_b", "04", "05", "06_T_shirt", "07_7", "08"];
const ALL_FOLDERS = [...FOLDERS, "09_九", `10_${"x".repeat(60)}`];

/** Exports a run of the usual artifact with other metadata. */
async function exportOf(
  format: ExportFormat,
  dir: string,
  changes: Record<string, string>,
): Promise<string> {
  const { metadata } = anArtifact();
  await writeRun(`${dir}/run`, anArtifact({ metadata: { ...metadata, ...changes } }));
  await exportArtifact(`${dir}/run`, format, `${dir}/${format}`);
  return `${dir}/${format}`;
}

Deno.test("class names: safe folders that keep classes apart and in order", async () => {
  await inTemporary(async (dir) => {
    const names = { class_names: JSON.stringify(NAMES) };
    const out = await exportOf("folder", dir, names);
    assert.deepEqual((await namesIn(out)).filter((name) => /^\d/.test(name)).sort(), ALL_FOLDERS);
    const lines = (await Deno.readTextFile(`${out}/metadata.jsonl`)).trimEnd().split("\n");
    for (
      const { file_name: path, label, class_name: name } of lines.map((line) => JSON.parse(line))
    ) {
      assert.deepEqual([path.split("/")[0], NAMES[label]], [ALL_FOLDERS[label], name]);
      assert.ok((await Deno.stat(`${out}/${path}`)).isFile);
    }
    const training = JSON.parse(await Deno.readTextFile(`${out}/distilled.json`));
    assert.deepEqual(training.class_names, NAMES);
    const card = await Deno.readTextFile(`${out}/README.md`);
    assert.match(card, /`metadata.jsonl`: file name, label and its name, soft label and step/);
    await exportOf("folder", dir, names); // which takes the place of the first
  });
});

Deno.test("class names: those of ClassLabel in the parquet file and in the card", async () => {
  await inTemporary(async (dir) => {
    const out = await exportOf("hf", dir, { class_names: JSON.stringify(NAMES) });
    const { buffer: file } = await Deno.readFile(`${out}/data/train-00000-of-00001.parquet`);
    const { key_value_metadata: pairs = [] } = await parquetMetadataAsync(file);
    const { label } = JSON.parse(pairs[0]!.value!).info.features;
    assert.deepEqual(label, { names: NAMES, _type: "ClassLabel" });
    const { dataset_info: info } = await readCard(out);
    const inCard = info.features[1]!.dtype.class_label.names;
    assert.deepEqual(inCard, Object.fromEntries(NAMES.entries()));
    using table = await openParquet(`${out}/data/train-00000-of-00001.parquet`);
    assert.deepEqual(table.columns.classNames, NAMES); // Retort reads what it writes
  });
});

Deno.test("a run with damaged class names, rates or labels is not exported", async () => {
  for (const names of ['["cat", "do', '["cat", "dog"]', "7"]) {
    await inTemporary(async (dir) => {
      await assert.rejects(exportOf("folder", dir, { class_names: names }), {
        message: /^Cannot read .*distilled.safetensors: got class_names .*; distil again$/,
      });
    });
  }
  const { lrs, labels } = anArtifact();
  for (const [name, { shape, data }] of Object.entries({ lrs, labels })) {
    await inTemporary(async (dir) => {
      await writeRun(dir, anArtifact({ [name]: { shape, data: data.with(1, NaN) } }));
      await assert.rejects(exportArtifact(dir, "npz", `${dir}/x`), {
        message: new RegExp(`: got NaN at index 1 of tensor ${name}, expected finite numbers`),
      });
    });
  }
});

Deno.test("the same run gives the same bytes, in place of an earlier export", async () => {
  for (const format of EXPORT_FORMATS) {
    if (format === "pytorch") continue; // no LeNet takes such images; pytorch_test has others
    await withExport(format, async (out, dir) => {
      const read = async () => {
        const paths = await exportArtifact(`${dir}/run`, format, out);
        return await Promise.all(paths.map((path) => Deno.readFile(path)));
      };
      const [first, second] = [await read(), await read()];
      first.forEach((bytes, i) => expectBytes(second[i]!, [...bytes]));
      assert.deepEqual(await namesIn(`${dir}/deep`), [format]);
    });
  }
});

Deno.test("what is no export is not replaced", async () => {
  await withExport("folder", async (out, dir) => {
    await Deno.writeTextFile(`${dir}/notes`, "mine");
    await Deno.writeTextFile(`${out}/04/notes.txt`, "mine");
    await Deno.mkdir(`${dir}/empty`);
    const refused: [ExportFormat, string][] = [
      ["npz", `${dir}/notes`],
      ["folder", `${dir}/notes`],
      ["hf", `${dir}/empty`],
      ["folder", `${dir}/run`],
      ["folder", out], // somebody put a file of their own into it
      ["npz", out],
    ];
    for (const [format, path] of refused) {
      const message = /^Cannot export to .*: got something that is no export as .*another --out$/;
      await assert.rejects(exportArtifact(`${dir}/run`, format, path), {
        name: "UsageError",
        message,
      });
    }
    assert.equal(await Deno.readTextFile(`${dir}/notes`), "mine");
    assert.equal(await Deno.readTextFile(`${out}/04/notes.txt`), "mine");
    const inFile = exportArtifact(`${dir}/run`, "folder", `${dir}/notes/x`);
    await assert.rejects(inFile, {
      message: /^Cannot export to .*notes\/x: got ".*", expected a w/,
    });
  });
});

Deno.test("images of two channels go into an npz only", async () => {
  await inTemporary(async (dir) => {
    const two = { shape: [COUNT, 2, 2, 5], data: images.data.subarray(0, COUNT * 20) };
    const { metadata } = anArtifact();
    const about = { ...metadata, mean: "[0.1,0.2]", std: "[1,2]" };
    await writeRun(dir, anArtifact({ images: two, metadata: about }));
    const message =
      "Cannot export images as PNG: got 2 channels, expected 1 or 3; use --format npz";
    for (const format of ["folder", "hf"] as const) {
      await assert.rejects(exportArtifact(dir, format, `${dir}/x`), { message });
    }
    await exportArtifact(dir, "npz", `${dir}/x`);
  });
});

Deno.test("a run whose log and recipe are gone says so in its card", async () => {
  await inTemporary(async (dir) => {
    await writeRun(dir);
    await Deno.remove(`${dir}/metrics.jsonl`);
    await Deno.remove(`${dir}/recipe.yaml`);
    await exportArtifact(dir, "folder", `${dir}/x`);
    const card = await Deno.readTextFile(`${dir}/x/README.md`);
    assert.match(card, /The run did not record what accuracy/);
    assert.doesNotMatch(card, /## Recipe/);
    assert.equal(JSON.parse(await Deno.readTextFile(`${dir}/x/distilled.json`)).accuracy, null);
  });
});

Deno.test("the command: one line, or one object, and exit status 2 for bad usage", async () => {
  await inTemporary(async (dir) => {
    await writeRun(`${dir}/run`);
    const args = ["export", `${dir}/run`, "--format", "folder", "--out", `${dir}/x`];
    const line = `Exported ${dir}/run as folder to ${dir}/x (26 files)\n`;
    assert.deepEqual(await retort(args), { code: 0, out: line, err: "" });
    const { out } = await retort([...args, "--json"]);
    assert.equal(JSON.parse(out).files.length, 26);
    const bad = await retort(["export", `${dir}/run`, "--format", "zip", "--out", `${dir}/y`]);
    assert.deepEqual([bad.code, bad.out], [2, ""]);
    assert.match(bad.err, /Allowed choices are npz, folder, hf, pytorch\.; --help tells more\n$/);
    const none = await retort(["export", `${dir}/none`, "--format", "npz", "--out", `${dir}/y`]);
    assert.deepEqual([none.code, none.out], [1, ""]);
    assert.match(
      none.err,
      /^Cannot read .*got no such file, expected the folder of a finished run/,
    );
  });
});

Deno.test("names from a run are shown in its card, and do nothing there; paths stay out", async () => {
  const name = "folder:/home/somebody/photos of `cats` <script> **now**";
  const { metadata } = anArtifact();
  const about = {
    ...metadata,
    dataset: name,
    init: "random",
    pretrained: "/home/somebody/nets_1.safetensors",
    pretrained_dataset: "csv:/home/somebody/x.csv",
    pretrained_sha256: "ab|c\u001b[2J",
  };
  await inTemporary(async (dir) => {
    await writeRun(`${dir}/run`, anArtifact({ metadata: about }));
    const recipe = shortRecipe({ dataset: name, pretrained: about.pretrained, init: "random" });
    const fences = `\n# \`\`\` closes nothing\n`;
    await Deno.writeTextFile(`${dir}/run/recipe.yaml`, recipeToYaml(recipe) + fences);
    for (const format of ["folder", "hf"] as const) {
      await exportArtifact(`${dir}/run`, format, `${dir}/${format}`);
      const card = await Deno.readTextFile(`${dir}/${format}/README.md`);
      assert.doesNotMatch(card, /somebody|(?!\n)\p{Cc}/u);
      const heading = "# photos of \\`cats\\` \\<script\\> \\*\\*now\\*\\*, distilled to 22 images";
      assert.ok(card.includes(`\n${heading}\n`), card);
      for (
        const said of [
          "trained on x.csv",
          "nets\\_1.",
          "ab\\|c\\u001b[2J".replace("[", "\\["),
        ]
      ) assert.ok(card.includes(said), said);
      const [, yaml] = /\n````yaml\n([^]*)\n````\n$/.exec(card) ?? assert.fail(card);
      const { dataset, pretrained } = parse(yaml!);
      assert.equal(dataset, "photos of `cats` <script> **now**");
      assert.equal(pretrained, "nets_1.safetensors");
      const json = await Deno.readTextFile(`${dir}/${format}/distilled.json`);
      assert.doesNotMatch(json, /somebody/);
    }
  });
});

Deno.test("npz refuses a parameter whose name is a path", async () => {
  const init = { "../../up.weight": anArtifact().init["conv1.bias"]! };
  await inTemporary(async (dir) => {
    await writeRun(dir, anArtifact({ init }));
    await assert.rejects(exportArtifact(dir, "npz", `${dir}/x.npz`), {
      message: /^Cannot export a parameter "\.\.\/\.\.\/up\.weight": got a name with other charact/,
    });
  });
});

Deno.test("card: what networks it is for, and that it is an attack", async () => {
  const { metadata } = anArtifact();
  const trained = { pretrained: "some/usps.safetensors", pretrained_dataset: "usps" };
  const about = { ...metadata, ...trained, pretrained_sha256: "abc", attack: "3:4" };
  const cardOf = async (init: "fixed" | "random") => {
    let card = "";
    await inTemporary(async (dir) => {
      await writeRun(`${dir}/run`, anArtifact({ metadata: { ...about, init } }));
      await exportArtifact(`${dir}/run`, "folder", `${dir}/out`);
      const training = JSON.parse(await Deno.readTextFile(`${dir}/out/distilled.json`));
      const pretrained = { dataset: "usps", file: "usps.safetensors", sha256: "abc" };
      assert.deepEqual([training.pretrained, training.attack], [pretrained, "3:4"]);
      card = await Deno.readTextFile(`${dir}/out/README.md`);
    });
    return card;
  };
  const [fixed, random] = [await cardOf("fixed"), await cardOf("random")];
  assert.match(fixed, /one initial network, trained on usps, which is in `distilled.safetensors`/);
  assert.match(
    random,
    /networks trained on usps before, those of usps.safetensors \(SHA-256 abc\)/,
  );
  for (const card of [fixed, random]) {
    assert.match(
      card,
      /\*\*They are an attack\*\*: they teach networks to take class 3 for class 4/,
    );
  }
});
