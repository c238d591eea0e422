/** mixture_test: a mixture is the mean of its parts, to float64's and to the bit of what they keep. */
import assert from "node:assert/strict";
import { DistilledData } from "../../../src/meta/distilled_data.ts";
import { DrawnNetworks } from "../../../src/meta/initial_networks.ts";
import { Mixture } from "../../../src/meta/objectives/mixture.ts";
import type { Objective } from "../../../src/meta/objectives/objective.ts";
import { Unrolled } from "../../../src/meta/objectives/unrolled.ts";
import type { UnrollSpec } from "../../../src/meta/unroll.ts";
import type { Device } from "../../../src/gpu/mod.ts";
import { buildNet } from "../../../src/nets/build.ts";
import type { Net } from "../../../src/nets/net.ts";
import { random } from "../../oracle/numeric.ts";
import { relativeError } from "../../support/nets.ts";
import { easyTable, expectSame, runTest } from "../../support/runs.ts";
import { unrollSpec } from "../../support/specs.ts";

const ARCHS = ["linear2d", "nonlinear", "more_nonlinear"] as const;
const SPEC = unrollSpec({ blocks: 3, perBlock: 5, networks: 2, total: 6 });

const { train, ...table } = easyTable(40, 4);

function netsOf(device: Device): Net[] {
  const image = { channels: 2, height: 1, width: 1 };
  return ARCHS.map((arch) => buildNet(device, arch, image, 1, "sigmoid_xent"));
}

function unrolled(net: Net, spec: UnrollSpec, pool = 0): Unrolled {
  const how = { init: "random", method: "xavier_normal", param: 1, seed: 3 } as const;
  const plan = { segment: spec.window, keepActivations: true, part: 8, resident: true };
  return new Unrolled(net, new DrawnNetworks(net, how), {
    spec,
    plan,
    train,
    batch: 8,
    normalization: table,
    isAugmented: false,
    pool,
    seed: 3,
  });
}

function dataOf(net: Net, spec: UnrollSpec): DistilledData {
  const data = new DistilledData(net, spec);
  data.images.write(random(data.images.length, 1));
  data.labels.write(random(data.labels.length, 2).map(Math.abs));
  data.lrs.write(random(data.lrs.length, 3).map((v) => 0.1 + 0.05 * v));
  data.momentum.write([0.8]);
  return data;
}

/** Loss and gradient of iteration k. */
async function iterate(net: Net, objective: Objective, data: DistilledData, k: number) {
  const draw = objective.draw(k);
  const record = net.device.record();
  draw.record(record, data);
  record.submit();
  const { loss, gradient: { images, labels, lrs, momentum } } = objective;
  const numbers: Record<string, Float32Array> = { loss: await loss.read() };
  for (const [name, blocks] of Object.entries({ images, labels, lrs, momentum })) {
    numbers[name] = await blocks.read();
  }
  return numbers;
}

runTest("Mixture: loss and gradient are the means of those of its parts", async (device) => {
  const nets = netsOf(device);
  const spec: UnrollSpec = {
    ...SPEC,
    optimizer: "momentum",
    learnMomentum: true,
    labels: "numbers",
  };
  using mixture = new Mixture(nets[0]!, spec, nets.map((net) => unrolled(net, spec)));
  using data = dataOf(nets[0]!, spec);
  for (const k of [0, 5]) {
    const found = await iterate(nets[0]!, mixture, data, k);
    const each: Awaited<ReturnType<typeof iterate>>[] = [];
    for (const net of nets) {
      using alone = unrolled(net, spec);
      each.push(await iterate(net, alone, data, k));
    }
    for (const [name, values] of Object.entries(found)) {
      const expected = Float64Array.from(
        values,
        (_, i) => each.reduce((sum, part) => sum + part[name]![i]!, 0) / nets.length,
      );
      assert.ok(expected.some((value) => value !== 0), `${name} has a gradient`);
      const error = relativeError(values, expected);
      assert.ok(error < 1e-6, `${name} of iteration ${k}: relative error ${error}`);
    }
    expectSame("the same draws again", await iterate(nets[0]!, mixture, data, k), found);
  }
});

runTest("Mixture: every pool goes on where save was", async (device) => {
  const nets = netsOf(device);
  const [net] = nets;
  const spec = { ...SPEC, window: 2 };
  const made = () => new Mixture(net!, spec, nets.map((each) => unrolled(each, spec, 2)));
  using data = dataOf(net!, spec);
  using whole = made();
  const found: Awaited<ReturnType<typeof iterate>>[] = [];
  for (let k = 0; k < 6; k++) found.push(await iterate(net!, whole, data, k));
  using before = made();
  for (let k = 0; k < 3; k++) await iterate(net!, before, data, k);
  const saved = await before.save();
  assert.deepEqual(Object.keys(saved).filter((name) => name.endsWith("ages")), [
    "0/pool/ages",
    "1/pool/ages",
    "2/pool/ages",
  ]);
  using after = made();
  after.restore(saved);
  for (let k = 3; k < 6; k++) {
    expectSame(`iteration ${k}`, await iterate(net!, after, data, k), found[k]!);
  }
});
