// learned_test: what is learned starts, steps, saves and comes back as it should.
import assert from "node:assert/strict";
import { DistilledData } from "../../src/meta/distilled_data.ts";
import { Learned } from "../../src/meta/learned.ts";
import type { UnrollSpec } from "../../src/meta/unroll.ts";
import type { Device } from "../../src/gpu/mod.ts";
import { buildNet } from "../../src/nets/build.ts";
import { random } from "../oracle/numeric.ts";
import { expectSame, runTest, SMALL } from "../support/runs.ts";
import { unrollSpec } from "../support/specs.ts";

const SPEC = unrollSpec({ blocks: 2, perBlock: 20, total: 4, labels: "probabilities" });

/** With everything learned that can be. */
const ALL: Partial<UnrollSpec> = { optimizer: "momentum", learnMomentum: true };

function make(device: Device, settings: Partial<UnrollSpec> = {}, loss?: string) {
  const outputs = loss === "sigmoid_xent" ? 1 : 10;
  const net = buildNet(device, SMALL, { channels: 1, height: 28, width: 28 }, outputs, loss);
  const spec = { ...SPEC, ...settings };
  return { net, learned: new Learned(net, spec), gradient: new DistilledData(net, spec) };
}

type Made = ReturnType<typeof make>;

/** Records one step of Adam with all gradients at ±`g`, that in the momentum at −`g`. */
function step(device: Device, { learned, gradient }: Made, t: number, g: number) {
  for (const blocks of [gradient.images, gradient.labels, gradient.lrs, gradient.momentum]) {
    blocks.write(new Float32Array(blocks.length).map((_, i) => i % 2 ? g : -g));
  }
  const record = device.record();
  learned.derive(record);
  learned.set({ t, rate: 0.01, beta1: 0.5, beta2: 0.999 });
  learned.step(record, gradient, 0);
  learned.derive(record);
  record.submit();
}

async function dataOf({ learned }: Made) {
  const { images, labels, lrs, momentum } = learned.data;
  return {
    images: await images.read(),
    labels: await labels.read(),
    lrs: await lrs.read(),
    momentum: await momentum.read(),
  };
}

async function start(device: Device, made: Made, { rate = 0.02, momentum = 0.9, seed = 1 } = {}) {
  const images = Float32Array.from(random(made.learned.data.images.length, seed));
  made.learned.initialize({ images, rate, momentum });
  const record = device.record();
  made.learned.derive(record);
  record.submit();
  return await dataOf(made);
}

runTest("Learned.initialize: images are those given", async (device) => {
  const made = make(device);
  const { images } = await start(device, made, { seed: 4 });
  expectSame("images", { images }, { images: Float32Array.from(random(40 * 784, 4)) });
});

runTest("Learned: sgd steps with a velocity, and goes on where it was saved", async (device) => {
  const net = buildNet(device, SMALL, { channels: 1, height: 28, width: 28 }, 10);
  const spec = { ...SPEC, rates: "fixed", labels: "fixed" } as const;
  const make = () => {
    const learned = new Learned(net, spec, "sgd");
    return { net, learned, gradient: new DistilledData(net, spec) };
  };
  const [made, other] = [make(), make()];
  const before = (await start(device, made)).images;
  for (const t of [1, 2, 3]) step(device, made, t, 2);
  // Velocities 2, 3 and 3.5, at a rate of .01.
  const { images } = await dataOf(made);
  images.forEach((x, i) => {
    const expected = before[i]! + (i % 2 ? -0.085 : 0.085);
    assert.ok(Math.abs(x - expected) < 1e-6, `got ${x}, expected ${expected}`);
  });
  await start(device, other, { seed: 9 });
  other.learned.restore(await made.learned.save());
  for (const next of [made, other]) step(device, next, 4, -1);
  expectSame("after a restart", await dataOf(other), await dataOf(made));
});

runTest("Learned.initialize: rates are the given one, small or large", async (device) => {
  for (const [rates, count] of [["per_step", 4], ["one", 1], ["fixed", 1]] as const) {
    const made = make(device, { rates });
    for (const rate of [0.002, 0.02, 5, 29, 31, 1000, 1e6]) {
      const { lrs } = await start(device, made, { rate });
      assert.equal(lrs.length, count);
      for (const eta of lrs) {
        assert.ok(Math.abs(eta / rate - 1) < 1e-4, `got ${eta}, expected ${rate}`);
      }
    }
  }
});

runTest("Learned.initialize: momentum is the given one, learned or not", async (device) => {
  for (const learnMomentum of [true, false]) {
    const made = make(device, { ...ALL, learnMomentum });
    for (const momentum of [0.01, 0.5, 0.9, 0.999]) {
      const { momentum: [found] } = await start(device, made, { momentum });
      assert.ok(Math.abs(found! - momentum) < 1e-6, `got ${found}, expected ${momentum}`);
    }
  }
});

runTest("Learned.initialize: labels hard, or soft with a lead for the class", async (device) => {
  const hard = await start(device, make(device, { labels: "fixed" }));
  const soft = await start(device, make(device));
  const top = Math.exp(5) / (Math.exp(5) + 9);
  const rest = 1 / (Math.exp(5) + 9);
  for (let n = 0; n < 40; n++) {
    for (let k = 0; k < 10; k++) {
      const isClass = k === Math.floor((n % 20) / 2);
      assert.equal(hard.labels[10 * n + k], isClass ? 1 : 0);
      assert.ok(Math.abs(soft.labels[10 * n + k]! - (isClass ? top : rest)) < 1e-5);
    }
  }
});

runTest("Learned.initialize: of one output, half of each block is of class 1", async (device) => {
  const { labels } = await start(device, make(device, { labels: "fixed" }, "sigmoid_xent"));
  assert.deepEqual([...labels], Array.from({ length: 40 }, (_, n) => n % 20 < 10 ? 0 : 1));
});

runTest("Learned.step goes against the gradient by about the rate", async (device) => {
  const made = make(device, ALL);
  const before = await start(device, made);
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
  const [mu, moved] = [before.momentum[0]!, after.momentum[0]! - before.momentum[0]!];
  const slope = mu * (1 - mu); // of the sigmoid
  assert.ok(Math.abs(moved / 0.01 - slope) < 0.01 * slope, `momentum moved by ${moved}`);
});

runTest("Learned.step leaves what is not learned as it was", async (device) => {
  const settings = { rates: "fixed", labels: "fixed", learnMomentum: false } as const;
  const made = make(device, { ...ALL, ...settings });
  const { images, ...before } = await start(device, made);
  step(device, made, 1, 3);
  const { images: moved, ...after } = await dataOf(made);
  expectSame("the rest", after, before);
  assert.ok(images.every((value, i) => value !== moved[i]));
  const names = Object.keys(await made.learned.save());
  assert.ok(names.every((name) => name.startsWith("images")), names.join());
});

runTest("Learned: a learned momentum stays between 0 and 1", async (device) => {
  const made = make(device, ALL);
  for (const [g, bound] of [[3, 1], [-3, 0]] as const) {
    await start(device, made);
    const found: number[] = [];
    for (let t = 1; t <= 40; t++) {
      step(device, made, t, g);
      const [momentum] = await made.learned.data.momentum.read();
      found.push(momentum!);
    }
    assert.ok(found.every((mu) => mu > 0 && mu < 1), `${found}`);
    const distances = found.map((mu) => Math.abs(bound - mu));
    assert.ok(distances.every((d, i) => i === 0 || d < distances[i - 1]!), `${found}`);
  }
});

runTest("Learned.restore puts back what save gave, to the bit", async (device) => {
  const made = make(device, ALL);
  const saved = async ({ learned }: Made) =>
    Object.entries(await learned.save()).map(([name, { data }]) => {
      return [name, data as Float32Array] as const;
    });
  await start(device, made);
  step(device, made, 1, random(1, 3)[0]!);
  const other = make(device, ALL);
  await start(device, other, { seed: 9, momentum: 0.5 });
  other.learned.restore(await made.learned.save());
  const same = async (what: string) => {
    expectSame(what, Object.fromEntries(await saved(other)), Object.fromEntries(await saved(made)));
  };
  await same("state");
  for (const each of [made, other]) step(device, each, 2, 0.5);
  expectSame("data", await dataOf(other), await dataOf(made));
  await same("state after a step");
});

runTest("Learned.restore names the array that is missing or of another size", async (device) => {
  const made = make(device, ALL);
  await start(device, made);
  const saved = await made.learned.save();
  for (const name of Object.keys(saved)) {
    const { [name]: _, ...rest } = saved;
    const short = { ...saved, [name]: { shape: [1], data: new Float32Array(1) } };
    assert.throws(() => made.learned.restore(rest), {
      message: new RegExp(`got no numbers for ${name} in`),
    });
    assert.throws(() => made.learned.restore(short), {
      message: new RegExp(`got 1 numbers for ${name} in`),
    });
  }
  // images, rates, labels, momentum; of each two moments and a factor
  assert.equal(Object.keys(saved).length, 16);
});
