// Parquet files for tests, as the hub has them: images as {bytes, path} and integer labels.
import { encode as encodePng } from "fast-png";
import type { SchemaElement } from "hyparquet";
import { parquetWriteBuffer } from "hyparquet-writer";
import type { ByteSplit } from "../../src/sets/dataset.ts";

/** How a file differs from the usual one. */
export interface TableOptions {
  /** Name of the column of images. */
  readonly image?: string;
  /** Columns of labels by name; that of the split, called `label`, when left out. */
  readonly labels?: Record<string, readonly (number | null)[]>;
  /** What the `datasets` library would write of the columns. */
  readonly features?: unknown;
  /** All that this library would write, word for word, in place of `features`. */
  readonly huggingface?: string;
  /** Image files, one a row; PNGs of the split's when left out. */
  readonly files?: readonly Uint8Array[];
  /** Other compression than Snappy. */
  readonly compression?: Pick<Parameters<typeof parquetWriteBuffer>[0], "codec" | "compressors">;
}

/** Height, width and channels of a test image. */
export const SHAPE = { height: 4, width: 5, channels: 1 };

/** `count` images of 4 × 5 pixels, of which no two are alike, of `classes` classes in turn. */
export function smallSplit(count: number, classes = 3): ByteSplit {
  const size = SHAPE.height * SHAPE.width;
  return {
    images: Uint8Array.from(
      { length: count * size },
      (_, i) => (i * 37 + Math.floor(i / size)) % 251,
    ),
    labels: Uint8Array.from({ length: count }, (_, n) => n % classes),
    count,
  };
}

/** A PNG file of interleaved pixels. */
export function pngOf(data: Uint8Array, { height, width, channels } = SHAPE): Uint8Array {
  return encodePng({ data, height, width, channels, depth: 8 });
}

/** A parquet file of a split, in row groups of three. */
export function parquetOf(split: ByteSplit, options: TableOptions = {}): Uint8Array<ArrayBuffer> {
  const { image = "image", features, compression } = options;
  const size = split.images.length / split.count;
  const files = options.files ??
    Array.from(
      { length: split.count },
      (_, n) => pngOf(split.images.slice(n * size, n * size + size)),
    );
  const labels = Object.entries(options.labels ?? { label: [...split.labels] });
  const schema: SchemaElement[] = [
    { name: "schema", num_children: 1 + labels.length },
    { name: image, repetition_type: "OPTIONAL", num_children: 2 },
    { name: "bytes", repetition_type: "OPTIONAL", type: "BYTE_ARRAY" },
    { name: "path", repetition_type: "OPTIONAL", type: "BYTE_ARRAY", converted_type: "UTF8" },
    ...labels.map(([name]) => ({ name, repetition_type: "OPTIONAL", type: "INT64" } as const)),
  ];
  const rows = files.map((bytes, n) => ({ bytes, path: `${n}.png` }));
  const columns = labels.map(([name, values]) => ({
    name,
    data: values.map((value) => value === null ? null : BigInt(value)),
  }));
  const metadata = options.huggingface ??
    (features === undefined ? undefined : JSON.stringify({ info: { features } }));
  return new Uint8Array(parquetWriteBuffer({
    columnData: [{ name: image, data: rows }, ...columns],
    schema,
    ...compression,
    rowGroupSize: 3,
    ...(metadata !== undefined && { kvMetadata: [{ key: "huggingface", value: metadata }] }),
  }));
}
