// safetensors: the bytes themselves, the round trip, and every way a file can be wrong.
import assert from "node:assert/strict";
import { decodeSafetensors, encodeSafetensors } from "../../src/base/safetensors.ts";

Deno.test("encodeSafetensors writes the published layout", () => {
  const tensors = { b: { shape: [2], data: Float32Array.of(1, -2) } };
  const bytes = encodeSafetensors(tensors, { by: "retort" });
  const json = '{"__metadata__":{"by":"retort"},' +
    '"b":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}';
  const length = Math.ceil(json.length / 8) * 8;
  const view = new DataView(bytes.buffer);
  assert.equal(view.getBigUint64(0, true), BigInt(length));
  assert.equal(new TextDecoder().decode(bytes.subarray(8, 8 + length)), json.padEnd(length));
  assert.deepEqual([...bytes.subarray(8 + length)], [0, 0, 0x80, 0x3f, 0, 0, 0, 0xc0]);
});

Deno.test("decodeSafetensors gives back what was encoded, in order, from any offset", () => {
  const tensors = {
    theta: { shape: [2, 3], data: Float32Array.of(1, 2, 3, -0, Infinity, 1e-40) },
    'λ "quoted"': { shape: [], data: Float32Array.of(NaN) },
    empty: { shape: [0, 4], data: new Float32Array() },
    alpha: { shape: [1], data: Float32Array.of(7) },
  };
  const metadata = { b: "η", a: "two\nlines" };
  const bytes = encodeSafetensors(tensors, metadata);
  const shifted = new Uint8Array(bytes.length + 3);
  shifted.set(bytes, 3);
  const decoded = decodeSafetensors(shifted.subarray(3), "a.safetensors");
  assert.deepEqual(decoded, { tensors, metadata });
  assert.deepEqual(Object.keys(decoded.tensors), Object.keys(tensors));
  assert.deepEqual(encodeSafetensors(decoded.tensors, decoded.metadata), bytes);
});

Deno.test("decodeSafetensors reads tensors in any order, and no metadata", () => {
  const header = { b: entry([1], 4, 8), a: entry([1], 0, 4) };
  const { tensors, metadata } = decodeSafetensors(file(header, 8), "x");
  assert.deepEqual([tensors["a"]?.shape, tensors["b"]?.shape, metadata], [[1], [1], {}]);
});

Deno.test("encodeSafetensors refuses a wrong shape and a reserved name", () => {
  const data = Float32Array.of(1, 2);
  assert.throws(() => encodeSafetensors({ a: { shape: [3], data } }, {}), {
    name: "RangeError",
    message: /Cannot encode tensor a: got 2 numbers for the shape \[3\], expected 3/,
  });
  assert.throws(() => encodeSafetensors({ __metadata__: { shape: [2], data } }, {}), {
    name: "RangeError",
    message: /Cannot encode tensor __metadata__: .* a name other than __metadata__/,
  });
});

Deno.test("decodeSafetensors refuses a header of the wrong form", () => {
  const cases: [string | object, RegExp][] = [
    ["{oops", /Cannot read x: got a header that is no JSON, expected a JSON object/],
    ["[1, 2]", /got a header that is no JSON object/],
    [{ __metadata__: { a: 1 } }, /got __metadata__ {"a":1}, expected strings by name/],
    [{ __metadata__: [] }, /got __metadata__ \[\], expected strings by name/],
    [{ a: { ...entry([1], 0, 4), dtype: "F16" } }, /got tensor a of dtype F16, expected F32/],
    [{ a: 3 }, /got tensor a described as 3, expected dtype, shape and two data_offsets/],
    [{ a: "x".repeat(1e4) }, /got tensor a described as "x{78}…, expected/],
    [{ __metadata__: { a: [1e80, ...Array(99)] } }, /got __metadata__ .{79}…, expected strings/],
    [{ a: { ...entry([1], 0, 4), dtype: "F".repeat(1e4) } }, /of dtype F{79}…, expected F32/],
    [{ a: entry([-1], 0, 4) }, /got tensor a described as .*"shape":\[-1\]/],
    [{ a: entry([1], 0, 1.5) }, /got tensor a described as/],
    [{ a: { ...entry([1], 0, 4), data_offsets: [0] } }, /got tensor a described as/],
  ];
  for (const [header, message] of cases) {
    assert.throws(() => decodeSafetensors(file(header, 4), "x"), { name: "SyntaxError", message });
  }
  const notText = Uint8Array.of(1, 0, 0, 0, 0, 0, 0, 0, 0xff);
  assert.throws(() => decodeSafetensors(notText, "x"), { name: "SyntaxError", message: /no JSON/ });
});

Deno.test("decodeSafetensors refuses truncation, overlap, holes and wrong sizes", () => {
  const two = { a: entry([1], 0, 4), b: entry([1], 4, 8) };
  const cases: [Uint8Array, RegExp][] = [
    [new Uint8Array(5), /Cannot read x: got 5 bytes, expected a header up to byte 8; .*truncated/],
    [file(two, 8).slice(0, 20), /got 20 bytes, expected a header up to byte \d+/],
    [new Uint8Array(8).fill(255), /got 8 bytes, expected a header up to byte/],
    [file(two, 7), /got tensor b at bytes 4…8, expected it to start at 4 and end by 7/],
    [file(two, 9), /got 9 bytes of data, expected 8; the file has trailing bytes/],
    [file({ ...two, b: entry([1], 2, 6) }, 8), /got tensor b at bytes 2…6.* start at 4/],
    [file({ ...two, b: entry([1], 5, 9) }, 9), /got tensor b at bytes 5…9.* start at 4/],
    [file({ a: entry([3], 0, 8) }, 8), /got 8 bytes for tensor a of shape \[3\], expected 12/],
    [file({ a: entry([1], 8, 4) }, 8), /got -4 bytes for tensor a of shape \[1\], expected 4/],
  ];
  for (const [bytes, message] of cases) {
    assert.throws(() => decodeSafetensors(bytes, "x"), { name: "RangeError", message });
  }
});

Deno.test("decodeSafetensors says how to convert a PyTorch pickle", () => {
  for (const start of [[0x50, 0x4b, 3, 4], [0x80, 2, 0x8a, 10]]) {
    assert.throws(
      () => decodeSafetensors(Uint8Array.from([...start, 0, 0, 0, 0, 0]), "a/net.pth"),
      {
        name: "SyntaxError",
        message:
          "Cannot read a/net.pth: got a PyTorch pickle, expected safetensors; convert it in " +
          'Python: import torch, safetensors.torch as st; st.save_file(torch.load("a/net.pth", ' +
          'map_location="cpu", weights_only=True), "a/net.safetensors")',
      },
    );
  }
  const header = JSON.stringify({}).padEnd(0x280); // whose length begins as an old pickle does
  assert.deepEqual(decodeSafetensors(file(header, 0), "x").tensors, {});
});

function entry(shape: number[], begin: number, end: number) {
  return { dtype: "F32", shape, ["data_offsets"]: [begin, end] };
}

/** A file with the given header, as text or to be made JSON, and `size` bytes of zeros. */
function file(header: string | object, size: number): Uint8Array {
  const text = typeof header === "string" ? header : JSON.stringify(header);
  const json = new TextEncoder().encode(text);
  const bytes = new Uint8Array(8 + json.length + size);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(json.length), true);
  bytes.set(json, 8);
  return bytes;
}
