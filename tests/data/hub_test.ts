// loadHub: sets by name and others, from a server, from the cache, and every way it can fail.
import assert from "node:assert/strict";
import { encode as encodeJpeg } from "jpeg-js";
import { HUB_SETS, loadHub } from "../../src/data/hub.ts";
import { type Hub, hubOfEnvironment } from "../../src/data/hub_cache.ts";
import { inTemporary } from "../support/temporary.ts";
import { type HubKind, type HubServer, resolved, serveHub } from "./hub_server.ts";
import { parquetOf, pngOf, SHAPE, smallSplit, type TableOptions } from "./parquet_files.ts";

const [TRAIN, TEST] = [smallSplit(12), smallSplit(5)];
const OTHER = { repository: "owner/name" };

type Files = Record<string, Uint8Array<ArrayBuffer>>;

/** The files of a repository: training images in two shards. */
function sharded(folder: string, options: TableOptions = {}, repository = OTHER.repository): Files {
  const half = (first: number) => ({
    images: TRAIN.images.slice(20 * first, 20 * (first + 6)),
    labels: TRAIN.labels.slice(first, first + 6),
    count: 6,
  });
  const { labels: _ofTraining, ...same } = options;
  const paths: Files = {
    [`${folder}/train-00000-of-00002.parquet`]: parquetOf(half(0), options),
    [`${folder}/train-00001-of-00002.parquet`]: parquetOf(half(6), options),
    [`${folder}/test-00000-of-00001.parquet`]: parquetOf(TEST, same),
  };
  return Object.fromEntries(
    Object.entries(paths).map(([path, bytes]) => [resolved(repository, path), bytes]),
  );
}

/** The files of a set with a name, one for each split. */
function named(name: string, train: Uint8Array<ArrayBuffer>, test = parquetOf(TEST)): Files {
  const { repository, folder } = HUB_SETS.get(name)!;
  const path = (split: string) => resolved(repository, `${folder}/${split}-00000-of-00001.parquet`);
  return { [path("train")]: train, [path("test")]: test };
}

/** Runs `body` with a server of these files and an empty cache. */
async function withHub(
  kind: HubKind,
  files: Files,
  body: (hub: Hub, server: HubServer, dir: string) => Promise<void>,
): Promise<void> {
  await inTemporary(async (dir) => {
    await using server = serveHub(kind, files);
    await body({ endpoint: server.endpoint, cache: `${dir}/hub` }, server, dir);
  });
}

async function load(name: string, hub: Hub, form = {}, notes: string[] = []) {
  const place = HUB_SETS.get(name) ?? OTHER;
  return await loadHub(name, place, form, hub, (line) => notes.push(line));
}

/** Every file under a folder by its path in it. */
async function treeOf(dir: string, inside = ""): Promise<string[]> {
  const paths: string[] = [];
  for await (const { name, isDirectory } of Deno.readDir(dir)) {
    const path = `${inside}${name}`;
    paths.push(...isDirectory ? await treeOf(`${dir}/${name}`, `${path}/`) : [path]);
  }
  return paths.sort();
}

Deno.test("loadHub downloads a named set, says so, and then needs no server", async () => {
  const files = named("usps", parquetOf(TRAIN));
  await withHub("static", files, async (hub, server, dir) => {
    const notes: string[] = [];
    const { train, test, ...rest } = await load("usps", hub, {}, notes);
    assert.deepEqual(rest, {
      name: "usps",
      ...SHAPE,
      classes: 10,
      mean: [0.15972736477851868],
      std: [0.25726667046546936],
    });
    assert.deepEqual([train, test], [TRAIN, TEST]);
    const folder = `${dir}/hub/datasets--flwrlabs--usps/snapshots/main/data`;
    const url = `${server.endpoint}/datasets/flwrlabs/usps/resolve/main/data`;
    assert.deepEqual(notes, [
      `Downloading ${url}/train-00000-of-00001.parquet (0.0 MB) to ` +
      `${folder}/train-00000-of-00001.parquet`,
      `Downloading ${url}/test-00000-of-00001.parquet (0.0 MB) to ` +
      `${folder}/test-00000-of-00001.parquet`,
    ]);
    const offline = { ...hub, endpoint: "http://127.0.0.1:9" };
    assert.deepEqual((await load("usps", offline)).train, TRAIN);
  });
});

for (const kind of ["static", "hub"] as const) {
  Deno.test(`loadHub finds the shards of any set on a ${kind} server, then in the cache`, async () => {
    await withHub(kind, sharded("data"), async (hub) => {
      const { train, test, classes, mean } = await load("hf:owner/name", hub);
      assert.deepEqual([train, test, classes], [TRAIN, TEST, 3]);
      const bytes = TRAIN.images.reduce((sum, byte) => sum + byte, 0);
      assert.ok(Math.abs(mean[0]! - bytes / TRAIN.images.length / 255) < 1e-12);
      const offline = { ...hub, endpoint: "http://127.0.0.1:9" };
      assert.deepEqual((await load("hf:owner/name", offline)).train, TRAIN);
    });
  });
}

Deno.test("loadHub asks the hub again when the cache lacks a shard", async () => {
  await withHub("hub", sharded("a/b"), async (hub, server, dir) => {
    await load("hf:owner/name", hub);
    const folder = `${dir}/hub/datasets--owner--name/snapshots/main/a/b`;
    await Deno.remove(`${folder}/train-00000-of-00002.parquet`);
    server.log.length = 0;
    assert.deepEqual((await load("hf:owner/name", hub)).train, TRAIN);
    assert.deepEqual(server.log.filter((line) => line.includes("cdn")), [
      `GET cdn/${resolved("owner/name", "a/b/train-00000-of-00002.parquet")}`,
    ]);
  });
});

Deno.test("loadHub finds what the hub's Python library has downloaded", async () => {
  await withHub("static", {}, async (hub, server, dir) => {
    const repository = `${dir}/hub/datasets--flwrlabs--usps`;
    const folder = `${repository}/snapshots/0123abcd/data`;
    await Deno.mkdir(`${repository}/refs`, { recursive: true });
    await Deno.mkdir(folder, { recursive: true });
    await Deno.mkdir(`${repository}/blobs`);
    await Deno.writeTextFile(`${repository}/refs/main`, "0123abcd");
    for (
      const [split, bytes] of [["train", parquetOf(TRAIN)], ["test", parquetOf(TEST)]] as const
    ) {
      await Deno.writeFile(`${repository}/blobs/${split}`, bytes);
      await Deno.symlink(
        `../../../blobs/${split}`,
        `${folder}/${split}-00000-of-00001.parquet`,
      );
    }
    assert.deepEqual((await load("usps", hub)).train, TRAIN);
    assert.deepEqual(server.log, []);
  });
});

Deno.test("loadHub resizes and converts each image as it comes", async () => {
  const rgba = new Uint8Array(8 * 6 * 4).fill(200);
  const jpeg = new Uint8Array(encodeJpeg({ data: rgba, height: 8, width: 6 }, 90).data);
  const mixed = TRAIN.images.length / TRAIN.count;
  const files = Array.from(
    { length: 12 },
    (_, n) => n % 2 ? jpeg : pngOf(TRAIN.images.slice(n * mixed, (n + 1) * mixed)),
  );
  await withHub("static", named("usps", parquetOf(TRAIN, { files })), async (hub) => {
    await assert.rejects(load("usps", hub), {
      name: "RangeError",
      message: /row 1: got an image of 3×8×6, expected 1×4×5 .* as the first; set resize and ch/,
    });
    const { train, channels, height, width, mean } = await load("usps", hub, {
      size: 7,
      channels: 3,
    });
    assert.deepEqual([channels, height, width], [3, 7, 7]);
    assert.equal(train.images.length, 12 * 3 * 49);
    assert.ok(train.images.subarray(147, 294).every((byte) => Math.abs(byte - 200) <= 2));
    assert.deepEqual(mean, new Array(3).fill(0.15972736477851868));
  });
});

Deno.test("loadHub takes classes and names from features, else labels without gaps", async () => {
  const name = "hf:owner/name";
  const features = { label: { _type: "ClassLabel", names: ["a", "b", "c", "d", "e"] } };
  await withHub("static", sharded("data", { features }), async (hub) => {
    const { classes, classNames } = await load(name, hub);
    assert.deepEqual([classes, classNames], [5, ["a", "b", "c", "d", "e"]]);
  });
  const huggingface = JSON.stringify({ info: { features } }).slice(0, -9); // cut off
  await withHub("static", sharded("data", { huggingface }), async (hub) => {
    const dataset = await load(name, hub);
    assert.deepEqual([dataset.classes, "classNames" in dataset], [3, false]);
  });
  const cases: [readonly (number | null)[], RegExp][] = [
    [[0, 1, 3], /^Cannot load hf:owner\/name: got no class names in its files and 3 different/],
    [[0, 1, -1], /row 2: got label -1, expected a class 0…255; choose a labelled set/],
    [[0, 1, 256], /row 2: got label 256, expected a class 0…255/],
    [[0, 1, null], /row 2: got label NaN, expected a class 0…255/],
  ];
  for (const [cycle, message] of cases) {
    const label = Array.from({ length: 6 }, (_, n) => cycle[n % 3]!);
    const files = sharded("data", { labels: { label } });
    await withHub("static", files, async (hub) => {
      await assert.rejects(load(name, hub), { name: "RangeError", message });
    });
  }
});

Deno.test("loadHub names a corrupt image by its file and row", async () => {
  const jpeg = Uint8Array.of(0xff, 0xd8, 0xff, 0xe0, 1, 2, 3);
  const files = Array.from(
    { length: 12 },
    (_, n) => n === 4 ? jpeg : pngOf(TRAIN.images.slice(0, 20)),
  );
  await withHub("static", named("usps", parquetOf(TRAIN, { files })), async (hub) => {
    await assert.rejects(load("usps", hub), {
      name: "SyntaxError",
      message: /^Cannot read .*train-00000-of-00001.parquet, row 4: got a damaged JPEG image/,
    });
  });
});

Deno.test("loadHub says what it would download, and to where, when it cannot", async () => {
  await withHub("static", {}, async (hub, { endpoint }) => {
    const file = "plain_text/train-00000-of-00001.parquet";
    const start =
      `Cannot download ${endpoint}/datasets/uoft-cs/cifar10/resolve/main/${file}: got ` +
      `status 404, expected 200; check the name, the network and HF_ENDPOINT. What cifar10 needs: ` +
      `${endpoint}/datasets/uoft-cs/cifar10/resolve/main/${file} to ` +
      `${hub.cache}/datasets--uoft-cs--cifar10/snapshots/main/${file}, `;
    await assert.rejects(load("cifar10", hub), ({ message }: Error) => {
      assert.ok(message.startsWith(start), message);
      return /Put the files there, or let `.\/retort data cifar10` download them$/.test(message);
    });
    await assert.rejects(load("hf:owner/name", hub), {
      message: /^Cannot load hf:owner\/name: got no parquet files, expected one folder with/,
    });
  });
});

Deno.test("an interrupted load leaves no file behind that passes for whole, and goes on", async () => {
  const train = parquetOf(TRAIN);
  await withHub("hub", named("svhn", train), async (hub, server, dir) => {
    server.breakAfter = 700;
    await assert.rejects(load("svhn", hub), {
      message: new RegExp(
        `got 700 of ${train.length} bytes .* What svhn needs: .*\\(0\\.0 MB\\) to`,
      ),
    });
    const left = await treeOf(dir);
    assert.equal(left.length, 1);
    assert.match(left[0]!, /cropped_digits\/train-00000-of-00001\.parquet\.[0-9a-f]{40}\.part$/);
    server.breakAfter = undefined;
    assert.deepEqual((await load("svhn", hub)).train, TRAIN);
    assert.ok(server.log.some((line) => line.endsWith(" from 700")), server.log.join("\n"));
    assert.ok((await treeOf(dir)).every((path) => path.endsWith(".parquet")));
  });
});

Deno.test("a truncated file in the cache is named, and loads again once it is deleted", async () => {
  await withHub("hub", named("usps", parquetOf(TRAIN)), async (hub, _server, dir) => {
    await load("usps", hub);
    const path = `${dir}/hub/datasets--flwrlabs--usps/snapshots/main/data/` +
      "train-00000-of-00001.parquet";
    await Deno.truncate(path, 600);
    await assert.rejects(load("usps", hub), ({ name, message }: Error) => {
      assert.equal(name, "SyntaxError");
      assert.ok(message.startsWith(`Cannot read ${path}: got a damaged parquet file, `), message);
      return message.endsWith("delete it and load the data set again");
    });
    await Deno.remove(path);
    assert.deepEqual((await load("usps", hub)).train, TRAIN);
  });
});

Deno.test("hubOfEnvironment goes by the variables of the hub, XDG_CACHE_HOME and HOME", () => {
  const of = (variables: Record<string, string>) => hubOfEnvironment((name) => variables[name]);
  const home = { HOME: "/home/me" };
  assert.equal(of(home).cache, "/home/me/.cache/huggingface/hub");
  assert.match(of(home).endpoint, /^https:\/\/[^/]+$/);
  const cache = { ...home, XDG_CACHE_HOME: "/cache", HF_ENDPOINT: "" };
  assert.deepEqual(of(cache), { ...of(home), cache: "/cache/huggingface/hub" });
  const all = { ...cache, HF_HOME: "/hf", HF_ENDPOINT: "http://here:1234/" };
  assert.deepEqual(of(all), { endpoint: "http://here:1234", cache: "/hf/hub" });
  assert.equal(of({ ...all, HF_HUB_CACHE: "" }).cache, "/hf/hub");
  assert.equal(of({ ...all, HF_HUB_CACHE: "/elsewhere" }).cache, "/elsewhere");
});
