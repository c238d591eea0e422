// Which parquet files of a repository are the training and the test images of a data set.

/** Paths of a set's files inside its repository, in order. */
export interface Shards {
  readonly train: readonly string[];
  readonly test: readonly string[];
}

/** What test images may be called; the first that is there is taken. */
export const TEST_SPLITS = ["test", "validation", "valid"];

const NAME = /^([\w.-]+(?:\/[\w.-]+)*)\/(\w+)-(\d{5})-of-(\d{5})(?:-[0-9a-f]+)?\.parquet$/;

/** The naming convention: `CONFIG/SPLIT-00000-of-00002.parquet`. */
export function shardPath(config: string, split: string, index: number, count: number): string {
  const [i, n] = [index, count].map((value) => String(value).padStart(5, "0"));
  return `${config}/${split}-${i}-of-${n}.parquet`;
}

/**
 * Picks the files of `folder`, or of the only folder with training and test images, among `paths`;
 * other files do not matter. An error says why there is nothing to pick.
 */
export function chooseShards(
  paths: readonly string[],
  name: string,
  folder?: string,
): Shards | RangeError {
  const folders = byFolder(paths);
  const usable = [...folders].filter(([where, { train, test }]) =>
    train && test && (folder ?? where) === where
  );
  if (usable.length !== 1) {
    const found = [...folders.keys()].join(", ") || "no parquet files";
    return new RangeError(
      `Cannot load ${name}: got ${found}, expected ${folder ?? "one folder"} with training and ` +
        `test images, ${shardPath(folder ?? "FOLDER", "train", 0, 1)} and so on; name the folder ` +
        `as in hf:OWNER/NAME/FOLDER, or choose another set`,
    );
  }
  const [where, { train = [], test = [] }] = usable[0]!;
  for (const shards of [train, test]) {
    const missing = shards.indexOf("");
    if (missing < 0) continue;
    return new RangeError(
      `Cannot load ${name}: got ${where} without file ${missing} of ${shards.length}, expected ` +
        `all; choose another set`,
    );
  }
  return { train, test };
}

/**
 * Shards by folder and split, "" for one that is missing. A split may be there twice, cut into other
 * numbers of shards, as in a cache of two versions: the set that is complete counts.
 */
function byFolder(paths: readonly string[]): Map<string, Partial<Record<string, string[]>>> {
  const folders = new Map<string, Partial<Record<string, string[]>>>();
  const sets = new Map<string, string[]>();
  for (const path of paths) {
    const [, folder, split, index, count] = NAME.exec(path) ?? [];
    if (folder === undefined || folder.split("/").includes("..")) continue;
    const splits = folders.get(folder) ?? {};
    folders.set(folder, splits);
    const key = `${folder}/${split}/${count}`;
    const shards = sets.get(key) ?? new Array<string>(Number(count)).fill("");
    sets.set(key, shards);
    shards[Number(index)] = path;
    if (!shards.includes("") || splits[split!] === undefined) splits[split!] = shards;
  }
  for (const splits of folders.values()) {
    const test = TEST_SPLITS.map((split) => splits[split]).find((shards) => shards);
    if (test) splits.test = test;
  }
  return folders;
}
