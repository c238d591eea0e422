// Data sets of the Hugging Face hub: their parquet files, from the cache or else downloaded into it.
import type { Dataset } from "../sets/dataset.ts";
import { makeDataset } from "./make_dataset.ts";
import { download, inspect, type Remote } from "./download.ts";
import { decodeSplit, type Encoded } from "./encoded.ts";
import { LIMITS, refused } from "./http.ts";
import { cachedFiles, type Hub, locate, REVISION } from "./hub_cache.ts";
import { listed } from "./hub_list.ts";
import type { Form } from "./image.ts";
import type { Idx } from "./idx.ts";
import { type ImageTable, openParquet } from "./parquet.ts";
import { chooseShards, shardPath, type Shards, TEST_SPLITS } from "./shards.ts";

/** A data set's place on the hub. */
export interface HubPlace {
  /** OWNER/NAME. */
  readonly repository: string;
  /** Folder of its parquet files; looked for when left out. */
  readonly folder?: string | undefined;
  /** Whether it is known to have one file for training and one for testing. */
  readonly isSingle?: boolean;
}

/** Places of the sets that have names. */
export const HUB_SETS: ReadonlyMap<string, HubPlace> = new Map(
  ([
    ["fashion_mnist", "zalando-datasets/fashion_mnist", "fashion_mnist"],
    ["cifar10", "uoft-cs/cifar10", "plain_text"],
    ["svhn", "ufldl-stanford/svhn", "cropped_digits"],
    ["usps", "flwrlabs/usps", "data"],
  ] as const).map(([name, repository, folder]) => [name, { repository, folder, isSingle: true }]),
);

/** Where files are by convention, and how many at most, when a server has no list of them. */
const USUAL_FOLDER = "data";
const MOST_SHARDS = 9;

/** Files that a message names. */
const MOST_DESCRIBED = 6;

/**
 * Loads a data set of the hub. What is not in the cache is downloaded; `onNote` hears of it.
 *
 * @throws {Error} a file that is not to be had; the message says what would be downloaded, and to
 *   where
 * @throws {SyntaxError | RangeError} damaged files, files of another kind, or unknown classes
 */
export async function loadHub(
  name: string,
  place: HubPlace,
  form: Form,
  hub: Hub,
  onNote: (line: string) => void,
): Promise<Dataset> {
  const { repository } = place;
  const { train, test } = await findShards(name, place, hub);
  await fetchMissing(name, repository, [...train, ...test], hub, onNote);
  const read = async (files: readonly string[]) => {
    const paths = await Promise.all(files.map((file) => locate(hub, repository, file)));
    return await readSplit(name, paths.map(({ path }) => path), form);
  };
  const [training, testing] = [await read(train), await read(test)];
  const files = {
    trainImages: training.images,
    trainLabels: training.labels,
    testImages: testing.images,
    testLabels: testing.labels,
  };
  const classes = training.classes ?? countClasses(name, training.labels);
  return makeDataset(name, files, name, { classes, classNames: training.classNames });
}

/** Known by name, else as they lie in the cache, else as the server lists them or by convention. */
async function findShards(name: string, place: HubPlace, hub: Hub): Promise<Shards> {
  const { repository, folder, isSingle } = place;
  if (isSingle) {
    const [train, test] = ["train", "test"].map((split) => shardPath(folder!, split, 0, 1));
    return { train: [train!], test: [test!] };
  }
  const cached = chooseShards(await cachedFiles(hub, repository), name, folder);
  if (!(cached instanceof Error)) return cached;
  const paths = await listed(repository, hub) ?? await conventional(place, hub);
  const chosen = chooseShards(paths, name, folder);
  if (chosen instanceof Error) throw chosen;
  return chosen;
}

/** The files that are where convention has them. */
async function conventional({ repository, folder }: HubPlace, hub: Hub): Promise<string[]> {
  const paths: string[] = [];
  for (const split of ["train", ...TEST_SPLITS]) {
    for (let count = 1; count <= MOST_SHARDS; count++) {
      const shards = Array.from(
        { length: count },
        (_, i) => shardPath(folder ?? USUAL_FOLDER, split, i, count),
      );
      if (!await inspect(addressOf(hub, repository, shards[0]!), hub.limits)) continue;
      paths.push(...shards);
      break;
    }
  }
  return paths;
}

function addressOf({ endpoint }: Hub, repository: string, file: string): string {
  return `${endpoint}/datasets/${repository}/resolve/${REVISION}/${file}`;
}

/** Downloads what the cache has not. */
async function fetchMissing(
  name: string,
  repository: string,
  files: readonly string[],
  hub: Hub,
  onNote: (line: string) => void,
): Promise<void> {
  const wanted: { url: string; path: string; remote?: Remote | undefined }[] = [];
  for (const file of files) {
    const { path, isThere } = await locate(hub, repository, file);
    if (!isThere) wanted.push({ url: addressOf(hub, repository, file), path });
  }
  const describe = ({ url, path, remote }: typeof wanted[number]) => {
    const size = remote?.size === undefined ? "" : ` (${(remote.size / 1e6).toFixed(1)} MB)`;
    return `${url}${size} to ${path}`;
  };
  const limits = hub.limits ?? LIMITS;
  try {
    let total = 0;
    for (const file of wanted) {
      file.remote = await inspect(file.url, limits);
      if (!file.remote) throw refused(file.url, "status 404", "200");
      total += file.remote.size ?? 0;
      if (total > limits.bytes) throw refused(file.url, ...asGigabytes(total, limits.bytes));
    }
    for (const file of wanted) {
      onNote(`Downloading ${describe(file)}`);
      await download(file.remote!, file.path, limits);
    }
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    const more = wanted.length - MOST_DESCRIBED;
    const files = wanted.slice(0, MOST_DESCRIBED).map(describe).join(", ");
    throw new Error(
      `${reason}. What ${name} needs: ${files}${more > 0 ? ` and ${more} more` : ""}. Put the ` +
        `files there, or let \`./retort data ${name}\` download them`,
      { cause },
    );
  }
}

function asGigabytes(got: number, most: number): [got: string, expected: string] {
  const [are, may] = [got, most].map((bytes) => `${(bytes / 1e9).toPrecision(3)} GB`);
  return [`${are} in all`, `at most ${may}`];
}

/** Images, labels, class count and names of files that belong together. */
async function readSplit(name: string, paths: readonly string[], form: Form) {
  using open = new DisposableStack();
  const tables: ImageTable[] = [];
  for (const path of paths) tables.push(open.use(await openParquet(path)));
  const count = tables.reduce((sum, table) => sum + table.count, 0);
  async function* rows(): AsyncGenerator<Encoded> {
    for (const table of tables) yield* table.rows();
  }
  const split = await decodeSplit(rows(), count, form, name);
  const { classes, classNames } = tables[0]!.columns; // of no table there would be no image
  return { ...split, classes, classNames };
}

/** How many classes training labels speak of: they must be 0…K − 1, none of them missing. */
function countClasses(name: string, { data }: Idx): number {
  const seen = new Set(data);
  const classes = Math.max(...seen) + 1;
  if (seen.size === classes) return classes;
  throw new RangeError(
    `Cannot load ${name}: got no class names in its files and ${seen.size} different training ` +
      `labels up to ${classes - 1}, expected all of 0…${classes - 1}; choose a set for image ` +
      `classification`,
  );
}
