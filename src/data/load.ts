// Data sets by name: what a recipe's `dataset` may say.
import { nearest } from "../base/nearest.ts";
import { loadCsv } from "./csv.ts";
import type { Dataset } from "../sets/dataset.ts";
import { HUB_SETS, type HubPlace, loadHub } from "./hub.ts";
import { hubOfEnvironment } from "./hub_cache.ts";
import { loadIdxDirectory } from "./idx_directory.ts";
import type { Form } from "./image.ts";
import { loadImageFolder } from "./image_folder.ts";
import { loadMnist } from "./mnist.ts";
import { loadMoons } from "./moons.ts";

/** Where a data set is read from, and what its images are brought to. */
export interface DatasetOptions {
  /** Folder of IDX files; whatever the name, the set is read from there. */
  readonly dataDir?: string | undefined;
  /** Rows and columns to resize images to; 0 or left out: as they are. */
  readonly resize?: number | undefined;
  /** Pixels of 0 to add on every side after resizing; none when left out. */
  readonly pad?: number | undefined;
  /** Colour channels to convert images to, 1 or 3; 0 or left out: as they are. */
  readonly channels?: 0 | 1 | 3 | undefined;
  /** Hears of each file that is downloaded, before it is. */
  readonly onNote?: (line: string) => void;
}

/** The error for a name that no data set has. */
export class UnknownDatasetError extends RangeError {
  /** Tells it apart from other range errors. */
  override readonly name = "UnknownDatasetError";
}

/**
 * Loads a data set by its name: `mnist` and `moons`, which are built in; `fashion_mnist`, `cifar10`, `svhn`,
 * `usps` and `hf:OWNER/NAME` (or `hf:OWNER/NAME/FOLDER`) of the Hugging Face hub, from its cache or
 * else downloaded; `folder:PATH`, a folder of images; `csv:PATH`, a table of numbers; any name with
 * `options.dataDir`.
 *
 * @throws {UnknownDatasetError} another name
 * @throws {RangeError} resize, pad or channels for a table
 * @throws {Error} files that are missing and not to be had, or damaged
 */
export async function loadDataset(name: string, options: DatasetOptions = {}): Promise<Dataset> {
  const { dataDir, resize, pad, channels, onNote = () => {} } = options;
  const form: Form = { size: resize || undefined, channels: channels || undefined, pad };
  if (dataDir !== undefined) return await loadIdxDirectory(dataDir, name, form);
  if (name === "mnist") return await loadMnist(form);
  if (name.startsWith("folder:")) {
    return await loadImageFolder(name.slice("folder:".length), name, form);
  }
  if (name === "moons" || name.startsWith("csv:")) {
    if (form.size || form.pad || form.channels) {
      throw new RangeError(
        `Cannot load data set ${name}: got resize, pad or channels, expected none of them for a ` +
          `table; leave them out`,
      );
    }
    return name === "moons" ? loadMoons() : await loadCsv(name.slice("csv:".length), name);
  }
  const place = HUB_SETS.get(name) ?? placeOf(name);
  if (place) return await loadHub(name, place, form, hubOfEnvironment(), onNote);
  throw new UnknownDatasetError(
    `Cannot load data set ${name}: got an unknown name, expected ${await expectedFor(name)}; ` +
      `for a folder of IDX files give --data-dir`,
  );
}

/** What a name that is none was meant to be, or all that there are. */
async function expectedFor(name: string): Promise<string> {
  const names = ["mnist", "moons", ...HUB_SETS.keys()];
  const isPath = !name.includes(":"); // else it says already what kind of name it is
  const stat = isPath && await Deno.stat(name).catch(() => undefined);
  if (stat) return `${stat.isDirectory ? "folder" : "csv"}:${name}`;
  return nearest(name, names) ?? `${names.join(", ")}, hf:OWNER/NAME, folder:PATH or csv:PATH`;
}

/** `hf:OWNER/NAME` and `hf:OWNER/NAME/FOLDER`. */
function placeOf(name: string): HubPlace | undefined {
  const [, repository, folder] =
    /^hf:(\w[\w.-]*\/\w[\w.-]*)(?:\/(\w[\w.-]*(?:\/\w[\w.-]*)*))?$/.exec(name) ?? [];
  return repository === undefined ? undefined : { repository, folder };
}
