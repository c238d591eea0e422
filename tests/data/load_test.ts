// The loaders: the built-in MNIST, directories of IDX files, and names that do not exist.
import assert from "node:assert/strict";
import { dirname } from "node:path";
import { loadIdxDirectory } from "../../src/data/idx_directory.ts";
import { fit } from "../../src/data/image.ts";
import { loadDataset, UnknownDatasetError } from "../../src/data/load.ts";
import { loadMnist } from "../../src/data/mnist.ts";
import { gzip, smallDataset } from "./idx_files.ts";
import { parquetOf, pngOf, smallSplit } from "./parquet_files.ts";

Deno.test("loadMnist holds the 70 000 published digits", async () => {
  const { train, test, ...rest } = await loadMnist();
  assert.deepEqual(rest, {
    name: "mnist",
    channels: 1,
    height: 28,
    width: 28,
    classes: 10,
    mean: [0.1307],
    std: [0.3081],
  });
  assert.deepEqual([train.count, train.images.length], [60000, 60000 * 784]);
  assert.deepEqual([test.count, test.images.length], [10000, 10000 * 784]);
  const histogram = new Array<number>(10).fill(0);
  for (const label of train.labels) histogram[label]! += 1;
  assert.deepEqual(histogram, [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]);
});

Deno.test("loadDataset takes mnist built in, or from a directory", async () => {
  assert.equal((await loadDataset("mnist")).train.count, 60000);
  await inDirectory(smallDataset(), async (dataDir) => {
    const mnist = await loadDataset("mnist", { dataDir });
    assert.deepEqual([mnist.name, mnist.train.count, mnist.mean[0]], ["mnist", 3, 0.1307]);
    const fashion = await loadDataset("fashion_mnist", { dataDir });
    assert.deepEqual([fashion.classes, fashion.mean, fashion.std], [10, [0.2860], [0.3530]]);
  });
});

Deno.test("loadDataset has the 1005 and 495 points of the moons, normalised as the table that they are", async () => {
  const moons = await loadDataset("moons");
  assert.deepEqual(
    { ...moons, name: "csv:examples/moons" },
    await loadDataset("csv:examples/moons"),
  );
  const { train, test, ...rest } = moons;
  assert.deepEqual([rest.name, rest.classes, rest.channels, rest.columns], ["moons", 2, 2, [
    "x",
    "y",
  ]]);
  assert.deepEqual([train.count, test.count], [1005, 495]);
  const message =
    "Cannot load data set moons: got resize, pad or channels, expected none of them for a " +
    "table; leave them out";
  await assert.rejects(loadDataset("moons", { resize: 8 }), { name: "RangeError", message });
});

Deno.test("loadDataset takes any name from a directory, with statistics of its own", async () => {
  await inDirectory(smallDataset(), async (dataDir) => {
    const mine = await loadDataset("mine", { dataDir });
    assert.deepEqual([mine.name, mine.train.count], ["mine", 3]);
    assert.notDeepEqual(mine.mean, [0.1307]);
  });
});

Deno.test("loadDataset refuses a name that no data set has", async () => {
  for (const name of ["mine", "hf:owner", "hf:../..", "hf:o/n/../x", "HF:o/n"]) {
    await assert.rejects(loadDataset(name), (error: Error) => {
      assert.ok(error instanceof UnknownDatasetError && error instanceof RangeError);
      const start =
        `Cannot load data set ${name}: got an unknown name, expected mnist, moons, fashion_mnist`;
      return error.message.startsWith(start) && error.message.endsWith("IDX files give --data-dir");
    });
  }
});

Deno.test("loadDataset brings MNIST to three channels and another size, with its statistics", async () => {
  const plain = await loadDataset("mnist");
  const { train, test, ...rest } = await loadDataset("mnist", { channels: 3, resize: 32 });
  assert.deepEqual(rest, {
    name: "mnist",
    channels: 3,
    height: 32,
    width: 32,
    classes: 10,
    mean: [0.1307, 0.1307, 0.1307],
    std: [0.3081, 0.3081, 0.3081],
  });
  assert.deepEqual([train.images.length, test.images.length], [60000 * 3072, 10000 * 3072]);
  const data = Uint8Array.from(plain.test.images.subarray(0, 784));
  const image = { channels: 1, height: 28, width: 28, data };
  const wanted = fit(image, { size: 32 }).data;
  for (const c of [0, 1, 2]) {
    assert.deepEqual(test.images.slice(1024 * c, 1024 * (c + 1)), wanted);
  }
  assert.equal((await loadDataset("mnist", { channels: 0, resize: 0 })).width, 28);
});

Deno.test("loadDataset pads every image of a directory, whose statistics are those of the result", async () => {
  await inDirectory(smallDataset(), async (dataDir) => {
    const { train, test, height, width, mean } = await loadDataset("mine", { dataDir, pad: 2 });
    assert.deepEqual([height, width, train.images.length], [6, 7, 3 * 42]);
    assert.deepEqual([...test.images.slice(42 + 2 * 7 + 2, 42 + 2 * 7 + 5)], [60, 70, 80]);
    assert.equal([...test.images].reduce((sum, byte) => sum + byte, 0), 10 * 66);
    assert.ok(Math.abs(mean[0]! - 10 * 153 / (3 * 42) / 255) < 1e-12);
  });
});

Deno.test("loadDataset takes folder:PATH, and sets of the hub from its cache", async () => {
  const split = smallSplit(6);
  const files = {
    "hf/hub/datasets--o--n/snapshots/main/data/train-00000-of-00001.parquet": parquetOf(split),
    "hf/hub/datasets--o--n/snapshots/main/data/test-00000-of-00001.parquet": parquetOf(split),
    "mine/train/a/1.png": pngOf(split.images.slice(0, 20)),
    "mine/test/a/1.png": pngOf(split.images.slice(20, 40)),
  };
  await inDirectory(files, async (dir) => {
    const folder = await loadDataset(`folder:${dir}/mine`);
    assert.deepEqual([folder.name, folder.train.count], [`folder:${dir}/mine`, 1]);
    const saved = Deno.env.get("HF_HUB_CACHE");
    Deno.env.set("HF_HUB_CACHE", `${dir}/hf/hub`);
    try {
      for (const name of ["hf:o/n", "hf:o/n/data"]) {
        assert.deepEqual((await loadDataset(name)).train, split);
      }
    } finally {
      if (saved === undefined) Deno.env.delete("HF_HUB_CACHE");
      else Deno.env.set("HF_HUB_CACHE", saved);
    }
  });
});

Deno.test("loadIdxDirectory reads plain and gzip files, plain first", async () => {
  const files = smallDataset();
  const images = "train-images-idx3-ubyte";
  const mixed: Record<string, Uint8Array> = {
    ...files,
    [`${images}.gz`]: await gzip(files[images]!),
    "train-labels-idx1-ubyte.gz": Uint8Array.of(1, 2, 3), // not read: the plain file wins
  };
  delete mixed[images];
  await inDirectory(mixed, async (dir) => {
    const { train, test, height, width, channels, classes, mean } = await loadIdxDirectory(
      dir,
      "x",
    );
    assert.deepEqual([channels, height, width, classes], [1, 2, 3, 10]);
    assert.deepEqual([...train.images], Array.from({ length: 18 }, (_, index) => 10 * index));
    assert.deepEqual([[...train.labels], [...test.labels]], [[4, 0, 9], [7, 1]]);
    assert.ok(Math.abs(mean[0]! - 85 / 255) < 1e-12);
  });
});

Deno.test("loadIdxDirectory names the directory or the file it did not find", async () => {
  await assert.rejects(loadIdxDirectory("/nowhere/at/all", "mnist"), {
    name: "NotFound",
    message: /^Cannot read mnist: got no directory \/nowhere\/at\/all, expected one with/,
  });
  for (const file of Object.keys(smallDataset())) {
    const { [file]: _missing, ...rest } = smallDataset();
    await inDirectory(rest, async (dir) => {
      await assert.rejects(loadIdxDirectory(dir, "mnist"), (error: Error) => {
        const start =
          `Cannot read mnist: got no ${file} in ${dir}, expected ${file} or ${file}.gz;`;
        return error.name === "NotFound" && error.message.startsWith(start);
      });
      await assert.rejects(loadIdxDirectory(`${dir}/${Object.keys(rest)[0]}`, "mnist"), {
        message: /got no directory/,
      });
    });
  }
});

Deno.test("loadIdxDirectory names the broken file", async () => {
  const files = { ...smallDataset(), "t10k-labels-idx1-ubyte": Uint8Array.of(0, 0, 9, 1) };
  await inDirectory(files, async (dir) => {
    await assert.rejects(loadIdxDirectory(dir, "mnist"), {
      name: "SyntaxError",
      message: /Cannot read .*\/t10k-labels-idx1-ubyte: got the element type 0x09/,
    });
  });
});

async function inDirectory(
  files: Record<string, Uint8Array>,
  body: (dir: string) => Promise<void>,
): Promise<void> {
  const dir = await Deno.makeTempDir();
  try {
    for (const [name, bytes] of Object.entries(files)) {
      await Deno.mkdir(dirname(`${dir}/${name}`), { recursive: true });
      await Deno.writeFile(`${dir}/${name}`, bytes);
    }
    await body(dir);
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
}
