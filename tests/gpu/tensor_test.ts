import assert from "node:assert/strict";
import { VIEW_FLOATS } from "../../src/gpu/mod.ts";
import { gpuTest } from "../support/device.ts";

gpuTest("Tensor is zero-filled and has the words of its shape", async (device) => {
  using tensor = device.tensor([3, 5, 7]);
  assert.deepEqual([tensor.size, tensor.offset, tensor.shape], [105, 0, [3, 5, 7]]);
  assert.deepEqual(await tensor.read(), new Float32Array(105));
});

gpuTest("Tensor.write and read keep every bit, of f32, u32 and bytes", async (device) => {
  using tensor = device.tensor([5]);
  const words = Float32Array.of(1.5, -0, 2 ** -140, Infinity, -3e38);
  assert.deepEqual(await tensor.write(words).read(), words);
  const bits = Uint32Array.of(1, 0xffffffff, 0x80000000, 7, 0x1bd11bda);
  assert.deepEqual(new Uint32Array((await tensor.write(bits).read()).buffer), bits);
  const bytes = Uint8Array.of(1, 2, 3, 4, 250, 251, 252, 253); // the rest stays
  const read = new Uint8Array((await tensor.write(bytes).read()).buffer);
  assert.deepEqual(read.subarray(0, 8), bytes);
  assert.deepEqual(new Uint32Array(read.slice(8).buffer), bits.subarray(2));
});

gpuTest("Tensor.write takes the part that a subarray shows", async (device) => {
  using tensor = device.tensor([3]);
  const words = Float32Array.of(9, 1, 2, 3, 9);
  assert.deepEqual(await tensor.write(words.subarray(1, 4)).read(), Float32Array.of(1, 2, 3));
});

gpuTest("Tensor.write of nothing changes nothing", async (device) => {
  using tensor = device.tensor([3]).write(Float32Array.of(1, 2, 3));
  for (const nothing of [new Float32Array(0), new Uint32Array(0), new Uint8Array(0)]) {
    assert.deepEqual([...await tensor.write(nothing).read()], [1, 2, 3]);
  }
});

gpuTest("Tensor.write refuses more than there is, and parts of words", (device) => {
  using tensor = device.tensor([2, 3]);
  assert.throws(() => tensor.write(new Float32Array(7)), {
    name: "RangeError",
    message: "Cannot write to a tensor [2, 3]: got 28 bytes, expected a multiple of 4, at most 24",
  });
  assert.throws(() => tensor.write(new Uint8Array(6)), { name: "RangeError", message: /6 bytes/ });
  return Promise.resolve();
});

gpuTest("Tensor.view reads and writes its own part of the buffer", async (device) => {
  using tensor = device.tensor([3 * VIEW_FLOATS + 9]);
  const view = tensor.view(VIEW_FLOATS, [2, VIEW_FLOATS + 3]);
  assert.deepEqual([view.size, view.offset], [2 * VIEW_FLOATS + 6, 4 * VIEW_FLOATS]);
  const words = Float32Array.from({ length: view.size }, (_, i) => i + 1);
  view.write(words);
  assert.deepEqual(await view.read(), words);
  const inner = view.view(VIEW_FLOATS, [5]);
  assert.deepEqual(await inner.read(), words.subarray(VIEW_FLOATS, VIEW_FLOATS + 5));
  const expected = new Float32Array(tensor.size);
  expected.set(words, VIEW_FLOATS);
  assert.deepEqual(await tensor.read(), expected);
});

gpuTest("Tensor.view owns nothing", async (device) => {
  using tensor = device.tensor([100]);
  tensor.write(new Float32Array(100).fill(3));
  const before = device.bytes;
  tensor.view(64, [36])[Symbol.dispose]();
  assert.equal(device.bytes, before);
  assert.equal((await tensor.read())[99], 3);
});

gpuTest("Tensor.view refuses a start that is not aligned and an end beyond", (device) => {
  using tensor = device.tensor([200]);
  assert.throws(() => tensor.view(32, [5]), {
    name: "RangeError",
    message: "Cannot view a tensor of 200 words: got start 32 and shape [5], expected a multiple " +
      "of 64 and an end within it",
  });
  assert.equal(tensor.view(128, [8, 9]).size, 72);
  assert.throws(() => tensor.view(128, [73]), RangeError);
  assert.throws(() => tensor.view(-64, [5]), RangeError);
  assert.throws(() => tensor.view(NaN, [5]), RangeError);
  assert.throws(() => tensor.view(64, [10]).view(64, [1]), RangeError);
  return Promise.resolve();
});

gpuTest("Tensor too large, or of no words, is a RangeError naming shape and limit", (device) => {
  const most = device.info.limits.maxStorageBufferBindingSize!;
  const shape = [most / 4, 3];
  const bytes = device.bytes;
  assert.throws(() => device.tensor(shape, "activations"), {
    name: "RangeError",
    message: `Cannot allocate activations: got shape [${most / 4}, 3] of ${most * 3} bytes, ` +
      `expected 1 to ${most} bytes on this adapter; use a smaller batch or fewer networks`,
  });
  for (const bad of [[0], [3, 0], [-2], [2.5], [NaN]]) {
    assert.throws(() => device.tensor(bad), { name: "RangeError", message: /got shape \[/ });
  }
  assert.equal(device.bytes, bytes, "a refused tensor counts nothing");
  return Promise.resolve();
});

gpuTest("Tensor.read of a freed tensor is an error", async (device) => {
  const tensor = device.tensor([5]);
  tensor[Symbol.dispose]();
  await assert.rejects(tensor.read(), /Cannot go on: the GPU reported: .*destroyed/s);
});
