// deno-lint-ignore-file camelcase -- settings are spelled as in the files
/**
 * Parameters that are more than a binding holds: the same bits as where they are not, and AlexNet, whose
 * 231 MB and whose first dense layer of 151 MB are more than the 128 MiB that WebGPU promises.
 */
import assert from "node:assert/strict";
import type { Arch } from "../../src/arch/layers.ts";
import { Device } from "../../src/gpu/mod.ts";
import { distill } from "../../src/distill/distill.ts";
import { drawNetworks } from "../../src/distill/evaluate.ts";
import type { Recipe } from "../../src/distill/recipe.ts";
import { trainNetworks } from "../../src/distill/train.ts";
import { trainSettings } from "../../src/distill/train_settings.ts";
import { buildNet } from "../../src/nets/build.ts";
import { exportParameters } from "../../src/nets/export.ts";
import { thetaTensor } from "../../src/ops/theta_window.ts";
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

const dense = (outputs: number | "classes") => ({ dense: { outputs } });
const conv = (channels: number, size: number, stride: number, pad: number) => ({
  conv: { channels, size, stride, pad },
});
const POOL = { max_pool: { size: 2, stride: 2, pad: 0 } };

/** A convolution, a dense layer of 69 KB in two halves, and another in a window. */
const ARCH: Arch = [conv(4, 5, 1, 0), "relu", POOL, dense(30), "relu", dense("classes")];
/** With a stride, halves of 71 KB that end within a row. */
const STRIDED: Arch = [
  ...[conv(4, 5, 2, 2), "relu", conv(4, 3, 1, 1), "relu", POOL] as const,
  ...[dense(90), "relu", dense("classes")] as const,
];
/** In windows alone, which `orthogonal` needs. */
const DENSE: Arch = [dense(20), "relu", dense(40), "relu", dense("classes")];

const dataset = easyDataset();

/** A device whose adapter takes bindings of `MOST` bytes, and refuses more. */
async function smallDevice(profile: "software" | "hardware"): Promise<Device> {
  const device = await Device.open({ profile });
  device.info.limits.maxStorageBufferBindingSize = MOST;
  const create = device.gpu.createBindGroup.bind(device.gpu);
  device.gpu.createBindGroup = (group) => {
    assert.ok(group.entries.length <= 8, `${group.label} binds more than WebGPU promises`);
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

for (
  const [profile, init_method, arch] of [
    ["software", "default", STRIDED],
    ["hardware", "default", ARCH],
    ["software", "orthogonal", DENSE],
  ] as const
) {
  runTest(
    `distill in windows gives the same bytes [${profile}, ${init_method}]`,
    async (_, dir) => {
      const drawn = { init: "random", init_method, test_networks: 2 } as const;
      const recipe = shortRecipe({ arch, ...drawn, soft_labels: true, iterations: 2 });
      const [got, expected] = await onBoth(profile, async (device) => {
        const out = await Deno.makeTempDir({ dir });
        await distill(device, recipe, dataset, { out });
        return pick(await contentsOf(out), "distilled.safetensors", "checkpoint.safetensors");
      });
      expectSame("windows", got, expected);
    },
  );
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

runTest("what windows cannot do is refused before anything is written", async (_, dir) => {
  using device = await smallDevice("software");
  const out = `${dir}/none`;
  const run = (settings: Partial<Recipe>) =>
    distill(device, shortRecipe(settings), dataset, { out });
  const two = { arch: ARCH, init: "random", networks: 2 } as const;
  await refuses(run(two), /^Cannot run 2 networks side by side: got 138.7 KB of parameters, /);
  await refuses(run(two), /, expected at most 64.0 KB on this adapter; lower networks to 1$/);
  const settings = trainSettings("mnist", { arch: ARCH, networks: 3, atOnce: 2, batch: 16 });
  await refuses(trainNetworks(device, dataset, settings, { out }), /; lower --at-once to 1$/);
  const whole = { arch: ARCH, init_method: "orthogonal" } as const;
  await refuses(run(whole), /^Cannot run layer .* 64.0 KB on .*; set another init_method$/);
  const large = { arch: [dense(50), dense("classes")] };
  await refuses(run(large), /^Cannot run layer .* 128.0 KB on .*; make the layer smaller$/);
  await assert.rejects(Deno.stat(out), Deno.errors.NotFound);
});

async function refuses(run: Promise<unknown>, message: RegExp): Promise<void> {
  await assert.rejects(run, { name: "UsageError", message });
}

runTest("AlexNet at full size: the logits of an image are the oracle's", async (device) => {
  const input = { channels: 3, height: 224, width: 224 };
  using net = buildNet(device, "alexnet", input, 200);
  assert.equal(net.parameterCount, 57_823_240);
  using theta = thetaTensor(device, [1, net.stride], "theta");
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
