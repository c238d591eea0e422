// loadImageFolder: classes from folders, PNG and JPEG, and what is missing or does not fit.
import assert from "node:assert/strict";
import { encode as encodeJpeg } from "jpeg-js";
import { loadImageFolder } from "../../src/data/image_folder.ts";
import { inTemporary } from "../support/temporary.ts";
import { pngOf, SHAPE } from "./parquet_files.ts";

const grey = (value: number) => pngOf(new Uint8Array(20).fill(value));

function jpegOf(value: number): Uint8Array {
  const { height, width } = SHAPE;
  const data = new Uint8Array(height * width * 4).fill(value);
  return new Uint8Array(encodeJpeg({ data, height, width }, 95).data);
}

const FILES: Record<string, Uint8Array> = {
  "train/cat/b.png": grey(20),
  "train/cat/a.png": grey(10),
  "train/bird/1.PNG": grey(30),
  "train/bird/notes.txt": Uint8Array.of(1),
  "train/.hidden/x.png": grey(99),
  "test/cat/z.png": grey(40),
};

/** Runs `body` in a folder with these files. */
async function withFiles(
  files: Record<string, Uint8Array | undefined>,
  body: (dir: string) => Promise<void>,
): Promise<void> {
  await inTemporary(async (dir) => {
    for (const [path, bytes] of Object.entries(files)) {
      if (!bytes) continue;
      await Deno.mkdir(`${dir}/${path.slice(0, path.lastIndexOf("/"))}`, { recursive: true });
      await Deno.writeFile(`${dir}/${path}`, bytes);
    }
    await body(dir);
  });
}

Deno.test("loadImageFolder numbers classes and images in the order of their names", async () => {
  await withFiles(FILES, async (dir) => {
    const dataset = await loadImageFolder(dir, "mine", {});
    const { train, test, classes, classNames, channels, height, width, mean } = dataset;
    assert.deepEqual(classNames, ["bird", "cat"]);
    assert.deepEqual({ channels, height, width }, SHAPE);
    assert.deepEqual([[...train.labels], [...test.labels], classes], [[0, 1, 1], [1], 2]);
    assert.deepEqual([0, 20, 40].map((at) => train.images[at]), [30, 10, 20]);
    assert.equal(test.images[0], 40);
    assert.ok(Math.abs(mean[0]! - 20 / 255) < 1e-12);
  });
});

Deno.test("loadImageFolder reads PNG and JPEG together once they have one form", async () => {
  const files = { ...FILES, "train/cat/c.jpeg": jpegOf(100), "train/cat/d.JPG": jpegOf(50) };
  await withFiles(files, async (dir) => {
    await assert.rejects(loadImageFolder(dir, "mine", {}), {
      name: "RangeError",
      message: /cat\/c\.jpeg: got an image of 3×4×5, expected 1×4×5 .*; set resize and channels/,
    });
    const { train } = await loadImageFolder(dir, "mine", { channels: 1 });
    assert.deepEqual([0, 20, 40, 60, 80].map((at) => train.images[at]), [30, 10, 20, 100, 50]);
    assert.equal((await loadImageFolder(dir, "mine", { size: 6, channels: 3 })).width, 6);
  });
});

Deno.test("loadImageFolder follows links, and says which lead nowhere", async () => {
  await withFiles(FILES, async (dir) => {
    const train = `${dir}/train/cat`;
    await Deno.mkdir(`${dir}/elsewhere`);
    await Deno.writeFile(`${dir}/elsewhere/1.png`, grey(50));
    await Deno.symlink(`${dir}/elsewhere`, `${dir}/train/dog`);
    await Deno.symlink("b.png", `${train}/c.png`);
    // What is no image whatever it is called: devices, pipes, folders that lead back.
    await Deno.symlink("/dev/zero", `${train}/zero.png`);
    await pipe(`${train}/pipe.png`);
    await Deno.symlink("pipe.png", `${train}/to_pipe.png`);
    await Deno.symlink("..", `${train}/up.png`);
    const { train: { labels, images }, classNames } = await loadImageFolder(dir, "mine", {});
    assert.deepEqual([classNames, [...labels]], [["bird", "cat", "dog"], [0, 1, 1, 1, 2]]);
    assert.deepEqual([20, 40, 60, 80].map((at) => images[at]), [10, 20, 20, 50]);
  });
  const lost: [target: string, link: string][] = [
    ["nowhere.png", "train/cat/x.png"],
    ["x.png", "train/cat/x.png"],
    ["nowhere", "test/cow"],
    ["cow", "test/cow"],
  ];
  for (const [target, link] of lost) {
    await withFiles(FILES, async (dir) => {
      await Deno.symlink(target, `${dir}/${link}`);
      await assert.rejects(loadImageFolder(dir, "mine", {}), {
        name: "NotFound",
        message:
          `Cannot read ${dir}/${link}: got a link that leads nowhere, expected one to a file ` +
          `or folder; remove it, or mount what it leads to`,
      });
    });
  }
});

Deno.test("loadImageFolder reads no file of gigabytes", async () => {
  await withFiles(FILES, async (dir) => {
    await Deno.truncate(`${dir}/train/cat/b.png`, 2 ** 40);
    await assert.rejects(loadImageFolder(dir, "mine", {}), {
      message:
        /cat\/b\.png: got 1\d+\.. .?B, expected an image of at most 256\.0 MB; leave it out$/,
    });
  });
});

/** Makes a named pipe, which nobody writes to, where there is a Python to do so. */
async function pipe(path: string): Promise<void> {
  const args = ["-c", "import os, sys; os.mkfifo(sys.argv[1])", path];
  await new Deno.Command("python3", { args }).output().catch(() => {});
}

Deno.test("loadImageFolder says what is missing, unknown or damaged", async () => {
  const jpeg = jpegOf(9);
  const cases: [Record<string, Uint8Array | undefined>, string, RegExp][] = [
    [{ "test/cat/z.png": undefined }, "NotFound", /\/test: got no such folder, expected folders, /],
    [{ "test/dog/z.png": grey(1) }, "RangeError", /\/test: got a class dog, expected those of the/],
    [{ "train/dog/a.txt": grey(1) }, "NotFound", /\/train\/dog: got none, expected PNG or JPEG fi/],
    [{ "train/cat/c.png": jpeg.slice(0, 90) }, "SyntaxError", /c\.png: got a damaged JPEG image/],
    [{ "train/cat/c.png": Uint8Array.of(7) }, "SyntaxError", /c\.png: got 1 bytes that start with/],
  ];
  for (const [changes, name, message] of cases) {
    await withFiles({ ...FILES, ...changes }, async (dir) => {
      await assert.rejects(loadImageFolder(dir, "mine", {}), { name, message });
    });
  }
  await assert.rejects(loadImageFolder("/nowhere/at/all", "mine", {}), {
    name: "NotFound",
    message:
      "Cannot read /nowhere/at/all/train: got no such folder, expected folders, one a class; " +
      "put images at train/CLASS/NAME.png and test/CLASS/NAME.png",
  });
  await withFiles({}, async (dir) => {
    await Deno.writeFile(`${dir}/train`, grey(1));
    await assert.rejects(loadImageFolder(dir, "mine", {}), { message: /\/train: got a file, exp/ });
  });
});
