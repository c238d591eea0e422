// IDX files (the format of MNIST and its kin): magic, sizes, then unsigned bytes; plain or gzip.

/** An unsigned-byte IDX array. */
export interface Idx {
  /** The size of each axis. */
  dims: number[];
  /** The elements, the product of `dims` bytes, last axis fastest. */
  data: Uint8Array;
}

const UNSIGNED_BYTE = 0x08;

/**
 * Parses an unsigned-byte IDX file of any rank ≥ 1, gunzipping it first if it starts with 1f 8b.
 * `data` of a plain file is a view of `bytes`, not a copy. `source` names the file in errors.
 *
 * @throws {SyntaxError} corrupt gzip, wrong magic, wrong element type or rank 0
 * @throws {RangeError} truncated file or trailing bytes
 */
export async function parseIdx(bytes: Uint8Array, source: string): Promise<Idx> {
  const plain = bytes[0] === 0x1f && bytes[1] === 0x8b ? await gunzip(bytes, source) : bytes;
  const rank = parseMagic(plain, source);
  const start = 4 + 4 * rank;
  if (plain.length < start) {
    throw new RangeError(
      `Cannot read ${source}: got ${plain.length} bytes, expected a header of ${start} bytes ` +
        `for rank ${rank}; the file is truncated, fetch it again`,
    );
  }
  const view = new DataView(plain.buffer, plain.byteOffset, plain.byteLength);
  const dims = Array.from({ length: rank }, (_, axis) => view.getUint32(4 + 4 * axis));
  const expected = dims.reduce((product, size) => product * size, 1);
  const got = plain.length - start;
  if (got !== expected) {
    const fault = got < expected ? "the file is truncated" : "the file has trailing bytes";
    throw new RangeError(
      `Cannot read ${source}: got ${got} bytes of data, expected ${expected} ` +
        `for the shape [${dims.join(", ")}]; ${fault}, fetch it again`,
    );
  }
  return { dims, data: plain.subarray(start) };
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
  if (type !== UNSIGNED_BYTE || rank === 0) {
    throw new SyntaxError(
      `Cannot read ${source}: got the element type 0x${magic[2]} and rank ${rank}, expected ` +
        `0x08 (unsigned byte) and rank 1 or more; convert the file to unsigned bytes`,
    );
  }
  return rank;
}

async function gunzip(bytes: Uint8Array, source: string): Promise<Uint8Array> {
  try {
    const stream = new Blob([new Uint8Array(bytes)]).stream();
    const plain = stream.pipeThrough(new DecompressionStream("gzip"));
    return new Uint8Array(await new Response(plain).arrayBuffer());
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new SyntaxError(
      `Cannot read ${source}: got a corrupt gzip stream (${reason}), expected a whole one; ` +
        `fetch the file again`,
      { cause },
    );
  }
}
