// The safetensors format, float32 only: a JSON header with shapes and offsets, then the numbers.
import { quoted, shortened } from "./text.ts";

/** A float32 tensor. */
export interface FloatTensor {
  /** The size of each axis; none for a single number. */
  shape: number[];
  /** The elements, the product of `shape` numbers, last axis fastest. */
  data: Float32Array;
}

/** What a safetensors file holds. */
export interface Safetensors {
  /** Tensors by name. */
  tensors: Record<string, FloatTensor>;
  /** Free text by name. */
  metadata: Record<string, string>;
}

interface Entry {
  name: string;
  shape: number[];
  begin: number;
  end: number;
}

const METADATA = "__metadata__";

/**
 * Encodes tensors in the order of `tensors`' keys after `metadata`; equal arguments give equal
 * bytes. The header is padded with spaces so that the numbers start at a multiple of 8 bytes.
 *
 * @throws {RangeError} a shape that does not fit its data, or a tensor called `__metadata__`
 */
export function encodeSafetensors(
  tensors: Record<string, FloatTensor>,
  metadata: Record<string, string>,
): Uint8Array {
  const fields = [`"${METADATA}":${JSON.stringify(metadata)}`];
  let size = 0;
  for (const [name, { shape, data }] of Object.entries(tensors)) {
    if (name === METADATA || data.length !== elements(shape)) {
      throw new RangeError(
        `Cannot encode tensor ${name}: got ${data.length} numbers for the shape ` +
          `[${shape.join(", ")}], expected ${elements(shape)} under a name other than ` +
          `${METADATA}; correct the shape or the name`,
      );
    }
    const end = size + 4 * data.length;
    fields.push(
      `${JSON.stringify(name)}:{"dtype":"F32","shape":${JSON.stringify(shape)},` +
        `"data_offsets":[${size},${end}]}`,
    );
    size = end;
  }
  const json = new TextEncoder().encode(`{${fields.join(",")}}`);
  const start = 8 + Math.ceil(json.length / 8) * 8;
  const bytes = new Uint8Array(start + size);
  bytes.fill(0x20, 8, start);
  bytes.set(json, 8);
  const view = new DataView(bytes.buffer);
  view.setBigUint64(0, BigInt(start - 8), true);
  let offset = start;
  for (const { data } of Object.values(tensors)) {
    for (const value of data) {
      view.setFloat32(offset, value, true);
      offset += 4;
    }
  }
  return bytes;
}

/**
 * Decodes a float32 safetensors file; `source` names it in errors. The data are copied.
 *
 * @throws {SyntaxError} a header that is not JSON of the right form, or a dtype other than F32
 * @throws {RangeError} truncation, offsets out of range, overlapping or leaving a hole, or a
 *   shape that does not fit its offsets
 */
export function decodeSafetensors(bytes: Uint8Array, source: string): Safetensors {
  const start = headerEnd(bytes, source);
  const header = parseHeader(bytes.subarray(8, start), source);
  const { [METADATA]: metadata = {}, ...described } = header;
  if (!isRecord(metadata) || Object.values(metadata).some((value) => typeof value !== "string")) {
    throw malformed(source, `${METADATA} ${quoted(metadata)}`, "strings by name");
  }
  const entries = Object.entries(described).map(([name, value]) => entryOf(name, value, source));
  checkCoverage(entries, bytes.length - start, source);
  const view = new DataView(bytes.buffer, bytes.byteOffset + start, bytes.length - start);
  const tensors = entries.map(({ name, shape, begin, end }): [string, FloatTensor] => {
    const data = new Float32Array((end - begin) / 4);
    for (let i = 0; i < data.length; i++) data[i] = view.getFloat32(begin + 4 * i, true);
    return [name, { shape, data }];
  });
  return {
    tensors: Object.fromEntries(tensors),
    metadata: metadata as Record<string, string>,
  };
}

/** @throws {RangeError} a number that is NaN or infinite, with the name of its tensor */
export function expectFinite(tensors: Record<string, FloatTensor>, source: string): void {
  for (const [name, { data }] of Object.entries(tensors)) {
    const at = data.findIndex((value) => !Number.isFinite(value));
    if (at < 0) continue;
    throw new RangeError(
      `Cannot read ${source}: got ${data[at]} at index ${at} of tensor ${name}, expected finite ` +
        `numbers; the file is damaged, make it again`,
    );
  }
}

/** How files of torch.save begin: a zip, or before PyTorch 1.6 a pickle of its magic number. */
const PICKLES = ["PK\x03\x04", "\x80\x02\x8a\x0a"];

function headerEnd(bytes: Uint8Array, source: string): number {
  const first = String.fromCharCode(...bytes.subarray(0, 4));
  if (PICKLES.includes(first)) {
    const [from, to] = [source, source.replace(/\.\w+$/, "") + ".safetensors"].map((path) =>
      JSON.stringify(path)
    );
    throw new SyntaxError(
      `Cannot read ${source}: got a PyTorch pickle, expected safetensors; convert it in Python: import ` +
        `torch, safetensors.torch as st; st.save_file(torch.load(${from}, map_location="cpu", ` +
        `weights_only=True), ${to})`,
    );
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const end = bytes.length < 8 ? 8 : 8 + Number(view.getBigUint64(0, true));
  if (end > bytes.length) {
    throw new RangeError(
      `Cannot read ${source}: got ${bytes.length} bytes, expected a header up to byte ${end}; ` +
        `the file is truncated or not safetensors, make it again`,
    );
  }
  return end;
}

function parseHeader(bytes: Uint8Array, source: string): Record<string, unknown> {
  try {
    const header: unknown = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
    if (isRecord(header)) return header;
  } catch (cause) {
    throw malformed(source, "a header that is no JSON", "a JSON object", cause);
  }
  throw malformed(source, "a header that is no JSON object", "a JSON object");
}

function entryOf(name: string, value: unknown, source: string): Entry {
  const { dtype, shape, data_offsets: offsets } = isRecord(value) ? value : {};
  if (dtype !== undefined && dtype !== "F32") {
    throw malformed(source, `tensor ${name} of dtype ${shortened(`${dtype}`)}`, "F32");
  }
  if (dtype === undefined || !isSizes(shape) || !isSizes(offsets) || offsets.length !== 2) {
    throw malformed(
      source,
      `tensor ${name} described as ${quoted(value)}`,
      "dtype, shape and two data_offsets",
    );
  }
  const [begin, end] = offsets as [number, number];
  if (end - begin !== 4 * elements(shape)) {
    throw new RangeError(
      `Cannot read ${source}: got ${end - begin} bytes for tensor ${name} of shape ` +
        `[${shape.join(", ")}], expected ${4 * elements(shape)}; make the file again`,
    );
  }
  return { name, shape, begin, end };
}

/** Checks that the tensors lie side by side and fill the `size` bytes after the header. */
function checkCoverage(entries: Entry[], size: number, source: string): void {
  let filled = 0;
  for (
    const { name, begin, end } of entries.toSorted((a, b) => a.begin - b.begin || a.end - b.end)
  ) {
    if (begin !== filled || end > size) {
      throw new RangeError(
        `Cannot read ${source}: got tensor ${name} at bytes ${begin}…${end}, expected it to ` +
          `start at ${filled} and end by ${size}; the file is truncated or its tensors ` +
          `overlap or leave a hole, make it again`,
      );
    }
    filled = end;
  }
  if (filled !== size) {
    throw new RangeError(
      `Cannot read ${source}: got ${size} bytes of data, expected ${filled}; ` +
        `the file has trailing bytes, make it again`,
    );
  }
}

function malformed(source: string, got: string, expected: string, cause?: unknown): SyntaxError {
  return new SyntaxError(
    `Cannot read ${source}: got ${got}, expected ${expected}; give a float32 safetensors file`,
    { cause },
  );
}

function elements(shape: number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isSizes(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((size) => Number.isSafeInteger(size) && size >= 0);
}
