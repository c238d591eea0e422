// deno-lint-ignore-file camelcase -- settings are spelled as in the files
/**
 * Parameters that are more than a binding holds: the same bits as where they are not, and AlexNet, whose
 * 231 MB and whose first dense layer of 151 MB are more than the 128 MiB that WebGPU promises.
 */
import assert from "node:assert/strict";
import { Device } from "../../src/gpu/mod.ts";
import { distill } from "../../src/distill/distill.ts";
import { drawNetworks } from "../../src/distill/evaluate.ts";
import { trainNetworks } from "../../src/distill/train.ts";
import { trainSettings } from "../../src/distill/train_settings.ts";
import { buildNet } from "../../src/nets/build.ts";
import { exportParameters } from "../../src/nets/export.ts";
import { random } from "../oracle/numeric.ts";
import { relativeError, twinOf } from "../support/nets.ts";
import {
  contentsOf,
  easyDataset,
  expectSame,
  pick,
  runTest,
  shortRecipe,
} from "../support/runs.ts";

/** Bytes of a binding: less than the first dense layer, and than θ, of the network below. */
const MOST = 64 * 1024;

/** A convolution, a dense layer of 69 KB in two halves, and another in a window. */
const ARCH = [
  { conv: { channels: 4, size: 5, stride: 1, pad: 0 } },
  "relu" as const,
  { max_pool: { size: 2, stride: 2, pad: 0 } },
  { dense: { outputs: 30 } },
  "relu" as const,
  { dense: { outputs: "classes" as const } },
];

const dataset = easyDataset();

/** A device whose adapter takes bindings of `MOST` bytes, and refuses more. */
async function smallDevice(profile: "software" | "hardware"): Promise<Device> {
  const device = await Device.open({ profile });
  device.info.limits.maxStorageBufferBindingSize = MOST;
  const create = device.gpu.createBindGroup.bind(device.gpu);
  device.gpu.createBindGroup = (group) => {
    for (const { resource } of group.entries) {
      const { size } = resource as GPUBufferBinding;
      assert.ok(size! <= MOST, `${group.label} binds ${size} bytes`);
    }
    return create(group);
  };
  return device;
}

async function onBoth<T>(profile: "software" | "hardware", run: (device: Device) => Promise<T>) {
  using whole = await Device.open({ profile });
  const expected = await run(whole);
  using small = await smallDevice(profile);
  return [await run(small), expected] as const;
}

for (const profile of ["software", "hardware"] as const) {
  runTest(`distill in windows of θ gives the same bytes [${profile}]`, async (_, dir) => {
    const drawn = { init: "random", init_method: "default", test_networks: 2 } as const;
    const recipe = shortRecipe({ arch: ARCH, ...drawn, soft_labels: true, iterations: 2 });
    const [got, expected] = await onBoth(profile, async (device) => {
      const out = await Deno.makeTempDir({ dir });
      await distill(device, recipe, dataset, { out });
      return pick(await contentsOf(out), "distilled.safetensors", "checkpoint.safetensors");
    });
    expectSame("windows", got, expected);
  });
}

runTest("train in windows of θ gives the same bytes", async (_, dir) => {
  const settings = { arch: ARCH, networks: 2, atOnce: 1, epochs: 1, batch: 16 };
  const [got, expected] = await onBoth("software", async (device) => {
    const out = `${await Deno.makeTempDir({ dir })}/networks.safetensors`;
    await trainNetworks(device, dataset, trainSettings("mnist", settings), { out });
    return { networks: await Deno.readFile(out) };
  });
  expectSame("networks", got, expected);
});

runTest("networks that are together more than a binding are refused", async (_, dir) => {
  using device = await smallDevice("software");
  const recipe = shortRecipe({ arch: ARCH, init: "random", networks: 2 });
  await assert.rejects(distill(device, recipe, dataset, { out: `${dir}/none` }), {
    name: "UsageError",
    message: /^Cannot run 2 networks side by side: got 138\.7 KB .*; lower networks to 1$/,
  });
  await assert.rejects(Deno.stat(`${dir}/none`), Deno.errors.NotFound);
});

runTest("AlexNet at full size: the logits of an image are the oracle's", async (device) => {
  const input = { channels: 3, height: 224, width: 224 };
  using net = buildNet(device, "alexnet", input, 200);
  assert.equal(net.parameterCount, 57_823_240);
  using theta = device.large([1, net.stride], "theta");
  const how = { init: "fixed", method: "kaiming_fan_in", param: 1, seed: 3 } as const;
  drawNetworks(net, theta, how, 0);
  const image = random(3 * 224 * 224, 5);
  using x = device.tensor([3 * 224 * 224, 4]);
  x.write(Float32Array.from({ length: x.size }, (_, i) => i % 4 ? 0 : image[i / 4]!));
  using work = net.workspace(1, 1, { passes: "forward" });
  const record = device.record();
  net.forward(record, work, theta, x);
  record.submit();
  const logits = (await work.logits.read()).filter((_, i) => i % 4 === 0);
  const weights = new Float64Array(net.parameterCount);
  let at = 0;
  for (const { data } of Object.values(exportParameters(net, await theta.read()))) {
    weights.set(data, at);
    at += data.length;
  }
  const y = twinOf("alexnet", input, 200).fwd(Float64Array.from(image), weights, 1);
  const error = relativeError(Float64Array.from(logits), y);
  assert.ok(error < 1e-5, `relative error ${error}`);
});
