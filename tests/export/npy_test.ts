// npy_test: headers of every type and rank, and shapes that do not fit.
import assert from "node:assert/strict";
import { encodeNpy } from "../../src/export/npy.ts";
import { readNpy } from "./npz_reader.ts";

Deno.test("encodeNpy writes what numpy.save writes, byte for byte", () => {
  const header = "{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }".padEnd(117) + "\n";
  const start = [0x93, ..."NUMPY".split("").map((c) => c.charCodeAt(0)), 1, 0, 118, 0];
  const numbers = [0, 0, 0x80, 0x3f, 0, 0, 0, 0xc0]; // 1 and −2
  const expected = [...start, ...new TextEncoder().encode(header), ...numbers];
  assert.deepEqual([...encodeNpy(Float32Array.of(1, -2), [2])], expected);
});

Deno.test("encodeNpy: every type and rank is read again", () => {
  const six = [1, 2, 3, 4, 5, 250];
  const arrays = [
    { descr: "<f4", shape: [1, 2, 3], data: Float32Array.from(six) },
    { descr: "|u1", shape: [6], data: Uint8Array.from(six) },
    { descr: "<i8", shape: [3, 2], data: BigInt64Array.from(six, BigInt) },
    { descr: "<f4", shape: [1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 6], data: Float32Array.from(six) },
  ];
  for (const { descr, shape, data } of arrays) {
    assert.deepEqual(readNpy(encodeNpy(data, shape)), { descr, shape, data: six });
  }
  const part = new Float32Array(10).fill(7).subarray(4, 6);
  assert.deepEqual(readNpy(encodeNpy(part, [2])).data, [7, 7]);
});

Deno.test("encodeNpy refuses a shape that does not fit", () => {
  const message = /^Cannot encode an array: got 3 numbers for the shape \[2, 2\], expected 4;/;
  assert.throws(() => encodeNpy(new Float32Array(3), [2, 2]), { name: "RangeError", message });
});
