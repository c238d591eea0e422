import assert from "node:assert/strict";
import { Device } from "../../src/gpu/mod.ts";
import { gpuTest } from "../support/device.ts";

const SOURCE = `
override SIZE: u32;
@group(0) @binding(0) var<storage, read> a: array<f32>;
@group(0) @binding(3) var<storage,read> b: array<f32>;
@group(0) @binding(1) var<storage, read_write> out: array<f32>;
@group(0)   @binding(2) var<storage, read_write> other: array<f32>;
@compute @workgroup_size(8)
fn sum(@builtin(local_invocation_index) i: u32) {
  if (i < SIZE) { out[i] = a[i] + 10 * b[i]; other[i] = -a[i]; }
}
`;

gpuTest("Kernel binds tensors by the names of the source", async (device) => {
  using a = device.tensor([5]).write(Float32Array.of(1, 2, 3, 4, 5));
  using b = device.tensor([5]).write(Float32Array.of(5, 4, 3, 2, 1));
  using out = device.tensor([5]);
  using other = device.tensor([5]);
  const record = device.record();
  const kernel = device.kernel("names", SOURCE, "sum", { SIZE: 4 });
  record.dispatch(kernel, { other, out, b, a }, [1]);
  record.submit();
  assert.deepEqual([...await out.read()], [51, 42, 33, 24, 0], "out = a + 10 b, SIZE of it");
  assert.deepEqual([...await other.read()], [-1, -2, -3, -4, 0]);
});

gpuTest("Kernel.bind refuses a name that the source does not declare", (device) => {
  const kernel = device.kernel("names", SOURCE, "sum", { SIZE: 4 });
  using a = device.tensor([5]);
  assert.throws(() => kernel.bind({ a, c: a }), {
    name: "TypeError",
    message: "Cannot run names.sum SIZE=4: got c, expected a binding that the source declares",
  });
  return Promise.resolve();
});

gpuTest("Kernel.bind refuses a buffer that is written and bound twice", (device) => {
  const kernel = device.kernel("names", SOURCE, "sum", { SIZE: 4 });
  using x = device.tensor([200]);
  using y = device.tensor([200]);
  using z = device.tensor([200]);
  const refused = {
    name: "TypeError",
    message: /^Cannot run names\.sum SIZE=4: got (\w+), expect/,
  };
  assert.throws(() => kernel.bind({ a: x, b: y, out: x, other: z }), refused, "read, then written");
  assert.throws(() => kernel.bind({ out: x, other: z, b: y, a: x }), refused, "written, then read");
  assert.throws(() => kernel.bind({ a: y, b: y, out: x, other: x }), refused, "written twice");
  const [low, high] = [x.view(0, [5]), x.view(64, [5])];
  assert.throws(() => kernel.bind({ a: low, b: y, out: high, other: z }), refused, "views of one");
  assert.throws(
    () => kernel.bind({ a: y, b: y, out: x, other: x }),
    /got other, expected a buffer other than out's/,
  );
  kernel.bind({ a: low, b: high, out: y, other: z }); // read twice is fine
  kernel.bind({ a: y, b: y, out: low, other: high }); // and written twice in places apart
  device.check();
  return Promise.resolve();
});

gpuTest("Kernel.bind makes one group for one choice of tensors, none with freed ones", (device) => {
  const kernel = device.kernel("names", SOURCE, "sum", { SIZE: 4 });
  using x = device.tensor([5]);
  using y = device.tensor([5]);
  using z = device.tensor([5]);
  const group = kernel.bind({ a: x, b: x, out: y, other: z });
  assert.equal(kernel.bind({ a: x, b: x, out: y, other: z }), group);
  assert.notEqual(kernel.bind({ a: x, b: x, out: z, other: y }), group);
  device.tensor([5])[Symbol.dispose]();
  assert.notEqual(kernel.bind({ a: x, b: x, out: y, other: z }), group);
  return Promise.resolve();
});

gpuTest("Device.kernel compiles once for a set of overrides", (device) => {
  const kernel = device.kernel("names", SOURCE, "sum", { SIZE: 3 });
  assert.equal(device.kernel("names", SOURCE, "sum", { SIZE: 3 }), kernel);
  const other = device.kernel("names", SOURCE, "sum", { SIZE: 2 });
  assert.notEqual(other, kernel);
  assert.notEqual(other.pipeline, kernel.pipeline);
  return Promise.resolve();
});

/** What the next read reports of a kernel made from `source`. */
async function failure(source: string): Promise<string> {
  using device = await Device.open();
  using out = device.tensor([5]);
  const record = device.record();
  record.dispatch(device.kernel("broken.wgsl", source, "run", {}), { out }, [1]);
  record.submit();
  try {
    await out.read();
  } catch (error) {
    return (error as Error).message;
  }
  return assert.fail("the read went through");
}

const DECLARATION = "@group(0) @binding(0) var<storage, read_write> out: array<f32>;\n";

Deno.test("Kernel: an error in the WGSL names the file and the line at the next read", async () => {
  const body = "@compute @workgroup_size(1)\nfn run() {\n  out[0] = nonsense;\n}\n";
  const message = await failure(DECLARATION + body);
  assert.match(message, /^Cannot go on: the GPU reported: /);
  assert.match(message, /broken\.wgsl\.run/);
  assert.match(message, /4:12/);
  assert.match(message, /nonsense/);
});

Deno.test("Kernel: a forgotten override is named at the next read", async () => {
  const body =
    "override SIZE: u32;\n@compute @workgroup_size(1)\nfn run() { out[0] = f32(SIZE); }\n";
  assert.match(
    await failure(DECLARATION + body),
    /^Cannot go on: the GPU reported: .*Missing value .*override?able.*'SIZE'/s,
  );
});
