/** θ in one tensor or in several, where an adapter binds less than it takes: the same bits. */
import assert from "node:assert/strict";
import type { Dataset, Split } from "../../src/sets/dataset.ts";
import type { Blocks } from "../../src/meta/blocks.ts";
import { distill } from "../../src/run/distill.ts";
import { drawNetworks } from "../../src/evaluate/measure.ts";
import { RealBatch } from "../../src/meta/real_batch.ts";
import type { Recipe } from "../../src/recipe/recipe.ts";
import { trainNetworks } from "../../src/run/train.ts";
import { trainSettings } from "../../src/recipe/train_settings.ts";
import { DistilledData } from "../../src/meta/distilled_data.ts";
import { OPTIMIZER_NAMES } from "../../src/meta/optimizers/list.ts";
import { Unroll } from "../../src/meta/unroll.ts";
import { type Device, VIEW_FLOATS } from "../../src/gpu/mod.ts";
import { parseArch } from "../../src/recipe/recipe.ts";
import { buildNet, twinOf } from "../../src/nets/build.ts";
import type { Net } from "../../src/nets/net.ts";
import { Theta } from "../../src/nets/theta.ts";
import { random } from "../oracle/numeric.ts";
import { gpuTest } from "../support/device.ts";
import { upload } from "../support/layout.ts";
import { flatten, relativeError, thinned } from "../support/nets.ts";
import { expectSame, runTest, shortRecipe } from "../support/runs.ts";
import { unrollSpec } from "../support/specs.ts";

/** Runs `body` where an adapter binds `most` bytes at most; to bind more is a failure. */
async function withBindings<T>(
  device: Device,
  most: number,
  body: () => T | Promise<T>,
): Promise<T> {
  const { gpu, info: { limits } } = device;
  const { createBindGroup } = gpu;
  const before = limits.maxStorageBufferBindingSize!;
  limits.maxStorageBufferBindingSize = most;
  gpu.createBindGroup = (descriptor) => {
    for (const { resource } of descriptor.entries) {
      const { size } = resource as GPUBufferBinding;
      assert.ok(!(size! > most), `${descriptor.label} binds ${size} bytes`);
    }
    return createBindGroup.call(gpu, descriptor);
  };
  try {
    return await body();
  } finally {
    limits.maxStorageBufferBindingSize = before;
    gpu.createBindGroup = createBindGroup;
  }
}

/** Floats of a network in each layer: of three networks they are 36, none, 300, 264 and 12. */
const FLOATS = [12, 0, 100, 88, 4];
const R = 3;
const STRIDE = 204;

/** [R, STRIDE], a number for each word that tells where it is from. */
const networkMajor = () => Float32Array.from({ length: R * STRIDE }, (_, i) => i + 1);

/** What a layer's view [R, P] holds of it, `before` being the floats of earlier layers. */
function layerOf(floats: number, before: number): number[] {
  return Array.from({ length: R }, (_, r) => {
    return Array.from({ length: floats }, (_, i) => r * STRIDE + before + i + 1);
  }).flat();
}

/** Each layer's view holds its part of all networks, and what was written is read. */
async function roundTrip(theta: Theta): Promise<void> {
  assert.deepEqual([theta.networks, theta.stride], [R, STRIDE]);
  assert.deepEqual(await theta.read(), new Float32Array(R * STRIDE), "zeros at first");
  assert.deepEqual(await theta.write(networkMajor()).read(), networkMajor());
  let before = 0;
  for (const [l, floats] of FLOATS.entries()) {
    const view = theta.layers[l];
    if (floats === 0) assert.equal(view, undefined);
    else {
      assert.deepEqual(view!.shape, [R, floats]);
      assert.deepEqual([...await view!.read()], layerOf(floats, before), `layer ${l}`);
    }
    before += floats;
  }
}

gpuTest("Theta has each layer of all networks where a view may start", async (device) => {
  using theta = new Theta(device, FLOATS, R);
  await roundTrip(theta);
  const [whole, ...more] = theta.parts;
  assert.deepEqual(more, []);
  const starts = theta.layers.map((view) => view && view.offset / 4);
  assert.deepEqual(starts, [0, undefined, 64, 384, 704]);
  assert.ok(starts.every((start) => (start ?? 0) % VIEW_FLOATS === 0));
  assert.equal(whole!.size, 704 + 12);
  const words = await whole!.read();
  const used = new Set([[0, 36], [64, 364], [384, 648], [704, 716]].flatMap(([from, to]) => {
    return Array.from({ length: to! - from! }, (_, i) => from! + i);
  }));
  assert.ok(words.every((word, i) => used.has(i) ? word > 0 : word === 0), "gaps are zero");
});

gpuTest("Theta begins a part where a layer does not fit beside another", async (device) => {
  // Bytes of a binding, and the floats of the parts: all fit, the last does not, two do not, each is alone.
  for (
    const [most, sizes] of [
      [4 * 716, [716]],
      [4 * 712, [648, 12]],
      [4 * 364, [364, 332]],
      [4 * 300, [36, 300, 264, 12]],
    ] as [number, number[]][]
  ) {
    const before = device.bytes;
    {
      using theta = await withBindings(device, most, () => new Theta(device, FLOATS, R));
      assert.deepEqual(theta.parts.map(({ size }) => size), sizes);
      await roundTrip(theta);
      using copy = await withBindings(device, most, () => new Theta(device, FLOATS, R));
      const record = device.record();
      copy.copy(record, theta);
      record.submit();
      assert.deepEqual(await copy.read(), networkMajor());
    }
    assert.equal(device.bytes, before);
  }
});

gpuTest("Theta refuses a layer over a binding, and numbers of other networks", async (device) => {
  const before = device.bytes;
  await withBindings(device, 4 * 296, () => {
    assert.throws(() => new Theta(device, FLOATS, R, "trajectory"), {
      name: "RangeError",
      message:
        "Cannot allocate trajectory: got shape [300] of 1200 bytes, expected 1 to 1184 bytes " +
        "on this adapter; use a smaller batch or fewer networks",
    });
  });
  assert.equal(device.bytes, before, "what was allocated before is freed");
  using theta = new Theta(device, FLOATS, R);
  assert.throws(() => theta.write(new Float32Array(2 * STRIDE)), {
    name: "RangeError",
    message: "Cannot write θ: got 408 numbers, expected 3 networks of 204",
  });
});

/** Of one network its first dense layer takes 26 160 bytes, so that of two it has a part by itself. */
const ARCH = parseArch([
  { conv: { channels: 3, size: 3 } },
  "relu",
  { dense: 60 },
  "relu",
  { dense: "classes" },
], "a test");
const MOST = 2 * 26_160;

/** Five to eight images everywhere, so that all passes run the same few kernels. */
const DATASET: Dataset = {
  ...{ name: "noise", channels: 1, height: 8, width: 8, classes: 5, mean: [0.5], std: [0.3] },
  train: splitOf(20, 1),
  test: splitOf(8, 2),
};

function splitOf(count: number, seed: number): Split {
  const images = Uint8Array.from(random(count * 64, seed, 128), (value) => 128 + value);
  return { images, labels: Uint8Array.from({ length: count }, (_, n) => n * 3 % 5), count };
}

/** What a run of two networks gives with θ in one part, and in three. */
async function inOneAndThree<T>(device: Device, run: (net: Net) => Promise<T>): Promise<[T, T]> {
  const net = buildNet(device, ARCH, DATASET, DATASET.classes);
  const runWith = async (parts: number) => {
    using theta = net.theta(2);
    assert.equal(theta.parts.length, parts);
    return await run(net);
  };
  return [await runWith(1), await withBindings(device, MOST, () => runWith(3))];
}

for (const optimizer of OPTIMIZER_NAMES) {
  runTest(
    `Unroll (${optimizer}) with θ in three parts gives the same bits as in one`,
    async (device) => {
      const sizes = { blocks: 3, perBlock: 5, networks: 2, labels: "probabilities" } as const;
      const spec = unrollSpec({ ...sizes, optimizer, learnMomentum: optimizer === "momentum" });
      const [expected, got] = await inOneAndThree(device, async (net) => {
        using owned = new DisposableStack();
        const unroll = owned.use(
          new Unroll(net, spec, { part: 5, total: 10 }, {
            segment: 2, // so that a step is taken once more
            keepActivations: false,
          }),
        );
        const how = { init: "random", method: "orthogonal", param: 1, seed: 3 } as const;
        drawNetworks(net, unroll.start.theta, how, 0);
        const data = owned.use(new DistilledData(net, spec));
        data.momentum.write([0.9]);
        const write = (blocks: Blocks, seed: number) => blocks.write(random(blocks.length, seed));
        [data.images, data.labels, data.lrs].forEach(write);
        const real = owned.use(new RealBatch(net, DATASET.train, 10, 5, DATASET));
        real.choose(Uint32Array.from({ length: 10 }, (_, n) => 2 * n));
        const record = device.record();
        real.record(record);
        unroll.metaGradient(record, data, real.parts); // which adds up the gradients of two parts
        record.submit();
        const { images, labels, lrs } = unroll.gradient;
        return {
          loss: await unroll.loss.read(),
          thetaT: await unroll.end.theta.read(),
          images: await images.read(),
          labels: await labels.read(),
          lrs: await lrs.read(),
        };
      });
      for (const [name, numbers] of Object.entries(expected)) {
        assert.ok(numbers.every(Number.isFinite) && numbers.some((value) => value !== 0), name);
      }
      expectSame("parts", got, expected);
    },
  );
}

runTest("train with θ in three parts gives the same bytes as in one", async (device, dir) => {
  const settings = { arch: ARCH, networks: 3, atOnce: 2, epochs: 2, batch: 5 };
  const [expected, got] = await inOneAndThree(device, async () => {
    const out = `${await Deno.makeTempDir({ dir })}/networks.safetensors`;
    await trainNetworks(device, DATASET, trainSettings("mnist", settings), { out });
    return { networks: await Deno.readFile(out) };
  });
  expectSame("networks", got, expected);
});

runTest("a layer over a binding is refused before anything is written", async (device, dir) => {
  const out = `${dir}/none`;
  const run = (settings: Partial<Recipe>) =>
    distill(device, shortRecipe(settings), DATASET, { out });
  await withBindings(device, MOST, async () => {
    const many = { arch: ARCH, init: "random", networks: 3 } as const;
    await refuses(
      run(many),
      "Cannot run layer fc1.weight of 3 networks: got 76.6 KB of parameters, expected at most " +
        "51.1 KB on this adapter; lower networks to 2",
    );
    const settings = trainSettings("mnist", { arch: ARCH, networks: 4, atOnce: 3, batch: 5 });
    await refuses(
      trainNetworks(device, DATASET, settings, { out }),
      "Cannot run layer fc1.weight of 3 networks: got 76.6 KB of parameters, expected at most " +
        "51.1 KB on this adapter; lower --at-once to 2",
    );
    const large = parseArch([{ dense: 205 }, { dense: "classes" }], "a test");
    await refuses(
      run({ arch: large }),
      "Cannot run layer fc1.weight of 1 network: got 52.1 KB of parameters, expected at most " +
        "51.1 KB on this adapter; make the layer smaller",
    );
    const small = parseArch([{ dense: "classes" }], "a test");
    await refuses(
      run({ arch: small, steps: 1000 }),
      "Cannot learn 5000 distilled images: got 2.0 MB, expected at most 51.1 KB on this adapter; lower " +
        "steps, per_class or resize",
    );
  });
  await assert.rejects(Deno.stat(out), Deno.errors.NotFound);
});

async function refuses(run: Promise<unknown>, message: string): Promise<void> {
  await assert.rejects(run, { name: "UsageError", message });
}

runTest("AlexNet of half the width: the logits of an image are the oracle's", async (device) => {
  const input = { channels: 3, height: 224, width: 224 };
  const arch = thinned("alexnet", input, 2);
  const net = buildNet(device, arch, input, 200);
  assert.equal(net.parameterCount, 14_668_904);
  // Less than the 128 MiB that WebGPU promises: its first dense layer has a part by itself.
  using theta = await withBindings(device, 38 * 2 ** 20, () => net.theta(1));
  assert.equal(theta.parts.length, 3);
  const how = { init: "fixed", method: "kaiming_fan_in", param: 1, seed: 3 } as const;
  drawNetworks(net, theta, how, 0);
  const image = random(3 * 224 * 224, 5).map(Math.fround);
  using x = upload(device, [image], image.length, 1);
  using work = net.workspace(1, 1, { passes: "forward" });
  const record = device.record();
  const z = net.logits(record, work, theta, x);
  record.submit();
  const logits = (await z.read()).filter((_, i) => i % 4 === 0);
  const weights = flatten(net, await theta.read());
  const error = relativeError(logits, twinOf(arch, input, 200).fwd(image, weights, 1));
  assert.ok(error < 1e-5, `relative error ${error}`);
});
