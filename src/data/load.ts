// Data sets by name: what a recipe's `dataset` may say.
import type { Dataset } from "./dataset.ts";
import { loadIdxDirectory } from "./idx_directory.ts";
import { loadMnist } from "./mnist.ts";

const DIRECTORY_NAMES = ["mnist", "fashion_mnist"];

/**
 * Loads a data set: `mnist` is built in; `mnist` and `fashion_mnist` are read from
 * `options.dataDir` where it is given.
 *
 * @throws {RangeError} an unknown name, or `fashion_mnist` without a directory
 */
export function loadDataset(name: string, options: { dataDir?: string } = {}): Promise<Dataset> {
  const { dataDir } = options;
  if (dataDir === undefined && name === "mnist") return loadMnist();
  if (dataDir !== undefined && DIRECTORY_NAMES.includes(name)) {
    return loadIdxDirectory(dataDir, name);
  }
  const got = dataDir === undefined ? "no data directory" : `data directory ${dataDir}`;
  return Promise.reject(
    new RangeError(
      `Cannot load data set ${name}: got ${got}, expected mnist (built in) or one of ` +
        `${DIRECTORY_NAMES.join(", ")} from a directory of IDX files; ` +
        `give --data-dir and one of these names`,
    ),
  );
}
