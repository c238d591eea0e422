// The loaders: the built-in MNIST, directories of IDX files, and names that do not exist.
import assert from "node:assert/strict";
import { loadIdxDirectory } from "../../src/data/idx_directory.ts";
import { loadDataset } from "../../src/data/load.ts";
import { loadMnist } from "../../src/data/mnist.ts";
import { gzip, smallDataset } from "./idx_files.ts";

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

Deno.test("loadDataset takes any name from a directory, with statistics of its own", async () => {
  await inDirectory(smallDataset(), async (dataDir) => {
    const mine = await loadDataset("mine", { dataDir });
    assert.deepEqual([mine.name, mine.train.count], ["mine", 3]);
    assert.notDeepEqual(mine.mean, [0.1307]);
  });
});

Deno.test("loadDataset says what a name without a directory needs", async () => {
  const message = /Cannot load data set \w+: got no data directory, expected one .*--data-dir/;
  await assert.rejects(loadDataset("fashion_mnist"), { name: "RangeError", message });
  await assert.rejects(loadDataset("cifar10"), { name: "RangeError", message });
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
      await Deno.writeFile(`${dir}/${name}`, bytes);
    }
    await body(dir);
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
}
