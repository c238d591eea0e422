// Which parquet files of a repository are the training and the test images of a data set.
import { shortened } from "../base/text.ts";

/** Paths of a set's files inside its repository, in order. */
export interface Shards {
  readonly train: readonly string[];
  readonly test: readonly string[];
}

/** What test images may be called; the first that is there is taken. */
export const TEST_SPLITS = ["test", "validation", "valid"];

const NAME = /^([\w.-]+(?:\/[\w.-]+)*)\/(\w+)-(\d{5})-of-(\d{5})(?:-[0-9a-f]+)?\.parquet$/;

/** Files of a split; a set that says it has more is not loaded. */
const MOST_SHARDS = 1000;

/** Files of a split by their number, and how many there should be. */
interface Split {
  readonly count: number;
  readonly paths: Map<number, string>;
}

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
    const found = shortened([...folders.keys()].join(", ")) || "no parquet files";
    return new RangeError(
      `Cannot load ${name}: got ${found}, expected ${folder ?? "one folder"} with training and ` +
        `test images, ${shardPath(folder ?? "FOLDER", "train", 0, 1)} and so on; name the folder ` +
        `as in hf:OWNER/NAME/FOLDER, or choose another set`,
    );
  }
  const [where, splits] = usable[0]!;
  const [train, test] = [splits.train!, splits.test!];
  for (const { count, paths } of [train, test]) {
    const got = count > MOST_SHARDS
      ? `${where} in ${count} files, expected at most ${MOST_SHARDS}`
      : paths.size < count
      ? `${where} without file ${firstMissing(paths)} of ${count}, expected all`
      : undefined;
    if (got !== undefined) {
      return new RangeError(`Cannot load ${name}: got ${got}; choose another set`);
    }
  }
  return { train: inOrder(train), test: inOrder(test) };
}

function firstMissing(paths: ReadonlyMap<number, string>): number {
  let index = 0;
  while (paths.has(index)) index++;
  return index;
}

function inOrder({ count, paths }: Split): string[] {
  return Array.from({ length: count }, (_, index) => paths.get(index)!);
}

/**
 * Shards by folder and split. A split may be there twice, cut into other numbers of shards, as in a
 * cache of two versions: the set that is complete counts.
 */
function byFolder(paths: readonly string[]): Map<string, Partial<Record<string, Split>>> {
  const folders = new Map<string, Partial<Record<string, Split>>>();
  const sets = new Map<string, Split>();
  for (const path of paths) {
    const [, folder, name, index, of] = NAME.exec(path) ?? [];
    if (folder === undefined || folder.split("/").includes("..")) continue;
    const count = Number(of);
    if (Number(index) >= count) continue;
    const splits = folders.get(folder) ?? {};
    folders.set(folder, splits);
    const key = `${folder}/${name}/${count}`;
    const split = sets.get(key) ?? { count, paths: new Map<number, string>() };
    sets.set(key, split);
    split.paths.set(Number(index), path);
    if (split.paths.size === count || splits[name!] === undefined) splits[name!] = split;
  }
  for (const splits of folders.values()) {
    const test = TEST_SPLITS.map((split) => splits[split]).find((split) => split);
    if (test) splits.test = test;
  }
  return folders;
}
