// IDX files (the format of MNIST and its kin): magic, sizes, then unsigned bytes; plain or gzip.
import { constants, gunzipSync, type ZlibOptions } from "node:zlib";
import { formatBytes } from "../base/bytes.ts";

/** An unsigned-byte IDX array. */
export interface Idx {
  /** The size of each axis. */
  dims: number[];
  /** The elements, the product of `dims` bytes, last axis fastest. */
  data: Uint8Array;
}

/** Bytes of an array, at most: it is in memory at once. */
export const MOST_BYTES = 2 ** 32;

const UNSIGNED_BYTE = 0x08;

/** Deflate makes a byte of this many, at most. */
const MOST_INFLATION = 1032;

/** Compressed bytes that surely hold the header. */
const HEAD = 4096;

/** Axes of images with channels; MNIST and its kin have no more. */
const MOST_AXES = 4;

/**
 * Parses an unsigned-byte IDX file of rank 1 to 4, gunzipping it first if it starts with 1f 8b, up to the
 * size that its header tells. `data` of a plain file is a view of `bytes`, not a copy. `source` names
 * the file in errors.
 *
 * @throws {SyntaxError} corrupt gzip, wrong magic, wrong element type or rank
 * @throws {RangeError} truncated file or trailing bytes, or more than memory should have
 */
export function parseIdx(bytes: Uint8Array, source: string): Idx {
  const isGzip = bytes[0] === 0x1f && bytes[1] === 0x8b;
  const cut = { finishFlush: constants.Z_SYNC_FLUSH };
  const head = isGzip ? gunzip(bytes.subarray(0, HEAD), source, cut)! : bytes;
  const dims = dimsOf(head, source);
  const start = 4 + 4 * dims.length;
  const expected = dims.reduce((product, size) => product * size, 1);
  if (expected > MOST_BYTES) {
    throw new RangeError(
      `Cannot read ${source}: got the shape [${dims.join(", ")}], expected at most ` +
        `${formatBytes(MOST_BYTES)} of data; fetch the file again, or choose a smaller set`,
    );
  }
  const refuse = (got: string, fault: string) =>
    new RangeError(
      `Cannot read ${source}: got ${got} bytes of data, expected ${expected} for the shape ` +
        `[${dims.join(", ")}]; ${fault}, fetch it again`,
    );
  const most = isGzip ? MOST_INFLATION * bytes.length : bytes.length;
  const missing = "the file is truncated";
  if (start + expected > most) {
    throw refuse(isGzip ? `at most ${most}` : `${bytes.length - start}`, missing);
  }
  // One byte more than there should be tells trailing ones, without inflating all of them.
  const limit = { maxOutputLength: start + expected + 1 };
  const plain = isGzip ? gunzip(bytes, source, limit) : bytes;
  const got = (plain?.length ?? Infinity) - start;
  if (got < expected) throw refuse(`${got}`, missing);
  if (got > expected) throw refuse(`${plain ? got : "more"}`, "the file has trailing bytes");
  return { dims, data: plain!.subarray(start) };
}

/** The sizes of the axes, which follow the magic. */
function dimsOf(bytes: Uint8Array, source: string): number[] {
  const rank = parseMagic(bytes, source);
  const start = 4 + 4 * rank;
  if (bytes.length < start) {
    throw new RangeError(
      `Cannot read ${source}: got ${bytes.length} bytes, expected a header of ${start} bytes ` +
        `for rank ${rank}; the file is truncated, fetch it again`,
    );
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return Array.from({ length: rank }, (_, axis) => view.getUint32(4 + 4 * axis));
}

function parseMagic(bytes: Uint8Array, source: string): number {
  const [zero, alsoZero, type, rank] = bytes;
  if (rank === undefined) {
    throw new RangeError(
      `Cannot read ${source}: got ${bytes.length} bytes, expected an IDX header of 4 bytes ` +
        `or more; the file is truncated, fetch it again`,
    );
  }
  const magic = Array.from(bytes.subarray(0, 4), (byte) => byte.toString(16).padStart(2, "0"));
  if (zero !== 0 || alsoZero !== 0) {
    throw new SyntaxError(
      `Cannot read ${source}: got the magic ${magic.join(" ")}, expected 00 00 08 and a rank; ` +
        `give an IDX file, plain or gzip`,
    );
  }
  if (type !== UNSIGNED_BYTE || rank === 0 || rank > MOST_AXES) {
    throw new SyntaxError(
      `Cannot read ${source}: got the element type 0x${magic[2]} and rank ${rank}, expected ` +
        `0x08 (unsigned byte) and rank 1 to ${MOST_AXES}; convert the file to unsigned bytes`,
    );
  }
  return rank;
}

/** The plain bytes of a gzip file; undefined if they are more than `maxOutputLength`. */
function gunzip(bytes: Uint8Array, source: string, options: ZlibOptions): Uint8Array | undefined {
  try {
    return gunzipSync(bytes, options);
  } catch (cause) {
    if (cause instanceof RangeError) return undefined;
    throw new SyntaxError(
      `Cannot read ${source}: got a corrupt gzip stream, expected a whole one; fetch the file again`,
      { cause },
    );
  }
}
