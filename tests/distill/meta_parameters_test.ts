// meta_parameters_test: what is learned starts, saves and comes back as it should.
// deno-lint-ignore-file camelcase -- settings are spelled as in the files
import assert from "node:assert/strict";
import { MetaParameters } from "../../src/distill/meta_parameters.ts";
import type { Recipe } from "../../src/distill/recipe.ts";
import { Synthetic, type UnrollSpec } from "../../src/distill/unroll.ts";
import type { Device } from "../../src/gpu/mod.ts";
import { buildNet } from "../../src/nets/build.ts";
import { random } from "../oracle/numeric.ts";
import { expectSame, runTest, shortRecipe } from "../support/runs.ts";

const SPEC: UnrollSpec = { steps: 2, epochs: 2, perStep: 20, networks: 1, labels: true };

function make(device: Device, spec: Partial<UnrollSpec> = {}) {
  const net = buildNet(device, "lenet", { channels: 1, height: 28, width: 28 }, 10);
  const whole = { ...SPEC, ...spec };
  const meta = new MetaParameters(net, whole);
  return { net, meta, gradient: new Synthetic(net, whole) };
}

/** Records one step of Adam with all gradients at `g`. */
function step(device: Device, { meta, gradient }: ReturnType<typeof make>, t: number, g: number) {
  for (const blocks of [gradient.images, gradient.labels, gradient.lrs]) {
    blocks.write(new Float32Array(blocks.length).map((_, i) => i % 2 ? g : -g));
  }
  const record = device.record();
  meta.derive(record);
  meta.set({ t, rate: 0.01, beta1: 0.5, beta2: 0.999 });
  meta.step(record, gradient, 0);
  meta.derive(record);
  record.submit();
}

async function dataOf({ meta }: ReturnType<typeof make>) {
  const { images, labels, lrs } = meta.data;
  return { images: await images.read(), labels: await labels.read(), lrs: await lrs.read() };
}

async function start(device: Device, made: ReturnType<typeof make>, recipe: Recipe) {
  await made.meta.initialize(recipe);
  const record = device.record();
  made.meta.derive(record);
  record.submit();
  return await dataOf(made);
}

runTest("MetaParameters.initialize: rates are distill_lr, small or large", async (device) => {
  const made = make(device);
  for (const distill_lr of [0.002, 0.02, 5, 29, 31, 1000, 1e6]) {
    const { lrs } = await start(device, made, shortRecipe({ distill_lr }));
    assert.equal(lrs.length, 4);
    for (const eta of lrs) {
      assert.ok(Math.abs(eta / distill_lr - 1) < 1e-4, `got ${eta}, expected ${distill_lr}`);
    }
  }
});

runTest(
  "MetaParameters.initialize: standard normal images, that the seed decides",
  async (device) => {
    const made = make(device);
    const { images } = await start(device, made, shortRecipe());
    const mean = images.reduce((a, b) => a + b, 0) / images.length;
    const variance = images.reduce((a, b) => a + b * b, 0) / images.length;
    assert.equal(images.length, 2 * 20 * 784);
    assert.ok(Math.abs(mean) < 0.03 && Math.abs(variance - 1) < 0.05, `got ${mean}, ${variance}`);
    const again = async (seed: number) => ({
      images: (await start(device, made, shortRecipe({ seed }))).images,
    });
    expectSame("the same seed", await again(1), { images });
    const other = await again(2);
    assert.throws(() => expectSame("another seed", other, { images }), /differs from byte/);
  },
);

runTest(
  "MetaParameters.initialize: labels hard, or soft with a lead for the class",
  async (device) => {
    const hard = await start(device, make(device, { labels: false }), shortRecipe());
    const soft = await start(device, make(device), shortRecipe({ soft_labels: true }));
    const top = Math.exp(5) / (Math.exp(5) + 9);
    const rest = 1 / (Math.exp(5) + 9);
    for (let n = 0; n < 40; n++) {
      for (let k = 0; k < 10; k++) {
        const isClass = k === Math.floor((n % 20) / 2);
        assert.equal(hard.labels[10 * n + k], isClass ? 1 : 0);
        assert.ok(Math.abs(soft.labels[10 * n + k]! - (isClass ? top : rest)) < 1e-5);
      }
    }
  },
);

runTest("MetaParameters.step goes against the gradient by about the rate", async (device) => {
  const made = make(device);
  const before = await start(device, made, shortRecipe());
  step(device, made, 1, 3);
  const after = await dataOf(made);
  after.images.forEach((x, i) => {
    // Adam's first step is the rate whatever the gradient's size
    const moved = x - before.images[i]!;
    assert.ok(Math.abs(moved - (i % 2 ? -0.01 : 0.01)) < 1e-5, `image ${i} moved by ${moved}`);
  });
  after.lrs.forEach((eta, i) => {
    const slope = 1 - Math.exp(-before.lrs[i]!); // softplus′ at the raw rate
    const moved = eta - before.lrs[i]!;
    assert.ok(Math.abs(moved / (i % 2 ? -0.01 : 0.01) - slope) < 0.01, `rate ${i} moved ${moved}`);
  });
});

runTest("MetaParameters.restore puts back what save gave, to the bit", async (device) => {
  const made = make(device);
  const saved = async ({ meta }: typeof made) =>
    Object.entries(await meta.save()).map(([name, { data }]) => [name, data] as const);
  await start(device, made, shortRecipe());
  step(device, made, 1, random(1, 3)[0]!);
  const other = make(device);
  await start(device, other, shortRecipe({ seed: 9 }));
  other.meta.restore(await made.meta.save());
  const same = async (what: string) => {
    expectSame(what, Object.fromEntries(await saved(other)), Object.fromEntries(await saved(made)));
  };
  await same("state");
  for (const each of [made, other]) step(device, each, 2, 0.5);
  expectSame("data", await dataOf(other), await dataOf(made));
  await same("state after a step");
});

runTest(
  "MetaParameters.restore names the array that is missing or of another size",
  async (device) => {
    const { meta } = make(device);
    await meta.initialize(shortRecipe());
    const saved = await meta.save();
    for (const name of Object.keys(saved)) {
      const { [name]: _, ...rest } = saved;
      const short = { ...saved, [name]: { shape: [1], data: new Float32Array(1) } };
      assert.throws(() => meta.restore(rest), {
        message: new RegExp(`got no numbers for ${name} in`),
      });
      assert.throws(() => meta.restore(short), {
        message: new RegExp(`got 1 numbers for ${name} in`),
      });
    }
    assert.equal(Object.keys(saved).length, 12); // images, rates, labels; two moments and a factor
  },
);
