// The .npy format of NumPy, version 1.0: a line of Python that describes an array, then the array.

/** Numbers that NumPy has a name for. */
export type NpyData = Float32Array | Uint8Array | BigInt64Array;

const MAGIC = [0x93, ...new TextEncoder().encode("NUMPY"), 1, 0];
const ALIGNMENT = 64; // of the numbers in the file, as numpy.save has it

/**
 * Encodes an array of `shape`, last axis fastest, little-endian as every platform of Deno is.
 *
 * @throws {RangeError} a shape that does not fit the data
 */
export function encodeNpy(data: NpyData, shape: readonly number[]): Uint8Array {
  const size = shape.reduce((product, length) => product * length, 1);
  if (size !== data.length) {
    throw new RangeError(
      `Cannot encode an array: got ${data.length} numbers for the shape [${shape.join(", ")}], ` +
        `expected ${size}; correct the shape`,
    );
  }
  const tuple = shape.length === 1 ? `(${shape[0]},)` : `(${shape.join(", ")})`;
  const text = `{'descr': '${typeOf(data)}', 'fortran_order': False, 'shape': ${tuple}, }`;
  const start = Math.ceil((MAGIC.length + 2 + text.length + 1) / ALIGNMENT) * ALIGNMENT;
  const header = text.padEnd(start - MAGIC.length - 2 - 1) + "\n";
  const bytes = new Uint8Array(start + data.byteLength);
  bytes.set(MAGIC);
  new DataView(bytes.buffer).setUint16(MAGIC.length, header.length, true);
  bytes.set(new TextEncoder().encode(header), MAGIC.length + 2);
  bytes.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), start);
  return bytes;
}

/** NumPy's name of the type: byte order, kind, bytes. */
function typeOf(data: NpyData): string {
  if (data instanceof Float32Array) return "<f4";
  return data instanceof Uint8Array ? "|u1" : "<i8";
}
