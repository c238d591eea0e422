/** unrolled_test: where the networks of an iteration come from, and where they are left. */
import assert from "node:assert/strict";
import { Trainees } from "../../../src/evaluate/trainees.ts";
import { DistilledData } from "../../../src/meta/distilled_data.ts";
import { DrawnNetworks, GivenNetworks } from "../../../src/meta/initial_networks.ts";
import { Unrolled, type UnrolledOptions } from "../../../src/meta/objectives/unrolled.ts";
import { OPTIMIZER_NAMES } from "../../../src/meta/optimizers/list.ts";
import type { UnrollSpec } from "../../../src/meta/unroll.ts";
import type { Net } from "../../../src/nets/net.ts";
import { random } from "../../oracle/numeric.ts";
import { gpuTest } from "../../support/device.ts";
import { oddNet } from "../../support/nets.ts";
import { expectSame, runTest } from "../../support/runs.ts";
import { unrollSpec } from "../../support/specs.ts";

const SIZE = 3 * 5 * 7;
const SPEC = unrollSpec({ blocks: 3, perBlock: 5, networks: 2, total: 9, window: 2 });
const MOMENTUM = 0.8;

const count = 40;
const train = {
  images: Uint8Array.from(random(count * SIZE, 1), (v) => 128 + 100 * v),
  labels: Uint8Array.from({ length: count }, (_, n) => n * 3 % 7),
  count,
};

function optionsOf(spec: UnrollSpec, settings: Partial<UnrolledOptions> = {}): UnrolledOptions {
  return {
    spec,
    plan: { segment: spec.window, keepActivations: true, part: 8, resident: true },
    train,
    batch: 8,
    normalization: { mean: [0.5, 0.5, 0.5], std: [0.4, 0.4, 0.4] },
    isAugmented: false,
    pool: 0,
    seed: 3,
    ...settings,
  };
}

function drawn(net: Net): DrawnNetworks {
  return new DrawnNetworks(net, { init: "random", method: "xavier_normal", param: 1, seed: 3 });
}

/** The same networks whatever the iteration, as if drawn anew. */
function given(net: Net, networks: number): GivenNetworks {
  const theta = Float32Array.from(random(networks * net.stride, 9, 0.2));
  return new GivenNetworks(false, () => theta);
}

function dataOf(net: Net, spec: UnrollSpec): DistilledData {
  const data = new DistilledData(net, spec);
  data.images.write(random(data.images.length, 1));
  data.labels.write(random(data.labels.length, 2).map(Math.abs));
  data.lrs.write(random(data.lrs.length, 3).map((v) => 0.01 + 0.005 * v));
  data.momentum.write([MOMENTUM]);
  return data;
}

/** Runs iteration k; gives the loss and the gradient, and the draw's key. */
async function iterate(net: Net, objective: Unrolled, data: DistilledData, k: number) {
  const draw = objective.draw(k);
  const record = net.device.record();
  draw.record(record, data);
  record.submit();
  const { loss, gradient: { images, lrs } } = objective;
  return {
    key: draw.key,
    loss: await loss.read(),
    images: await images.read(),
    lrs: await lrs.read(),
  };
}

for (const optimizer of OPTIMIZER_NAMES) {
  gpuTest(
    `Unrolled: networks of a pool are those that ${optimizer} trains in one go`,
    async (device) => {
      const net = oddNet(device);
      const spec: UnrollSpec = { ...SPEC, optimizer };
      using objective = new Unrolled(net, given(net, 2), optionsOf(spec, { pool: 2 }));
      using data = dataOf(net, spec);
      const seen = new Set<number>();
      for (let k = 0; k < 10; k++) {
        await iterate(net, objective, data, k);
        const saved = await objective.save();
        const set = k % 2;
        const age = saved["pool/ages"]!.data[set]!;
        seen.add(age);
        using trainees = new Trainees(net, spec, 2);
        trainees.theta.write(Float32Array.from(random(2 * net.stride, 9, 0.2)));
        await trainees.train(data, { seed: 1, to: age });
        const [theta, expected] = [saved[`pool/${set}/0`]!.data, await trainees.theta.read()];
        expectSame(`iteration ${k}, age ${age}`, { theta: Float32Array.from(theta) }, {
          theta: expected,
        });
      }
      assert.ok(seen.size > 3, `ages ${[...seen]}`);
    },
  );
}

runTest("Unrolled: a window starts anywhere, as the seed and the iteration say", async (device) => {
  const net = oddNet(device);
  const spec = { ...SPEC, total: 5 };
  using data = dataOf(net, spec);
  const found: Awaited<ReturnType<typeof iterate>>[] = [];
  using objective = new Unrolled(net, drawn(net), optionsOf(spec));
  for (let k = 0; k < 24; k++) found.push(await iterate(net, objective, data, k));
  assert.equal(new Set(found.map(({ key }) => key)).size, 4, "starts 0 to 3");
  for (const { lrs } of found) {
    const live = [...lrs].flatMap((value, t) => value === 0 ? [] : [t]);
    assert.deepEqual(live, [live[0]!, live[0]! + 1], "two steps side by side have a gradient");
  }
  // An iteration does not depend on those before it, so a run resumes with the same numbers.
  using other = new Unrolled(net, drawn(net), optionsOf(spec));
  for (const k of [7, 2, 23]) {
    const { key, ...numbers } = await iterate(net, other, data, k);
    const { key: expectedKey, ...expected } = found[k]!;
    assert.equal(key, expectedKey);
    expectSame(`iteration ${k}`, numbers, expected);
  }
  using reseeded = new Unrolled(net, drawn(net), optionsOf(spec, { seed: 4 }));
  const keys = Array.from({ length: 24 }, (_, k) => reseeded.draw(k).key);
  assert.notDeepEqual(keys, found.map(({ key }) => key));
});

runTest("Unrolled: a pool goes on where save was", async (device) => {
  const net = oddNet(device);
  const spec: UnrollSpec = { ...SPEC, optimizer: "adam" };
  using data = dataOf(net, spec);
  const options = optionsOf(spec, { pool: 2 });
  using whole = new Unrolled(net, drawn(net), options);
  const found: Awaited<ReturnType<typeof iterate>>[] = [];
  for (let k = 0; k < 8; k++) found.push(await iterate(net, whole, data, k));
  for (const stop of [1, 2, 5]) {
    using before = new Unrolled(net, drawn(net), options);
    for (let k = 0; k < stop; k++) await iterate(net, before, data, k);
    using after = new Unrolled(net, drawn(net), options);
    after.restore(await before.save());
    for (let k = stop; k < 8; k++) {
      const { key, ...numbers } = await iterate(net, after, data, k);
      const { key: expectedKey, ...expected } = found[k]!;
      assert.equal(key, expectedKey);
      expectSame(`iteration ${k} after ${stop}`, numbers, expected);
    }
  }
});

runTest("Unrolled: known networks are written once where nothing trains them", async (device) => {
  const net = oddNet(device);
  const theta = Float32Array.from(random(2 * net.stride, 9, 0.2));
  for (const [window, written] of [[9, 1], [2, 4]] as const) {
    const spec: UnrollSpec = { ...SPEC, window, optimizer: "momentum" };
    let draws = 0;
    const known = new GivenNetworks(true, () => (draws++, theta));
    using objective = new Unrolled(net, known, optionsOf(spec));
    using data = dataOf(net, spec);
    const losses = new Set<string>();
    for (let k = 0; k < 4; k++) losses.add((await iterate(net, objective, data, k)).loss.join());
    assert.equal(draws, written);
    assert.equal(losses.size, 4, "batches differ");
  }
});

runTest("Unrolled without a pool has nothing to save", async (device) => {
  const net = oddNet(device);
  using objective = new Unrolled(net, drawn(net), optionsOf(SPEC));
  assert.deepEqual(await objective.save(), {});
  objective.restore({});
});
