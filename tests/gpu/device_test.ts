import assert from "node:assert/strict";
import { Device, profiles, type Tensor } from "../../src/gpu/mod.ts";
import { deviceOf, gpuTest } from "../support/device.ts";
import { oddNet } from "../support/nets.ts";

/** Runs `body` while `navigator.gpu.requestAdapter` answers with `answer`. */
async function withAdapter(answer: unknown, body: () => Promise<void>): Promise<void> {
  const requestAdapter = () => Promise.resolve(answer);
  Object.defineProperty(navigator.gpu, "requestAdapter", {
    configurable: true,
    value: requestAdapter,
  });
  try {
    await body();
  } finally {
    Reflect.deleteProperty(navigator.gpu, "requestAdapter"); // the prototype's own shows again
  }
}

gpuTest("Device.open gives the profile, the limits and the features", async (device) => {
  const { name, profile, limits, features } = device.info;
  assert.equal(device.profile, profiles[profile]);
  assert.equal(device.profile.name, profile);
  assert.notEqual(name, "");
  const adapter = await navigator.gpu.requestAdapter();
  assert.deepEqual(features, [...adapter!.features].sort());
  assert.equal(limits.maxStorageBufferBindingSize, adapter!.limits.maxStorageBufferBindingSize);
  for (const [limit, value] of Object.entries(limits)) {
    assert.ok(value >= 1, `${limit} is ${value}`);
    assert.equal(device.gpu.limits[limit as "maxBufferSize"], value, `${limit} was asked for`);
  }
});

Deno.test("Device.open without a profile takes the one that suits the adapter", async () => {
  using device = await Device.open();
  const software = /llvmpipe|lavapipe|swiftshader|basic render/i.test(device.info.name);
  assert.equal(device.info.profile, software ? "software" : "hardware");
});

Deno.test("Device.open says what to install where there is no adapter", async () => {
  await withAdapter(null, async () => {
    await assert.rejects(Device.open(), {
      name: "NoAdapterError",
      message: /^Cannot find a WebGPU adapter: got none, expected .*; .* mesa-vulkan-drivers on /,
    });
  });
  using device = await Device.open(); // and the stub is gone again
  assert.notEqual(device.info.name, "");
});

Deno.test("Device.open chooses the hardware profile and a name for other adapters", async () => {
  const real = await navigator.gpu.requestAdapter();
  const info = { description: "", device: "GH100", vendor: "nvidia", isFallbackAdapter: false };
  const rest = { limits: real!.limits, features: real!.features };
  const adapter = { info, ...rest, requestDevice: real!.requestDevice.bind(real) };
  await withAdapter(adapter, async () => {
    using device = await Device.open();
    assert.deepEqual([device.info.name, device.info.profile], ["GH100", "hardware"]);
  });
});

gpuTest("Device.bytes and peakBytes count tensors in whole vec4s", (device) => {
  const before = device.bytes;
  device.resetPeak();
  assert.equal(device.peakBytes, before);
  {
    using a = device.tensor([3, 7]); // 21 words take 6 vec4s
    assert.equal(a.bytes, 96);
    assert.equal(device.bytes - before, 96);
    {
      using _b = device.tensor([5]);
      assert.equal(device.bytes - before, 96 + 32);
    }
    assert.equal(device.bytes - before, 96, "`using` frees");
    assert.equal(device.peakBytes - before, 96 + 32, "the peak stays");
    a[Symbol.dispose](); // and once more at the end of the block
    assert.equal(device.bytes, before);
  }
  assert.equal(device.bytes, before, "freeing twice counts once");
  device.resetPeak();
  assert.equal(device.peakBytes, before);
  return Promise.resolve();
});

gpuTest(
  "Device.count gives the bytes that building takes, by label, and allocates none",
  (device) => {
    const build = () => {
      using owned = new DisposableStack();
      owned.use(device.tensor([3, 7], "some")); // 21 words take 6 vec4s
      const words = owned.use(device.tensor([5], "others"));
      words.write(Float32Array.of(1, 2, 3)).view(0, [4]);
      owned.use(device.tensor([64], "some"));
      return owned.move();
    };
    const before = device.bytes;
    device.resetPeak();
    const { bytes, byLabel } = withoutBuffers(device, () => device.count(build));
    assert.deepEqual([...byLabel], [["some", 96 + 256], ["others", 32]]);
    assert.deepEqual([device.bytes, device.peakBytes], [before, before]);
    using _built = build();
    assert.equal(device.bytes - before, bytes);
    assert.equal(bytes, 96 + 256 + 32);
    return Promise.resolve();
  },
);

gpuTest("Device.count of a net's workspace, tangents and θ is what they take", (device) => {
  const net = oddNet(device);
  const build = () => {
    using owned = new DisposableStack();
    owned.use(net.workspace(3, 5, { passes: "grad" }));
    owned.use(net.tangents(3, 5));
    owned.use(net.theta(3));
    return owned.move();
  };
  const before = device.bytes;
  const { bytes, byLabel } = withoutBuffers(device, () => device.count(build));
  assert.deepEqual([...byLabel.keys()].sort(), ["activations", "tangents", "theta"]);
  using _built = build();
  assert.equal(device.bytes - before, bytes);
  return Promise.resolve();
});

Deno.test("Device.count: what was counted cannot be used, and what is built later can", async () => {
  const device = await deviceOf("software");
  const counted: Tensor[] = [];
  device.count(() => {
    counted.push(device.tensor([5]));
    return counted[0]!;
  });
  assert.throws(() => counted[0]!.buffer, {
    name: "TypeError",
    message: "Cannot use a tensor that was only counted: expected an allocated one",
  });
  const failing = () => {
    throw new RangeError("no such plan");
  };
  assert.throws(() => device.count(failing), { message: "no such plan" });
  using tensor = device.tensor([2]).write(Float32Array.of(3, 4));
  assert.deepEqual([...await tensor.read()], [3, 4]);
});

/** Runs `body` where a buffer that is created is a failure. */
function withoutBuffers<T>(device: Device, body: () => T): T {
  const { gpu } = device;
  const { createBuffer } = gpu;
  gpu.createBuffer = () => assert.fail("a buffer was created");
  try {
    return body();
  } finally {
    gpu.createBuffer = createBuffer;
  }
}

Deno.test("Device.check throws what went wrong, once", async () => {
  using device = await Device.open();
  device.check();
  device.gpu.createBuffer({ size: 16, usage: 0 }); // no usage is no buffer
  await assert.rejects(device.done(), /^Error: Cannot go on: the GPU reported: .*usage/is);
  await device.done();
});

Deno.test("Device: a lost device surfaces at the next read", async () => {
  const device = await Device.open();
  const tensor = device.tensor([5]);
  device.gpu.destroy();
  await assert.rejects(tensor.read(), {
    message: /^Cannot go on: the GPU reported: the device was lost: \S/,
  });
});
