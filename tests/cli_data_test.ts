// cli_data_test: data sets of the hub and folders on the command line, with the fewest permissions.
import assert from "node:assert/strict";
import { readArtifact } from "../mod.ts";
import { HUB_SETS } from "../src/data/hub.ts";
import { resolved, serveHub } from "./data/hub_server.ts";
import { parquetOf, pngOf, smallSplit } from "./data/parquet_files.ts";
import { inTemporary } from "./support/temporary.ts";
import { SMALL_ARCH } from "./support/runs.ts";
import { CACHE_PERMISSION, retort } from "./support/command.ts";

/** What the classes of that hub's set are called. */
const NAMES = [..."abcdefghij"];

/** Runs `body` with a hub that has a small `usps`, and with a command line that knows of it. */
async function withUsps(
  body: (
    dir: string,
    command: (args: string[], ...permissions: string[]) => ReturnType<typeof retort>,
    host: string,
  ) => Promise<void>,
): Promise<void> {
  const { repository, folder } = HUB_SETS.get("usps")!;
  const path = (split: string) => resolved(repository, `${folder}/${split}-00000-of-00001.parquet`);
  const features = { label: { _type: "ClassLabel", names: NAMES } };
  const files = {
    [path("train")]: parquetOf(smallSplit(24, 10), { features }),
    [path("test")]: parquetOf(smallSplit(10, 10)),
  };
  await inTemporary(async (dir) => {
    await using hub = serveHub("hub", files);
    const env = { HF_ENDPOINT: hub.endpoint, HF_HUB_CACHE: "", HF_HOME: `${dir}/hf` };
    const command = (args: string[], ...permissions: string[]) =>
      retort(args, { permissions, env });
    await body(dir, command, new URL(hub.endpoint).host);
  });
}

Deno.test("data downloads a set; distill and evaluate then need no network", async () => {
  await withUsps(async (dir, command, host) => {
    const fetched = await command(["data", "usps"], CACHE_PERMISSION, `--allow-net=${host}`);
    assert.deepEqual([fetched.code, fetched.out], [
      0,
      "usps: 24 training and 10 test images of 1×4×5, 10 classes\n" +
      "Normalised by mean 0.1597 and std 0.2573\n",
    ]);
    assert.match(fetched.err, /^Downloading \S+ \(0\.0 MB\) to \S+\nDownloading \S+ .*\n$/);

    const form = ["--set", "resize=20", "--set", "pad=4", "--set", "augment=crop-flip"];
    const sizes = ["--set", "steps=1", "--batch", "16", "--iterations", "2", ...SMALL_ARCH];
    const run = ["distill", "--dataset", "usps", ...form, ...sizes, "--out", `${dir}/run`];
    const distilled = await command([...run, "--quiet"], CACHE_PERMISSION);
    assert.deepEqual([distilled.code, distilled.err], [0, ""]);
    const { metadata, images } = await readArtifact(`${dir}/run`);
    assert.deepEqual([metadata.resize, metadata.pad, images.shape], ["20", "4", [20, 1, 28, 28]]);
    assert.equal(metadata.class_names, JSON.stringify(NAMES));
    const evaluated = await command(["evaluate", `${dir}/run`, "--json"], CACHE_PERMISSION);
    assert.equal(evaluated.code, 0, evaluated.err);
    const { dataset, after } = JSON.parse(evaluated.out);
    assert.equal(dataset, "usps");
    assert.ok(after.mean >= 0 && after.mean <= 1);
  });
});

Deno.test("without permissions a set that is not there: what to allow, download and where", async () => {
  await withUsps(async (dir, command, host) => {
    const noCache = await command(["data", "usps"]);
    assert.equal(noCache.code, 1);
    assert.match(noCache.err, /^Cannot find the cache of data sets: got no permission \(.*HF_/);
    assert.ok(noCache.err.includes(CACHE_PERMISSION));
    assert.equal(noCache.err.split("\n").length, 2);

    const noNet = await command(["distill", "--dataset", "usps"], CACHE_PERMISSION);
    assert.equal(noNet.code, 1);
    const file = (split: string) => `data/${split}-00000-of-00001.parquet`;
    const needs = ["train", "test"].map((split) =>
      `http://${host}/datasets/flwrlabs/usps/resolve/main/${file(split)} to ` +
      `${dir}/hf/hub/datasets--flwrlabs--usps/snapshots/main/${file(split)}`
    );
    assert.match(
      noNet.err,
      /^Cannot download http:\S+: got no permission \(.*\), expected --allow-net/,
    );
    assert.ok(noNet.err.includes(`What usps needs: ${needs.join(", ")}. Put the files`), noNet.err);
    assert.ok(noNet.err.endsWith("or let `./retort data usps` download them\n"));
  });
});

Deno.test("data reads folders of images; a set that does not exist is bad usage", async () => {
  await inTemporary(async (dir) => {
    for (const [path, value] of [["train/a", 5], ["train/b", 9], ["test/a", 7]] as const) {
      await Deno.mkdir(`${dir}/${path}`, { recursive: true });
      await Deno.writeFile(`${dir}/${path}/1.png`, pngOf(new Uint8Array(20).fill(value)));
    }
    const { code, out } = await retort(["data", `folder:${dir}`, "--resize", "3", "--json"]);
    const { mean, std, ...rest } = JSON.parse(out);
    const planes = { channels: 1, height: 3, width: 3 };
    const dataset = `folder:${dir}`;
    const class_names = ["a", "b"];
    assert.deepEqual([code, rest], [
      0,
      { dataset, ...planes, classes: 2, class_names, train: 2, test: 1 },
    ]);
    assert.ok(Math.abs(mean[0] - 7 / 255) < 1e-12 && Math.abs(std[0] - 2 / 255) < 1e-12);
  });
  const unknown = await retort(["distill", "--dataset", "mine"]);
  assert.deepEqual([unknown.code, unknown.out], [2, ""]);
  assert.match(
    unknown.err,
    /^Cannot load data set mine: got an unknown name, expected mnist, .*\n$/,
  );
  const bad = await retort(["data", "mnist", "--channels", "2"]);
  assert.deepEqual([bad.code, bad.out], [2, ""]);
  assert.match(bad.err, /channels/);
});

const MOONS = new URL("../examples/moons", import.meta.url).pathname;

Deno.test("a table on the command line: described, distilled and evaluated", async () => {
  await inTemporary(async (dir) => {
    const described = await retort(["data", `csv:${MOONS}`]);
    assert.deepEqual([described.code, described.out.split("\n")[0]], [
      0,
      `csv:${MOONS}: 1005 training and 495 test rows of 2 columns (x, y), 2 classes`,
    ]);
    const network = ["--arch", "[{dense: 8}, relu, {dense: classes}]"];
    const sizes = ["--batch", "64", "--iterations", "3", "--set", "steps=2"];
    const table = ["distill", "--dataset", `csv:${MOONS}`, ...sizes, "--quiet"];
    const { code, out, err } = await retort([...table, ...network, "--out", `${dir}/run`]);
    assert.deepEqual([code, err], [0, ""]);
    assert.ok(out.includes(`Picture ${dir}/run/images.png\n`));
    const rows = (await Deno.readTextFile(`${dir}/run/distilled.csv`)).trimEnd().split("\n");
    assert.match(rows[0]!, /^x,y,label/);
    assert.equal(rows.length, 1 + 2 * 2 * 2); // steps, classes, rows of a class
    const evaluated = await retort(["evaluate", `${dir}/run`, "--json"]);
    assert.equal(evaluated.code, 0, evaluated.err);
    assert.ok(out.includes(`${(100 * JSON.parse(evaluated.out).after.mean).toFixed(1)} % after`));

    const lenet = await retort([...table, "--out", `${dir}/lenet`]);
    assert.equal(lenet.code, 2);
    assert.match(lenet.err, /^Cannot distil csv:.*; or set arch to dense layers, such as \[{dense/);
    const resized = await retort([...table, ...network, "--set", "resize=2"]);
    assert.equal(resized.code, 2);
    assert.match(resized.err, /resize: got 2, expected 0, since the rows of a table are no images/);
  });
});

Deno.test("a table that cannot be read: exit status 1, its file, row and column", async () => {
  await inTemporary(async (dir) => {
    await Deno.writeTextFile(`${dir}/all.csv`, "height,label\n170,a\nn/a,b\n");
    const { code, out, err } = await retort(["data", `csv:${dir}/all.csv`]);
    assert.deepEqual([code, out], [1, ""]);
    assert.equal(
      err,
      `Cannot read ${dir}/all.csv, row 3: got "n/a" in column height, expected a number; correct ` +
        "it, or leave out the row or the column\n",
    );
  });
});
