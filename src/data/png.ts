// PNG files, checked before they are decoded: a decoder allocates what a header or a stream says.
import { crc32, inflateSync } from "node:zlib";
import { decode } from "npm:fast-png@8.0.0";

/** Pixels as they lie in a decoded file. */
export interface Pixels {
  readonly height: number;
  readonly width: number;
  /** Values of a pixel: 1 grey, 2 with transparency, 3 colour, 4 with transparency. */
  readonly stride: number;
  /** 0…255, [height, width, stride]. */
  readonly data: ArrayLike<number>;
}

/** Bytes of decoded pixels, at most: more are a damaged header, or no image to distil. */
export const MOST_BYTES = 2 ** 26;

/** Values a pixel by colour type, and how many bits they may have. */
const COLOURS = new Map([
  [0, { samples: 1, depths: [1, 2, 4, 8, 16] }],
  [2, { samples: 3, depths: [8, 16] }],
  [3, { samples: 1, depths: [1, 2, 4, 8] }],
  [4, { samples: 2, depths: [8, 16] }],
  [6, { samples: 4, depths: [8, 16] }],
]);

const PALETTE = 3;

/** First column and row, and steps, of the seven passes of an interlaced image. */
const ADAM7 = [
  [0, 0, 8, 8],
  [4, 0, 8, 8],
  [0, 4, 4, 8],
  [2, 0, 4, 4],
  [0, 2, 2, 4],
  [1, 0, 2, 2],
  [0, 1, 1, 2],
] as const;

const SIGNATURE = 8;

interface Chunk {
  readonly type: string;
  /** With its length before and its checksum after it. */
  readonly whole: Uint8Array;
  readonly data: Uint8Array;
}

/**
 * Decodes a PNG file. 16-bit values keep their upper byte.
 *
 * @throws {Error} what is wrong with the file, in a few words
 */
export function decodePng(bytes: Uint8Array): Pixels {
  const chunks = chunksOf(bytes);
  const header = chunks[0];
  if (header?.type !== "IHDR" || header.data.length !== 13) throw new Error("no header");
  const { width, height, colour, size, decoded } = readHeader(header.data);
  if (!(decoded > 0 && decoded <= MOST_BYTES)) {
    throw new Error(`${width} × ${height} pixels of ${decoded} bytes`);
  }
  const rows = inflated(chunks.filter(({ type }) => type === "IDAT").map(({ data }) => data), size);
  if (rows !== size) throw new Error(`${rows} bytes of rows for ${width} × ${height} pixels`);
  // What else there may be, such as colour profiles, would be inflated too, without limit.
  const needed = ["IHDR", "IDAT", "IEND", ...(colour === PALETTE ? ["PLTE"] : [])];
  const kept = chunks.filter(({ type }) => needed.includes(type)).map(({ whole }) => whole);
  const png = decode(concatenated([bytes.subarray(0, SIGNATURE), ...kept]));
  const { palette, depth } = png;
  const step = palette ? 1 : 255 / (2 ** depth - 1);
  const data = depth < 8 ? unpackBits(png.data, depth, width, step) : png.data;
  if (palette) return { width, height, stride: 3, data: coloured(data, palette) };
  return { width, height, stride: png.channels, data: depth === 16 ? upperBytes(data) : data };
}

/** The chunks up to the last, whose checksums are right. */
function chunksOf(bytes: Uint8Array): Chunk[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const chunks: Chunk[] = [];
  for (let at = SIGNATURE; at + 12 <= bytes.length;) {
    const end = at + 8 + view.getUint32(at);
    if (end + 4 > bytes.length) break;
    const type = String.fromCharCode(...bytes.subarray(at + 4, at + 8));
    if (crc32(bytes.subarray(at + 4, end)) !== view.getUint32(end)) {
      throw new Error(`a wrong CRC in chunk ${chunks.length + 1}`);
    }
    const data = bytes.subarray(at + 8, end);
    chunks.push({ type, data, whole: bytes.subarray(at, end + 4) });
    if (type === "IEND") return chunks;
    at = end + 4;
  }
  throw new Error("no end: the file is truncated");
}

/** Sizes, colour type, the bytes of all rows with their filters, and those of the pixels that they become. */
function readHeader(header: Uint8Array) {
  const view = new DataView(header.buffer, header.byteOffset, header.byteLength);
  const [width, height] = [view.getUint32(0), view.getUint32(4)];
  const [depth, colour, compression, filter, interlace] = header.subarray(8);
  const { samples, depths } = COLOURS.get(colour!) ?? { samples: 0, depths: [] };
  if (!depths.includes(depth!) || compression !== 0 || filter !== 0 || interlace! > 1) {
    throw new Error("a header that PNG has not");
  }
  const passes = interlace === 1 ? ADAM7 : [[0, 0, 1, 1]] as const;
  const size = passes.reduce((sum, [left, top, right, down]) => {
    const columns = Math.ceil((width - left) / right);
    const rows = Math.ceil((height - top) / down);
    if (columns <= 0 || rows <= 0) return sum;
    return sum + rows * (1 + Math.ceil(columns * samples * depth! / 8));
  }, 0);
  const wide = colour === PALETTE ? 3 : samples * Math.ceil(depth! / 8);
  return { width, height, colour, size, decoded: width * height * wide };
}

/** How many bytes the parts of a stream inflate to, which must not be more than `most`. */
function inflated(parts: readonly Uint8Array[], most: number): number {
  return inflateSync(concatenated(parts), { maxOutputLength: most }).length;
}

function concatenated(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

// Plain loops over arrays of known lengths: for millions of pixels, callbacks take seconds and iterators memory.

function upperBytes(values: ArrayLike<number>): Uint8Array {
  const bytes = new Uint8Array(values.length);
  for (let i = 0; i < bytes.length; i++) bytes[i] = values[i]! >> 8;
  return bytes;
}

/** Values of less than a byte, whose rows start at whole bytes, times `step`. */
function unpackBits(
  rows: ArrayLike<number>,
  depth: number,
  width: number,
  step: number,
): Uint8Array {
  const pitch = Math.ceil(width * depth / 8);
  const largest = 2 ** depth - 1;
  const pixels = new Uint8Array(rows.length / pitch * width);
  for (let i = 0; i < pixels.length; i++) {
    const bit = i % width * depth;
    const byte = rows[Math.floor(i / width) * pitch + (bit >> 3)]!;
    pixels[i] = (byte >> (8 - depth - bit % 8) & largest) * step;
  }
  return pixels;
}

/** The colours of a palette at these indices. */
function coloured(indices: ArrayLike<number>, palette: readonly number[][]): Uint8Array {
  const pixels = new Uint8Array(3 * indices.length);
  for (let i = 0; i < indices.length; i++) {
    const colour = palette[indices[i]!];
    if (!colour) throw new Error(`colour ${indices[i]} of ${palette.length}`);
    for (let c = 0; c < 3; c++) pixels[3 * i + c] = colour[c]!;
  }
  return pixels;
}
