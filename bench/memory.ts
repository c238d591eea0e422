/**
 * What the way back costs in memory and time for long trainings: LeNet, 10 images a step, T steps,
 * everything kept against the plans for a budget. Prints a line for each, with the peak bytes that
 * tensors took, and stops if a gradient is not that of keeping everything, bit for bit.
 *
 *   deno run --allow-env=LOG_TOKENS,LOG_STREAM,DENO_WEBGPU_BACKEND bench/memory.ts --steps 3,30,300,3000 --budget 64
 */
import assert from "node:assert/strict";
import { parseArgs } from "node:util";
import { drawNetworks } from "../src/evaluate/measure.ts";
import { formatBytes } from "../src/base/bytes.ts";
import { planMemory } from "../src/meta/memory.ts";
import { drawNormal } from "../src/meta/noise.ts";
import { partOf, RealBatch } from "../src/meta/real_batch.ts";
import { DistilledData } from "../src/meta/distilled_data.ts";
import { keepAll, type TrajectoryPlan, Unroll, type UnrollSpec } from "../src/meta/unroll.ts";
import { Device } from "../src/gpu/mod.ts";
import { buildNet } from "../src/nets/build.ts";
import { plainSpec } from "./plain_spec.ts";
import { prove } from "./prove.ts";

const { values } = parseArgs({
  options: {
    steps: { type: "string", default: "3,30,300" },
    budget: { type: "string", default: "64" },
  },
});
const BATCH = 64;
const PER_STEP = 10;

using device = await Device.open();
await prove(device, { arch: "lenet", steps: 2 });

const net = buildNet(device, "lenet", { channels: 1, height: 28, width: 28 }, 10);
const part = partOf(net, 1, BATCH, "grad");
const labels = Uint8Array.from({ length: BATCH }, (_, n) => n % 10);
const images = Uint8Array.from({ length: BATCH * 784 }, (_, i) => (i * 7919 >> 3) % 256);
const train = { images, labels, count: BATCH };
const dataset = { train, mean: [0.1307], std: [0.3081] };
const indices = Uint32Array.from({ length: BATCH }, (_, n) => n);

for (const T of values.steps.split(",").map(Number)) {
  const spec = plainSpec({
    blocks: T % 10 === 0 ? 10 : T,
    perBlock: PER_STEP,
    total: T,
    networks: 1,
  });
  const real = { train, batch: BATCH, normalization: dataset, isAugmented: false };
  const objective = { spec, ...real, pool: 0, seed: 1 };
  const needs = { nets: [net], objective, part, evaluation: 0 };
  const plans: [string, TrajectoryPlan][] = [
    ["all kept", keepAll(spec)],
    ["√T segments", { segment: Math.ceil(Math.sqrt(T)), keepActivations: true }],
    [`${values.budget} MB`, planMemory(needs, Number(values.budget) * 2 ** 20)],
  ];
  let expected: Float32Array | undefined;
  let seconds = 0;
  for (const [name, plan] of plans) {
    const found = await measure(spec, plan, expected);
    if (!expected) [expected, seconds] = [found.gradient, found.seconds];
    const time = `${found.seconds.toFixed(2)} s, ${(found.seconds / seconds).toFixed(2)}×`;
    console.log(
      `T=${T} ${name}: segment ${plan.segment}, activations ${
        plan.keepActivations ? "kept" : "computed again"
      }, peak ${formatBytes(found.peak)}, ${time}`,
    );
  }
}

async function measure(spec: UnrollSpec, plan: TrajectoryPlan, expected?: Float32Array) {
  device.resetPeak();
  const before = device.bytes;
  using unroll = new Unroll(net, spec, { part, total: BATCH }, plan);
  using data = new DistilledData(net, spec);
  using real = new RealBatch(net, train, BATCH, part, dataset);
  data.images.write(await drawNormal(device, 1, 0, data.images.length));
  data.labels.write(
    Float32Array.from({ length: data.labels.length }, (_, i) => +(i % 11 === 0)),
  );
  data.lrs.write(new Float32Array(data.lrs.length).fill(0.02));
  const how = { init: "random", method: "xavier_normal", param: 1, seed: 1 } as const;
  drawNetworks(net, unroll.start.theta, how, 0);
  real.choose(indices);
  const record = device.record();
  real.record(record);
  unroll.metaGradient(record, data, real.parts);
  const once = async () => {
    const start = performance.now();
    record.submit();
    await unroll.loss.read();
    return (performance.now() - start) / 1000;
  };
  await once(); // compiles
  const gradient = await unroll.gradient.images.read();
  assert.ok(expected?.every((v, i) => v === gradient[i]) ?? true, "the bits differ");
  return { seconds: await once(), peak: device.peakBytes - before, gradient };
}
