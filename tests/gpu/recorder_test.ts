import assert from "node:assert/strict";
import source from "../../kernels/vector.wgsl" with { type: "text" };
import type { Device, Kernel } from "../../src/gpu/mod.ts";
import { gpuTest } from "../support/device.ts";

function addKernel(device: Device): Kernel {
  const overrides = { SIZE: 0, NETWORKS: 1, SCALE: 1, WG: device.profile.workgroup };
  return device.kernel("vector", source, "add", overrides);
}

gpuTest("Recorder.dispatch refuses a grid over the limit", (device) => {
  const most = device.info.limits.maxComputeWorkgroupsPerDimension!;
  using a = device.tensor([5]);
  using out = device.tensor([5]);
  const record = device.record();
  const kernel = addKernel(device);
  for (const groups of [[most + 1], [2, most + 1], [2, 3, most + 1]] as [number][]) {
    assert.throws(() => record.dispatch(kernel, { a, out }, groups), {
      name: "RangeError",
      message: new RegExp(`workgroups, expected at most ${most} in each dimension; use a smaller`),
    });
  }
  assert.equal(record.dispatches, 0);
  return Promise.resolve();
});

gpuTest("Recorder.dispatchEach reaches every element, on a 2-D grid too", async (device) => {
  const most = device.info.limits.maxComputeWorkgroupsPerDimension!;
  for (const size of [5, 64, 65, most * 64, (most + 1) * 64 + 5]) {
    using a = device.tensor([size]).write(Float32Array.from({ length: size }, (_, i) => i % 8191));
    using out = device.tensor([size]).write(new Float32Array(size).fill(0.5));
    const record = device.record();
    record.dispatchEach(addKernel(device), { a, out }, size);
    record.submit();
    assert.equal(record.dispatches, 1);
    const words = await out.read();
    assert.equal(words.findIndex((value, i) => value !== i % 8191 + 0.5), -1, `of ${size}`);
  }
});

gpuTest("Recorder runs dispatches, clears and copies in the order of the calls", async (device) => {
  using a = device.tensor([5]).write(Float32Array.of(1, 2, 3, 4, 5));
  using out = device.tensor([5]).write(new Float32Array(5).fill(100));
  using all = device.tensor([15]);
  const kernel = addKernel(device);
  const record = device.record();
  record.clear(out);
  record.dispatch(kernel, { a, out }, [1]);
  record.copy(out, all);
  record.dispatch(kernel, { a, out }, [1]);
  record.copy(out, all, 7);
  assert.equal(record.dispatches, 2);
  assert.deepEqual([...await all.read()], new Array(15).fill(0), "nothing runs before submit");
  record.submit();
  const expected = [1, 2, 3, 4, 5, 0, 0, 2, 4, 6, 8, 10, 0, 0, 0];
  assert.deepEqual([...await all.read()], expected);
});

gpuTest("Recorder keeps the order of the calls over many command buffers", async (device) => {
  using a = device.tensor([4]).write(Float32Array.of(1, 2, 3, 4));
  using out = device.tensor([4]).write(new Float32Array(4).fill(100));
  using copied = device.tensor([4]);
  const kernel = addKernel(device);
  for (const count of [4096, 8200]) { // a multiple of what one holds, and more
    const record = device.record();
    record.clear(out);
    for (let i = 0; i < count; i++) record.dispatch(kernel, { a, out }, [1]);
    record.copy(out, copied);
    record.dispatch(kernel, { a, out }, [1]);
    record.submit();
    assert.equal(record.dispatches, count + 1);
    assert.deepEqual([...await copied.read()], [1, 2, 3, 4].map((v) => v * count));
    assert.deepEqual([...await out.read()], [1, 2, 3, 4].map((v) => v * (count + 1)));
  }
});

gpuTest("Recorder.clear and copy keep to the words of a view", async (device) => {
  using tensor = device.tensor([200]).write(new Float32Array(200).fill(7));
  using other = device.tensor([200]);
  const record = device.record();
  record.clear(tensor.view(64, [8]));
  record.copy(tensor.view(64, [10]), other.view(128, [20]), 3);
  record.submit();
  const expected = new Float32Array(200).fill(7).fill(0, 64, 72);
  assert.deepEqual(await tensor.read(), expected);
  assert.deepEqual(await other.read(), new Float32Array(200).fill(7, 139, 141));
});
