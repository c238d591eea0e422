// A folder of images: train/CLASS/*.png and test/CLASS/*.png, or .jpg.
import type { Dataset } from "../sets/dataset.ts";
import { formatBytes } from "../base/bytes.ts";
import { shortened } from "../base/text.ts";
import { makeDataset } from "./make_dataset.ts";
import { decodeSplit, type Encoded, MOST_CLASSES } from "./encoded.ts";
import type { Form } from "./image.ts";

const IMAGE = /\.(png|jpe?g)$/i;

/** Bytes of an image file. */
const MOST_BYTES = 256 * 2 ** 20;

/**
 * Loads `dir`, whose folders `train` and `test` have a folder of PNG or JPEG files for each class.
 * Classes are called as train's folders and numbered in the order of their names; images are taken
 * in the order of theirs. Other files are left alone, devices and pipes among them.
 *
 * @throws {Deno.errors.NotFound} no `train` or `test`, a class without images, or a link that leads
 *   nowhere
 * @throws {RangeError} a class of `test` that `train` has not, too many classes, or images of
 *   different shapes
 * @throws {SyntaxError} a damaged image
 */
export async function loadImageFolder(dir: string, name: string, form: Form): Promise<Dataset> {
  const classes = await namesIn(`${dir}/train`, "isDirectory");
  if (classes.length > MOST_CLASSES) {
    throw new RangeError(
      `Cannot read ${dir}/train: got ${classes.length} classes, expected at most ` +
        `${MOST_CLASSES}; leave some out`,
    );
  }
  const [train, test] = [
    await readSplit(`${dir}/train`, classes, form),
    await readSplit(`${dir}/test`, classes, form),
  ];
  const files = {
    trainImages: train.images,
    trainLabels: train.labels,
    testImages: test.images,
    testLabels: test.labels,
  };
  return makeDataset(name, files, dir, { classes: classes.length, classNames: classes });
}

async function readSplit(dir: string, classes: readonly string[], form: Form) {
  const paths: { path: string; label: number }[] = [];
  for (const folder of await namesIn(dir, "isDirectory")) {
    const label = classes.indexOf(folder);
    if (label < 0) {
      throw new RangeError(
        `Cannot read ${dir}: got a class ${
          shortened(folder)
        }, expected those of the training images, ` +
          `${shortened(classes.join(", "))}; rename or remove the folder`,
      );
    }
    const images = await namesIn(`${dir}/${folder}`, "isFile", IMAGE);
    paths.push(...images.map((image) => ({ path: `${dir}/${folder}/${image}`, label })));
  }
  async function* files(): AsyncGenerator<Encoded> {
    for (const { path, label } of paths) {
      yield { bytes: await readImage(path), label, source: path };
    }
  }
  return await decodeSplit(files(), paths.length, form, dir);
}

async function readImage(path: string): Promise<Uint8Array> {
  const { size } = await Deno.stat(path);
  if (size <= MOST_BYTES) return await Deno.readFile(path);
  throw new RangeError(
    `Cannot read ${path}: got ${formatBytes(size)}, expected an image of at most ` +
      `${formatBytes(MOST_BYTES)}; leave it out`,
  );
}

/** Names of the folders or files in `dir` that match, in order; there must be one. */
async function namesIn(
  dir: string,
  kind: "isDirectory" | "isFile",
  pattern = /^[^.]/,
): Promise<string[]> {
  const what = kind === "isDirectory" ? "folders, one a class" : "PNG or JPEG files";
  const fail = (got: string) =>
    new Deno.errors.NotFound(
      `Cannot read ${dir}: got ${got}, expected ${what}; put images at ` +
        `train/CLASS/NAME.png and test/CLASS/NAME.png`,
    );
  const entries = await Array.fromAsync(Deno.readDir(dir)).catch((error) => {
    if (error instanceof Deno.errors.NotFound) throw fail("no such folder");
    throw error instanceof Deno.errors.NotADirectory ? fail("a file") : error;
  });
  const names: string[] = [];
  for (const entry of entries) {
    if (!pattern.test(entry.name)) continue;
    const { [kind]: isWanted } = entry.isSymlink ? await leadsTo(`${dir}/${entry.name}`) : entry;
    if (isWanted) names.push(entry.name);
  }
  names.sort();
  if (names.length === 0) throw fail("none");
  return names;
}

/** What a link leads to. @throws {Deno.errors.NotFound} where it leads nowhere, or to itself */
async function leadsTo(path: string): Promise<Deno.FileInfo> {
  return await Deno.stat(path).catch((cause) => {
    throw new Deno.errors.NotFound(
      `Cannot read ${path}: got a link that leads nowhere, expected one to a file or folder; ` +
        `remove it, or mount what it leads to`,
      { cause },
    );
  });
}
