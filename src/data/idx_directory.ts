// A directory with the four IDX files of MNIST or a data set in its layout, plain or gzip.
import type { Dataset } from "../sets/dataset.ts";
import { makeDataset } from "./make_dataset.ts";
import { type Idx, parseIdx } from "./idx.ts";
import type { Form } from "./image.ts";

/**
 * Loads the data set `name` from `train-images-idx3-ubyte`, `train-labels-idx1-ubyte`,
 * `t10k-images-idx3-ubyte` and `t10k-labels-idx1-ubyte` in `dir`, each plain or with `.gz`
 * (plain wins). For mean, std and classes see {@linkcode makeDataset}.
 *
 * @throws {Deno.errors.NotFound} no such directory, or a file missing in it
 * @throws {SyntaxError | RangeError} a file that is not IDX, or files that do not fit together
 */
export async function loadIdxDirectory(
  dir: string,
  name: string,
  form: Form = {},
): Promise<Dataset> {
  if (!await isDirectory(dir)) {
    throw new Deno.errors.NotFound(
      `Cannot read ${name}: got no directory ${dir}, expected one with the four IDX files; ` +
        `check --data-dir`,
    );
  }
  const [trainImages, trainLabels, testImages, testLabels] = await Promise.all([
    readIdx(dir, "train-images-idx3-ubyte", name),
    readIdx(dir, "train-labels-idx1-ubyte", name),
    readIdx(dir, "t10k-images-idx3-ubyte", name),
    readIdx(dir, "t10k-labels-idx1-ubyte", name),
  ]);
  return makeDataset(name, { trainImages, trainLabels, testImages, testLabels }, dir, form);
}

async function readIdx(dir: string, file: string, name: string): Promise<Idx> {
  for (const path of [`${dir}/${file}`, `${dir}/${file}.gz`]) {
    const bytes = await readIfPresent(path);
    if (bytes) return parseIdx(bytes, path);
  }
  throw new Deno.errors.NotFound(
    `Cannot read ${name}: got no ${file} in ${dir}, expected ${file} or ${file}.gz; ` +
      `put the file there or check --data-dir`,
  );
}

async function readIfPresent(path: string): Promise<Uint8Array | undefined> {
  try {
    return await Deno.readFile(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

async function isDirectory(path: string): Promise<boolean> {
  try {
    return (await Deno.stat(path)).isDirectory;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
