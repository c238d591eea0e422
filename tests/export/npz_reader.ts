/** Reads .npz files byte by byte, by their formats and not with what wrote them. */
import assert from "node:assert/strict";

/** An array of a .npy file. */
export interface Npy {
  descr: string;
  shape: number[];
  data: number[];
}

/** Members of a zip without compression by name, from its central directory. */
export function readZip(bytes: Uint8Array): Map<string, Uint8Array> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const end = bytes.length - 22;
  assert.equal(view.getUint32(end, true), 0x06054b50, "no end of central directory");
  const members = new Map<string, Uint8Array>();
  let at = view.getUint32(end + 16, true);
  for (let i = 0; i < view.getUint16(end + 10, true); i++) {
    assert.equal(view.getUint32(at, true), 0x02014b50);
    assert.equal(view.getUint16(at + 10, true), 0, "compressed");
    const [size, stored] = [view.getUint32(at + 24, true), view.getUint32(at + 20, true)];
    assert.equal(size, stored);
    const lengths = [28, 30, 32].map((field) => view.getUint16(at + field, true));
    const local = view.getUint32(at + 42, true);
    const start = local + 30 + view.getUint16(local + 26, true) + view.getUint16(local + 28, true);
    const name = new TextDecoder().decode(bytes.subarray(at + 46, at + 46 + lengths[0]!));
    const content = bytes.subarray(start, start + size);
    assert.equal(view.getUint32(at + 16, true), crc32(content), `checksum of ${name}`);
    members.set(name, content);
    at += 46 + lengths.reduce((a, b) => a + b, 0);
  }
  return members;
}

/** CRC-32 of a zip member. */
function crc32(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = crc >>> 1 ^ (crc & 1 ? 0xedb88320 : 0);
  }
  return ~crc >>> 0;
}

/** Decodes a .npy file. */
export function readNpy(bytes: Uint8Array): Npy {
  assert.deepEqual([...bytes.subarray(0, 8)], [0x93, 78, 85, 77, 80, 89, 1, 0]);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const start = 10 + view.getUint16(8, true);
  assert.equal(start % 64, 0);
  const header = new TextDecoder().decode(bytes.subarray(10, start));
  const form = /^\{'descr': '(.*?)', 'fortran_order': False, 'shape': \((.*?)\), \} *\n$/;
  const [, descr, tuple] = form.exec(header) ?? assert.fail(header);
  const shape = tuple!.split(",").filter((text) => text !== "").map(Number);
  const size = { "<f4": 4, "|u1": 1, "<i8": 8 }[descr!] ?? assert.fail(descr);
  assert.equal(bytes.length - start, size * shape.reduce((a, b) => a * b, 1));
  const data = Array.from({ length: (bytes.length - start) / size }, (_, i) => {
    const at = start + i * size;
    if (size === 4) return view.getFloat32(at, true);
    return size === 1 ? bytes[at]! : Number(view.getBigInt64(at, true));
  });
  return { descr: descr!, shape, data };
}
