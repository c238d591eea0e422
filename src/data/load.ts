// Data sets by name: what a recipe's `dataset` may say.
import type { Dataset } from "./dataset.ts";
import { loadIdxDirectory } from "./idx_directory.ts";
import { loadMnist } from "./mnist.ts";

/**
 * Loads a data set: `mnist` is built in; any name is read from `options.dataDir` where it is given.
 *
 * @throws {RangeError} another name without a directory
 */
export async function loadDataset(
  name: string,
  options: { dataDir?: string } = {},
): Promise<Dataset> {
  const { dataDir } = options;
  if (dataDir !== undefined) return await loadIdxDirectory(dataDir, name);
  if (name === "mnist") return await loadMnist();
  throw new RangeError(
    `Cannot load data set ${name}: got no data directory, expected one for all but mnist, which ` +
      `is built in; give --data-dir with a directory of IDX files`,
  );
}
