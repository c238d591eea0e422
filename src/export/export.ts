// export: a finished run in a format that other programs read, written at once or not at all.
import { basename, dirname, join } from "node:path";
import { unzipSync } from "npm:fflate@0.8.3";
import { UsageError } from "../base/usage_error.ts";
import { whyUnwritten, writeAtomic } from "../base/atomic.ts";
import { PARQUET } from "./dataset_card.ts";
import { EXPORT_FORMAT, readDistilledSet } from "./distilled_set.ts";
import { huggingFace } from "./hugging_face.ts";
import { type Files, imageFolder } from "./image_folder.ts";
import { pytorch } from "./pytorch.ts";
import { encodeNpz, TRAINING } from "./npz.ts";

/** The formats of an export. */
export const EXPORT_FORMATS = ["npz", "folder", "hf", "pytorch"] as const;

/** One file for NumPy, a folder of PNGs, a repository of the Hugging Face hub, or a folder that PyTorch trains on. */
export type ExportFormat = typeof EXPORT_FORMATS[number];

/** The files of each format but npz, which is one. */
const FOLDERS = { folder: imageFolder, hf: huggingFace, pytorch };

/** Paths in an exported folder; a folder with any other file is not taken for an export. */
const OURS = new RegExp(
  `^(README\\.md|distilled\\.(json|safetensors)|metadata\\.jsonl|(network|train)\\.py|${PARQUET}|` +
    `\\d+(_[\\p{L}\\p{M}\\p{N}_]+)?/\\d+_\\d+\\.png)$`,
  "u",
);

/**
 * Writes the distilled images of the run in `dir` to `out`, in place of an earlier export if there
 * is one. The same run gives the same bytes.
 *
 * @returns the paths of the files written.
 * @throws UsageError when `out` is there and is no export, or the format cannot hold the images.
 * @throws Error when the run has no artifact or a damaged one, or `out` cannot be written.
 */
export async function exportArtifact(
  dir: string,
  format: ExportFormat,
  out: string,
): Promise<string[]> {
  const set = await readDistilledSet(dir);
  const path = join(dirname(out), basename(out)); // without a slash at its end
  await expectReplaceable(path, format);
  await Deno.mkdir(dirname(path), { recursive: true }).catch((error) => {
    throw unwritable(path, error);
  });
  if (format === "npz") {
    await writeAtomic(path, encodeNpz(set));
    return [path];
  }
  const files = FOLDERS[format](set);
  await writeFolder(path, files).catch((error) => {
    throw unwritable(path, error, sizeOf(files));
  });
  return Object.keys(files).map((name) => `${path}/${name}`);
}

/** Writes a folder under a temporary name, then lets it take the place of the one at `path`. */
async function writeFolder(path: string, files: Files): Promise<void> {
  const temporary = `${path}.${Deno.pid}-${crypto.randomUUID().slice(0, 8)}`;
  const [fresh, old] = [`${temporary}.tmp`, `${temporary}.old.tmp`];
  try {
    for (const [name, content] of Object.entries(files)) {
      await Deno.mkdir(dirname(`${fresh}/${name}`), { recursive: true });
      await writeAtomic(`${fresh}/${name}`, content);
    }
    const isThere = await statOf(path) !== undefined;
    if (isThere) await Deno.rename(path, old);
    await Deno.rename(fresh, path).catch(async (error) => {
      if (isThere) await Deno.rename(old, path);
      throw error;
    });
    if (isThere) await Deno.remove(old, { recursive: true });
  } catch (error) {
    await Deno.remove(fresh, { recursive: true }).catch(() => {}); // the first error matters
    throw error;
  }
}

/** Bytes of all files. */
function sizeOf(files: Files): number {
  const contents = Object.values(files).map((content) => new Blob([content as BlobPart]).size);
  return contents.reduce((sum, size) => sum + size, 0);
}

async function expectReplaceable(path: string, format: ExportFormat): Promise<void> {
  const stat = await statOf(path);
  if (stat === undefined) return;
  const isOurs = format === "npz" ? stat.isFile && await isNpz(path) : await isFolder(path);
  if (isOurs) return;
  throw new UsageError(
    `Cannot export to ${path}: got something that is no export as ${format}, expected a new path ` +
      `or an earlier export to replace; choose another --out`,
  );
}

async function isNpz(path: string): Promise<boolean> {
  try {
    const members = unzipSync(await Deno.readFile(path), {
      filter: ({ name }) => name === TRAINING,
    });
    return isTraining(new TextDecoder().decode(members[TRAINING]));
  } catch {
    return false; // no zip at all
  }
}

async function isFolder(path: string): Promise<boolean> {
  const names = await filesIn(path).catch((): string[] => []);
  if (!names.includes(TRAINING) || names.some((name) => !OURS.test(name))) return false;
  return isTraining(await Deno.readTextFile(`${path}/${TRAINING}`));
}

function isTraining(json: string): boolean {
  try {
    return JSON.parse(json).format === EXPORT_FORMAT;
  } catch {
    return false;
  }
}

/** Paths of all files below a folder. */
async function filesIn(folder: string, prefix = ""): Promise<string[]> {
  const found: string[] = [];
  for await (const { name, isDirectory } of Deno.readDir(folder)) {
    if (isDirectory) found.push(...await filesIn(`${folder}/${name}`, `${prefix}${name}/`));
    else found.push(`${prefix}${name}`);
  }
  return found;
}

async function statOf(path: string): Promise<Deno.FileInfo | undefined> {
  return await Deno.lstat(path).catch((error) => {
    if (!(error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory)) {
      throw error;
    }
    return undefined;
  });
}

/** Of a folder with files of `size` bytes in all; a file in it has failed under a temporary name. */
function unwritable(path: string, error: Error, size = 0): Error {
  const cause = (error.cause ?? error) as Error;
  const why = whyUnwritten(cause, size);
  return new Error(`Cannot export to ${path}: ${why}`, { cause });
}
