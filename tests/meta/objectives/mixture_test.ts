/** mixture_test: a mixture is the mean of its parts, to float64's and to the bit of what they keep. */
import assert from "node:assert/strict";
import { DistilledData } from "../../../src/meta/distilled_data.ts";
import type { Blocks } from "../../../src/meta/blocks.ts";
import { DrawnNetworks, GivenNetworks } from "../../../src/meta/initial_networks.ts";
import { Mixture, unrolledOf } from "../../../src/meta/objectives/mixture.ts";
import type { Objective } from "../../../src/meta/objectives/objective.ts";
import { Unrolled, type UnrolledOptions } from "../../../src/meta/objectives/unrolled.ts";
import type { UnrollSpec } from "../../../src/meta/unroll.ts";
import type { Device } from "../../../src/gpu/mod.ts";
import { buildNet, twinOf } from "../../../src/nets/build.ts";
import type { Net } from "../../../src/nets/net.ts";
import { oracleNet } from "../../../src/oracle/net.ts";
import { metaGradient } from "../../../src/oracle/unroll.ts";
import { Batches } from "../../../src/sets/batches.ts";
import { random } from "../../oracle/numeric.ts";
import { rounded } from "../../support/layout.ts";
import { relativeError, unflatten } from "../../support/nets.ts";
import { easyTable, expectSame, runTest } from "../../support/runs.ts";
import { unrollSpec } from "../../support/specs.ts";

const ARCHS = ["linear2d", "nonlinear", "more_nonlinear"] as const;
const BATCH = 8;
const SEED = 3;
const SPEC = unrollSpec({ blocks: 3, perBlock: 5, networks: 2, total: 6 });

const { train, ...table } = easyTable(40, 4);

function netsOf(device: Device): Net[] {
  const image = { channels: 2, height: 1, width: 1 };
  return ARCHS.map((arch) => buildNet(device, arch, image, 1, "sigmoid_xent"));
}

function optionsOf(spec: UnrollSpec, pool = 0): UnrolledOptions {
  const plan = { segment: spec.window, keepActivations: true, part: BATCH, resident: true };
  const real = { train, batch: BATCH, normalization: table, isAugmented: false };
  return { spec, plan, ...real, pool, seed: SEED };
}

function unrolled(net: Net, spec: UnrollSpec, pool = 0): Unrolled {
  const how = { init: "random", method: "xavier_normal", param: 1, seed: SEED } as const;
  return new Unrolled(net, new DrawnNetworks(net, how), optionsOf(spec, pool));
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

runTest("Mixture: loss and gradient are those of float64 over all networks", async (device) => {
  const nets = netsOf(device);
  const spec: UnrollSpec = { ...SPEC, labels: "numbers" };
  const thetas = nets.map((net) =>
    Array.from({ length: 2 }, (_, r) => rounded(random(net.parameterCount, 20 + r, 0.7)))
  );
  const known = nets.map((net, i) => new GivenNetworks(false, () => unflatten(net, thetas[i]!)));
  using mixture = unrolledOf(nets, known, optionsOf(spec));
  using data = dataOf(nets[0]!, spec);
  const found = await iterate(nets[0]!, mixture, data, 3);
  const chosen = new Batches(train, BATCH, SEED).indices(3);
  const numbers = async (blocks: Blocks) => Float64Array.from(await blocks.read());
  const problem = {
    images: await numbers(data.images),
    labels: await numbers(data.labels),
    lrs: await numbers(data.lrs),
    steps: spec.blocks,
    epochs: spec.total / spec.blocks,
    perStep: spec.perBlock,
    realImages: Float64Array.from(
      [...chosen].flatMap((n) => [...train.images.slice(2 * n, 2 * n + 2)]),
    ),
    realLabels: Float64Array.from(chosen, (n) => train.labels[n]!),
    realCount: BATCH,
    classes: 1,
  };
  const each = nets.flatMap((net, i) => {
    const twin = oracleNet(twinOf(ARCHS[i]!, net.input, 1), net.loss.twin);
    return thetas[i]!.map((theta0) => metaGradient(twin, { ...problem, theta0 }));
  });
  const expected: Record<string, ArrayLike<number>[]> = {
    loss: each.map(({ loss }) => [loss]),
    images: each.map(({ dImages }) => dImages),
    labels: each.map(({ dLabels }) => dLabels),
    lrs: each.map(({ dLrs }) => dLrs),
  };
  for (const [name, parts] of Object.entries(expected)) {
    const mean = Array.from(
      parts[0]!,
      (_, i) => parts.reduce((sum, a) => sum + a[i]!, 0) / parts.length,
    );
    const error = relativeError(found[name]!, mean);
    assert.ok(error < 1e-5, `${name}: relative error ${error}`);
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
