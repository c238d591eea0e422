/**
 * Pages of a parquet file, checked before they are decoded. The decoder believes every count that it
 * reads: one flipped bit makes a run of 2³⁰ values out of a few, and an array of as many. So the counts
 * are read here first, and must agree with the rows of the group and with the bytes that are there.
 */
import { brotliDecompressSync, gunzipSync, zstdDecompressSync } from "node:zlib";
import type { AsyncBuffer, FileMetaData, RowGroup, SchemaTree } from "npm:hyparquet@1.31.5";
import { compressors } from "npm:hyparquet-compressors@1.1.2";
import { parquetSchema } from "npm:hyparquet@1.31.5";

/** Rows of a row group, at most; its columns are in memory at once. */
const MOST_ROWS = 2 ** 22;

/** Bytes of a row group, decompressed, at most; and of a column as it is in the file. */
const MOST_BYTES = 2 ** 29;

type Decompressor = NonNullable<typeof compressors.GZIP>;
type Limited = (input: Uint8Array, options: { maxOutputLength: number }) => Uint8Array;

/** Decompressors that stop at the length they are told. */
export const DECOMPRESSORS: typeof compressors = {
  ...compressors,
  GZIP: upTo(gunzipSync),
  BROTLI: upTo(brotliDecompressSync),
  ZSTD: upTo(zstdDecompressSync),
};

/** Kinds of pages, as their headers number them. */
const [DATA_PAGE, DICTIONARY_PAGE, DATA_PAGE_V2] = [0, 2, 3];

/** Encodings of values: plain, and two numbers for the same, indices into a dictionary. */
const [PLAIN, PLAIN_DICTIONARY, RLE_DICTIONARY] = [0, 2, 8];

/** A column to be read from a row group. */
interface Chunk {
  readonly start: number;
  readonly end: number;
  readonly codec: string;
  /** Levels at which a value may be missing. */
  readonly levels: number;
}

/** @throws {Error} row groups that do not have the rows of the file */
export function expectRows({ num_rows, row_groups }: FileMetaData): void {
  let sum = 0n;
  for (const { num_rows: rows } of row_groups) {
    if (!(rows >= 0n && rows <= MOST_ROWS)) throw new Error(`${rows} rows in a group`);
    sum += rows;
  }
  if (sum !== num_rows) throw new Error(`${num_rows} rows, and ${sum} in groups`);
}

/** @throws {Error} pages of `columns` that do not hold the rows of the group, or more than memory should */
export async function expectPages(
  file: AsyncBuffer,
  metadata: FileMetaData,
  group: RowGroup,
  columns: readonly string[],
): Promise<void> {
  const schema = parquetSchema(metadata);
  let bytes = 0;
  for (const { meta_data } of group.columns) {
    if (!meta_data) throw new Error("no metadata of a column");
    if (!columns.includes(meta_data.path_in_schema[0]!)) continue;
    if (meta_data.num_values !== group.num_rows) throw new Error("a column of other rows");
    const start = Number(meta_data.dictionary_page_offset || meta_data.data_page_offset);
    const end = start + Number(meta_data.total_compressed_size);
    if (!(start >= 0 && start <= end && end <= file.byteLength)) throw new Error("no such bytes");
    if (end - start > MOST_BYTES) throw new Error(`a column of ${end - start} bytes`);
    const levels = optionalLevels(schema, meta_data.path_in_schema);
    const view = new DataView(await file.slice(start, end));
    const chunk = { start, end, codec: meta_data.codec, levels };
    bytes += expectChunk(view, chunk, Number(group.num_rows), MOST_BYTES - bytes);
  }
}

/** How many fields on the way to a value may be missing; lists are not read. */
function optionalLevels(schema: SchemaTree, path: readonly string[]): number {
  let [tree, levels]: [SchemaTree | undefined, number] = [schema, 0];
  for (const name of path) {
    tree = tree?.children.find(({ element }) => element.name === name);
    if (!tree || tree.element.repetition_type === "REPEATED") {
      throw new Error(`no value at ${name}`);
    }
    if (tree.element.repetition_type === "OPTIONAL") levels++;
  }
  return levels;
}

/** Checks the pages of a column of `rows`; how many bytes they are, decompressed, at most `most`. */
function expectChunk(
  view: DataView<ArrayBuffer>,
  chunk: Chunk,
  rows: number,
  most: number,
): number {
  let [at, bytes, values] = [0, 0, 0];
  while (at < view.byteLength - 1) {
    const header = new Thrift(view, at);
    const { 1: type, 2: size, 3: compressed, ...fields } = header.struct();
    at = header.at;
    const [inflated, length] = [count(size), count(compressed)];
    bytes += inflated;
    if (bytes > most) throw new Error(`a page of ${inflated} bytes`);
    if (length > view.byteLength - at) throw new Error("a page that ends after its column");
    const page = { data: new Uint8Array(view.buffer, at, length), size: inflated, ...chunk };
    at += length;
    if (type === DICTIONARY_PAGE) {
      if (count(struct(fields[7])[1]) > inflated) {
        throw new Error("a dictionary of too many values");
      }
      continue;
    }
    if (type !== DATA_PAGE && type !== DATA_PAGE_V2) throw new Error(`a page of type ${type}`);
    const about = struct(fields[type === DATA_PAGE ? 5 : 8]);
    const here = count(about[1]);
    values += here;
    if (values > rows) throw new Error("more values than rows");
    if (type === DATA_PAGE) expectPage(page, here, count(about[2]));
    else expectPageV2(page, here, about);
  }
  if (values !== rows) throw new Error("fewer values than rows");
  return bytes;
}

interface Page extends Chunk {
  /** As it is in the file. */
  readonly data: Uint8Array<ArrayBuffer>;
  /** Bytes of it, decompressed. */
  readonly size: number;
}

/** A page whose levels, with their length before them, are compressed with its values. */
function expectPage({ data, size, codec, levels }: Page, values: number, encoding: number): void {
  const view = viewOf(decompressed(data, size, codec));
  let at = 0;
  if (levels > 0) {
    const length = view.getUint32(0, true);
    at = 4 + length;
    expectLevels(view, 4, at, levels, values);
  }
  expectValues(view, at, values, encoding);
}

/** A page whose levels are not compressed and have their length in its header. */
function expectPageV2(
  { data, size, codec, levels }: Page,
  values: number,
  { 2: missing, 4: encoding, 5: definition, 6: repetition, 7: isCompressed }: Struct,
): void {
  const length = count(definition);
  if (count(missing) > values) throw new Error(`${missing} values missing of ${values}`);
  if (count(repetition) !== 0 || length > data.length) throw new Error("levels of a list");
  if (levels > 0) expectLevels(viewOf(data), 0, length, levels, values);
  const rest = data.subarray(length);
  const plain = isCompressed === false ? rest : decompressed(rest, size - length, codec);
  expectValues(viewOf(plain), 0, values, count(encoding));
}

/** Plain values are read up to the end of their page; indices are runs, after the bits of one. */
function expectValues(view: DataView, at: number, values: number, encoding: number): void {
  if (encoding === PLAIN || values === 0) return;
  if (encoding !== PLAIN_DICTIONARY && encoding !== RLE_DICTIONARY) {
    throw new Error(`encoding ${encoding}, where plain values or a dictionary are read`);
  }
  if (at === view.byteLength) return; // none of the values is there
  const bits = view.getUint8(at);
  if (bits > 32) throw new Error(`indices of ${bits} bits`);
  expectRuns(view, at + 1, view.byteLength, bits, values);
}

/** Every value has a level; where runs ended before, the decoder would read on in what follows. */
function expectLevels(view: DataView, from: number, to: number, most: number, values: number) {
  const levels = expectRuns(view, from, to, bitsOf(most), values);
  if (levels < values) throw new Error(`${levels} levels of ${values} values`);
}

/**
 * Runs of one value, or of groups of eight, between two offsets: of `values` in all, at most. Tells of how many; of
 * indices there may be fewer than values, since those that are missing have none.
 */
function expectRuns(
  view: DataView,
  from: number,
  to: number,
  bits: number,
  values: number,
): number {
  if (to > view.byteLength) throw new Error("runs that end after their page");
  const reader = new Thrift(view, from);
  let seen = 0;
  while (seen < values && reader.at < to) {
    const header = reader.varint();
    const [isPacked, length] = [header % 2 === 1, Math.floor(header / 2)];
    seen += isPacked ? 8 * length : length;
    reader.at += isPacked ? bits * length : Math.ceil(bits / 8);
    const most = isPacked ? values + 7 : values;
    if (length === 0 || seen > most || reader.at > to) throw new Error(`a run of ${length}`);
  }
  return seen;
}

/** Bits of a number from 0 to `most`. */
function bitsOf(most: number): number {
  return 32 - Math.clz32(most);
}

function viewOf({ buffer, byteOffset, byteLength }: Uint8Array): DataView {
  return new DataView(buffer, byteOffset, byteLength);
}

function decompressed(data: Uint8Array, size: number, codec: string): Uint8Array {
  if (codec === "UNCOMPRESSED") return data;
  const decompress = DECOMPRESSORS[codec as keyof typeof DECOMPRESSORS];
  if (!decompress || size < 0) throw new Error(`compression ${codec}`);
  return decompress(data, size);
}

function upTo(decompress: Limited): Decompressor {
  return (input, length) => decompress(input, { maxOutputLength: length });
}

/** Thrift numbers fields by 16 bits. */
const MOST_FIELDS = 2 ** 15 - 1;

type Field = number | boolean | Struct | undefined;

/** A struct of Thrift's compact protocol, by the numbers of its fields; lists and texts are left out. */
interface Struct {
  readonly [field: number]: Field;
}

function count(field: Field): number {
  if (typeof field === "number" && field >= 0) return field;
  throw new Error(`${field} for a size`);
}

function struct(field: Field): Struct {
  if (typeof field === "object") return field;
  throw new Error("a page without its header");
}

/** Reads Thrift's compact protocol. @throws {RangeError} beyond the end */
class Thrift {
  readonly #view: DataView;
  /** Where the next byte is. */
  at: number;

  constructor(view: DataView, at: number) {
    this.#view = view;
    this.at = at;
  }

  struct(): Struct {
    const fields: Record<number, Field> = {};
    for (let id = 0;;) {
      const byte = this.#byte();
      if (byte % 16 === 0) return fields;
      id = byte >> 4 ? id + (byte >> 4) : zigzag(this.varint());
      if (id > MOST_FIELDS) throw new Error(`field ${id}`); // the decoder keeps 32 bits of it
      fields[id] = this.#value(byte % 16);
    }
  }

  /** Seven bits a byte, the lowest first. */
  varint(): number {
    let value = 0;
    for (let scale = 1; scale < 2 ** 64; scale *= 128) {
      const byte = this.#byte();
      value += byte % 128 * scale;
      if (byte < 128) return value;
    }
    throw new RangeError("a number of more than 64 bits");
  }

  #byte(): number {
    return this.#view.getUint8(this.at++);
  }

  #value(type: number): Field {
    if (type === 1 || type === 2) return type === 1;
    if (type === 3) return this.#byte();
    if (type >= 4 && type <= 6) return zigzag(this.varint());
    if (type === 12) return this.struct();
    if (type === 7) this.#skip(8);
    else if (type === 8) this.#skip(this.varint());
    else if (type === 9 || type === 10) this.#skipList();
    else throw new Error(`a field of type ${type}`);
    return undefined;
  }

  #skip(length: number): void {
    this.at += length;
    if (this.at > this.#view.byteLength) throw new RangeError("a field that ends after its column");
  }

  #skipList(): void {
    const byte = this.#byte();
    const length = byte >> 4 === 15 ? this.varint() : byte >> 4;
    const type = Math.max(3, byte % 16); // in a list true and false are bytes
    for (let i = 0; i < length; i++) this.#value(type);
  }
}

function zigzag(value: number): number {
  return value % 2 ? -(value + 1) / 2 : value / 2;
}
