// Parquet files of labelled images as the Hugging Face hub has them: a column of images, each
// {bytes, path}, and a column of integer labels.
import { type AsyncBuffer, type FileMetaData, parquetMetadataAsync } from "npm:hyparquet@1.31.5";
import { parquetReadObjects, parquetSchema } from "npm:hyparquet@1.31.5";
import type { Encoded } from "./encoded.ts";
import { DECOMPRESSORS, expectPages, expectRows } from "./parquet_pages.ts";

/** Where a file has its images and labels, and what it says of the labels. */
export interface Columns {
  /** Name of the column of images. */
  readonly image: string;
  /** Name of the column of labels. */
  readonly label: string;
  /** How many classes the file's metadata speak of, if they do. */
  readonly classes: number | undefined;
  /** What they say that the classes are called, not checked. */
  readonly classNames: unknown;
}

/** A parquet file of labelled images, open for reading. */
export interface ImageTable extends Disposable {
  readonly path: string;
  readonly columns: Columns;
  /** How many images. */
  readonly count: number;
  /** The images in the order of the file, a row group in memory at a time. */
  rows(): AsyncGenerator<Encoded>;
}

/** Names that labels go by, the preferred ones first; CIFAR-100 has fine and coarse labels. */
const LABEL_NAMES = ["label", "labels", "fine_label"];
const IMAGE_NAMES = ["image", "img"];

/**
 * Opens a parquet file.
 *
 * @throws {SyntaxError} a damaged file, or one without images or labels; `rows` may throw it too
 */
export async function openParquet(path: string): Promise<ImageTable> {
  const file = await Deno.open(path);
  try {
    const buffer = bufferOf(file, (await file.stat()).size);
    const metadata = await whole(path, readMetadata(buffer));
    const columns = findColumns(metadata, path);
    return {
      path,
      columns,
      count: Number(metadata.num_rows),
      rows: () => readRows(path, buffer, metadata, columns),
      [Symbol.dispose]: () => file.close(),
    };
  } catch (error) {
    file.close();
    throw error;
  }
}

async function readMetadata(buffer: AsyncBuffer): Promise<FileMetaData> {
  const metadata = await parquetMetadataAsync(buffer);
  expectRows(metadata);
  parquetSchema(metadata); // fails where a column has not the children that it tells
  return metadata;
}

/** Reads in one go, since the parts of a row group are asked for all at once. */
function bufferOf(file: Deno.FsFile, byteLength: number): AsyncBuffer {
  return {
    byteLength,
    slice(start, end = byteLength) {
      const bytes = new Uint8Array(end - start);
      file.seekSync(start, Deno.SeekMode.Start);
      for (let at = 0; at < bytes.length;) {
        const read = file.readSync(bytes.subarray(at));
        if (read === null) throw new Error(`no byte ${start + at}`);
        at += read;
      }
      return bytes.buffer;
    },
  };
}

async function* readRows(
  path: string,
  file: AsyncBuffer,
  metadata: FileMetaData,
  { image, label }: Columns,
): AsyncGenerator<Encoded> {
  let row = 0;
  for (const group of metadata.row_groups) {
    const [rowStart, rowEnd] = [row, row + Number(group.num_rows)];
    const columns = [image, label];
    await whole(path, expectPages(file, metadata, group, columns));
    const range = { columns, rowStart, rowEnd };
    const options = { file, metadata, ...range, compressors: DECOMPRESSORS, utf8: false };
    for (const values of await whole(path, parquetReadObjects(options))) {
      const source = `${path}, row ${row++}`;
      const bytes = values[image]?.bytes;
      if (!(bytes instanceof Uint8Array)) {
        throw new SyntaxError(
          `Cannot read ${source}: got no bytes in its column ${image}, expected an image file; ` +
            `choose a set that holds its images`,
        );
      }
      yield { bytes, label: labelOf(values[label]), source };
    }
  }
}

/** A label as a number; NaN, which is no class, for one that is missing. */
function labelOf(value: unknown): number {
  return typeof value === "bigint" || typeof value === "number" ? Number(value) : NaN;
}

interface Feature {
  readonly _type?: string;
  readonly names?: unknown;
  readonly num_classes?: number;
}

function findColumns(metadata: FileMetaData, path: string): Columns {
  const features = featuresOf(metadata);
  const { children } = parquetSchema(metadata);
  const names = children.map(({ element }) => element.name);
  const typed = (type: string) => names.filter((name) => features[name]?._type === type);
  const images = children.filter((column) =>
    column.children.some(({ element }) => element.name === "bytes")
  ).map(({ element }) => element.name);
  const labels = children.filter(({ element }) => /^INT(32|64)$/.test(element.type ?? ""))
    .map(({ element }) => element.name);
  const image = choose([typed("Image"), images], IMAGE_NAMES);
  const label = choose([typed("ClassLabel"), labels], LABEL_NAMES);
  if (image === undefined || label === undefined) {
    throw new SyntaxError(
      `Cannot read ${path}: got columns ${
        names.join(", ")
      }, expected one of images {bytes, path} ` +
        `and one of integer labels; choose a set for image classification`,
    );
  }
  const { names: classNames, num_classes: count } = features[label] ?? {};
  const classes = Array.isArray(classNames) ? classNames.length : count;
  return { image, label, classes, classNames };
}

/** Of the first list that is not empty, its only name or the most preferred. */
function choose(lists: string[][], preferred: readonly string[]): string | undefined {
  const names = lists.find((list) => list.length > 0) ?? [];
  return names.length === 1 ? names[0] : preferred.find((name) => names.includes(name));
}

/** What the `datasets` library writes of each column, by name. */
function featuresOf({ key_value_metadata: entries = [] }: FileMetaData): Record<string, Feature> {
  const text = entries.find(({ key }) => key === "huggingface")?.value;
  try {
    return JSON.parse(text ?? "{}").info?.features ?? {};
  } catch {
    return {}; // not written by that library: the schema must do
  }
}

async function whole<T>(path: string, reading: Promise<T>): Promise<T> {
  try {
    return await reading;
  } catch (cause) {
    throw new SyntaxError(
      `Cannot read ${path}: got a damaged parquet file, expected a whole one; delete it and load ` +
        `the data set again`,
      { cause },
    );
  }
}
