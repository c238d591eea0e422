import assert from "node:assert/strict";
import { Device, link, type Overrides, type Source, type Tensor } from "../../src/gpu/mod.ts";
import { gpuTest } from "../support/device.ts";

const WGSL = `// uses: shared/sizes.wgsl
override LAST: u32;
override BOTH: bool;
@group(0) @binding(1) var<storage, read> a: array<f32>;
@group(0) @binding(4) var<storage,read> b: array<f32>;
@group(0) @binding(2) var<storage, read_write> out: array<f32>;
@group(0)   @binding(3) var<storage, read_write> other: array<f32>;
@compute @workgroup_size(WG)
fn sum(by: Invocation) {
  let i = by.lane;
  if (i >= size.COUNT || i > LAST) { return; }
  out[i] = a[i] + 10 * b[i];
  if (BOTH) { other[i] = -a[i]; }
}
`;

const sourceOf = (text: string, name = "mine.wgsl"): Source => link(name, { [name]: text });

const SOURCE = sourceOf(WGSL);

const OVERRIDES = { LAST: 3, BOTH: 1, WG: 8 };
const LABEL = "mine.wgsl sum LAST=3 BOTH=1 WG=8";

const kernelOf = (device: Device) => device.kernel(SOURCE, "sum", OVERRIDES);

gpuTest("Kernel binds tensors by the names of the source, and sizes", async (device) => {
  using a = device.tensor([5]).write(Float32Array.of(1, 2, 3, 4, 5));
  using b = device.tensor([5]).write(Float32Array.of(5, 4, 3, 2, 1));
  using out = device.tensor([15]);
  using other = device.tensor([5]);
  for (const [COUNT, at] of [[2, 0], [5, 8]] as const) {
    const record = device.record();
    using part = device.tensor([5]);
    const bindings = { other, out: part, b, a };
    record.dispatch(kernelOf(device), { sizes: { COUNT }, bindings }, [1]);
    record.copy(part, out, at);
    record.submit();
  }
  const expected = [51, 42, 0, 0, 0, 0, 0, 0, 51, 42, 33, 24, 0, 0, 0];
  assert.deepEqual([...await out.read()], expected, "out = a + 10 b: two of them, then four");
  assert.deepEqual([...await other.read()], [-1, -2, -3, -4, 0]);
});

gpuTest(
  "Kernel takes null for what its entry point names and does not touch",
  async (device) => {
    using a = device.tensor([4]).write(Float32Array.of(1, 2, 3, 4));
    using b = device.tensor([4]);
    using out = device.tensor([4]);
    const kernel = device.kernel(SOURCE, "sum", { ...OVERRIDES, BOTH: 0 });
    const record = device.record();
    const bindings = { a, b, out, other: null };
    record.dispatch(kernel, { sizes: { COUNT: 4 }, bindings }, [1]);
    record.submit();
    assert.deepEqual([...await out.read()], [1, 2, 3, 4]);
  },
);

gpuTest("Kernel.bind refuses a name that the source does not declare", (device) => {
  using a = device.tensor([5]);
  assert.throws(() => kernelOf(device).bind(device.sizes({}), { a, c: a }), {
    name: "TypeError",
    message: `Cannot run ${LABEL}: got c, expected a binding that the source declares`,
  });
  return Promise.resolve();
});

gpuTest("Kernel.bind refuses a buffer that is written and bound twice", async (device) => {
  const kernel = kernelOf(device);
  const sizes = device.sizes({});
  using x = device.tensor([200]);
  using y = device.tensor([200]);
  using z = device.tensor([200]);
  const [low, high] = [x.view(0, [5]), x.view(64, [5])];
  const refused: [string, Record<string, Tensor>, string, string][] = [
    ["read, then written", { a: x, b: y, out: x, other: z }, "out", "a"],
    ["written, then read", { out: x, other: z, b: y, a: x }, "a", "out"],
    ["written twice", { a: y, b: y, out: x, other: x }, "other", "out"],
    ["views of one, read and written", { a: low, b: y, out: high, other: z }, "out", "a"],
    ["views that overlap", { a: y, b: y, out: x, other: high }, "other", "out"],
  ];
  for (const [what, bindings, got, other] of refused) {
    assert.throws(() => kernel.bind(sizes, bindings), {
      name: "TypeError",
      message:
        `Cannot run ${LABEL}: got ${got}, expected a buffer other than ${other}'s: one is written`,
    }, what);
  }
  kernel.bind(sizes, { a: low, b: high, out: y, other: z }); // read twice is fine
  kernel.bind(sizes, { a: y, b: y, out: low, other: high }); // and written twice in places apart
  kernel.bind(sizes, { a: y, b: y, out: x, other: null }); // and what is not touched
  await device.done();
});

/** Counts the bind groups that `body` has made. */
function groupsMade(device: Device, body: () => void): number {
  const { gpu } = device;
  const { createBindGroup } = gpu;
  let count = 0;
  gpu.createBindGroup = (descriptor) => {
    count++;
    return createBindGroup.call(gpu, descriptor);
  };
  try {
    body();
  } finally {
    gpu.createBindGroup = createBindGroup;
  }
  return count;
}

gpuTest("Kernel.bind makes one group for a choice of tensors and sizes", (device) => {
  const kernel = kernelOf(device);
  using x = device.tensor([64 + 5]);
  using y = device.tensor([5]);
  using z = device.tensor([5]);
  const bind = (a: Tensor, COUNT: number) => () => {
    kernel.bind(device.sizes({ COUNT }), { a, b: z, out: y, other: null });
  };
  assert.equal(groupsMade(device, bind(x, 1)), 1);
  assert.equal(groupsMade(device, bind(x, 1)), 0, "the same again");
  assert.equal(groupsMade(device, bind(x, 2)), 1, "other sizes");
  assert.equal(groupsMade(device, bind(z, 1)), 1, "another tensor");
  const view = x.view(64, [5]);
  assert.equal(groupsMade(device, bind(view, 1)), 1, "a view");
  assert.equal(groupsMade(device, bind(view, 1)), 0);
  return Promise.resolve();
});

gpuTest(
  "Kernel: a freed tensor takes its own bind groups with it, and no others",
  async (device) => {
    const kernel = kernelOf(device);
    const sizes = device.sizes({});
    using b = device.tensor([5]);
    using out = device.tensor([5]);
    using kept = device.tensor([5]);
    const freed = device.tensor([64 + 5]);
    const view = freed.view(64, [5]);
    const bind = (a: Tensor) =>
      groupsMade(device, () => {
        kernel.bind(sizes, { a, b, out, other: null });
      });
    assert.deepEqual([kept, freed, view].map(bind), [1, 1, 1]);
    assert.deepEqual([kept, freed, view].map(bind), [0, 0, 0]);
    view[Symbol.dispose](); // which owns nothing
    device.tensor([5])[Symbol.dispose](); // which no group holds
    assert.deepEqual([kept, freed, view].map(bind), [0, 0, 0]);
    freed[Symbol.dispose]();
    assert.deepEqual([kept, view, freed].map(bind), [0, 1, 1]);
    await assert.rejects(
      device.done(),
      /^Error: Cannot bind the tensors of mine.wgsl sum .*destroyed/,
    );
  },
);

gpuTest("Device.kernel compiles a source once, and a kernel once for its overrides", (device) => {
  const { gpu } = device;
  const { createShaderModule } = gpu;
  let modules = 0;
  gpu.createShaderModule = (descriptor) => {
    modules++;
    return createShaderModule.call(gpu, descriptor);
  };
  const source = sourceOf(WGSL);
  const kernel = device.kernel(source, "sum", OVERRIDES);
  const other = device.kernel(source, "sum", { ...OVERRIDES, LAST: 2 });
  gpu.createShaderModule = createShaderModule;
  assert.equal(modules, 1);
  assert.equal(device.kernel(source, "sum", { ...OVERRIDES }), kernel);
  assert.notEqual(other, kernel);
  assert.notEqual(other.pipeline, kernel.pipeline);
  return Promise.resolve();
});

/** What is thrown where a kernel of `text` runs, which has one binding: by the next read, and by the next submit. */
async function failure(text: string, overrides: Overrides = {}): Promise<string> {
  const messages: string[] = [];
  for (const waits of [false, true]) {
    using device = await Device.open();
    using out = device.tensor([5]);
    const record = device.record();
    const kernel = device.kernel(sourceOf(text, "broken.wgsl"), "run", { WG: 1, ...overrides });
    record.dispatch(kernel, { sizes: {}, bindings: { out } }, [1]);
    const run = async () => {
      record.submit();
      if (waits) {
        await new Promise((resolve) => setTimeout(resolve)); // what is wrong is known by then
        record.submit();
        assert.fail("a broken kernel was submitted again");
      }
      await out.read();
    };
    await assert.rejects(run(), (error: Error) => messages.push(error.message) > 0);
  }
  assert.equal(messages[0], messages[1]);
  return messages[0]!;
}

const HEAD = `// uses: shared/sizes.wgsl
override LAST: u32;
@group(0) @binding(1) var<storage, read_write> out: array<f32>;
@group(0) @binding(2) var<storage, read_write> more: array<f32>;
@compute @workgroup_size(WG)
`;

Deno.test("Kernel: an error in the WGSL names the file and the line", async () => {
  const message = await failure(
    HEAD + "fn run() {\n  out[0] = f32(size.R);\n  out[1] = nonsense;\n}\n",
  );
  assert.match(message, /^Cannot compile broken\.wgsl: kernels\/broken\.wgsl:8: .*nonsense/);
});

Deno.test("Kernel: a forgotten override is named", async () => {
  const message = await failure(HEAD + "fn run() { out[0] = f32(size.R + LAST); }\n");
  assert.match(message, /^Cannot compile broken\.wgsl run WG=1: .*LAST/s);
});

Deno.test("Kernel: a forgotten binding is named", async () => {
  const text = HEAD + "fn run() { out[0] = more[size.R]; }\n";
  const message = await failure(text, { LAST: 7 });
  assert.match(message, /^Cannot bind the tensors of broken\.wgsl run WG=1 LAST=7: \S/);
});
