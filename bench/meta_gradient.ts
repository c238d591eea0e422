/**
 * Times one meta-gradient of LeNet: the gradients of an outer iteration without the optimiser, warm.
 *
 *   deno run --allow-env=LOG_TOKENS,LOG_STREAM,DENO_WEBGPU_BACKEND bench/meta_gradient.ts --steps 3 --per-step 10 --batch 256 --networks 1 --repeats 5
 *
 * Prints one JSON line with the median milliseconds. Before timing, the gradient of the same code at
 * a small size is checked against the float64 oracle.
 */
import { parseArgs } from "node:util";
import { partOf, RealBatch, ResidentSplit } from "../src/meta/real_batch.ts";
import { DistilledData } from "../src/meta/distilled_data.ts";
import { Unroll } from "../src/meta/unroll.ts";
import { drawNetworks } from "../src/evaluate/measure.ts";
import { Device } from "../src/gpu/mod.ts";
import { buildNet } from "../src/nets/build.ts";
import { plainSpec } from "./plain_spec.ts";
import { prove } from "./prove.ts";

const { values } = parseArgs({
  options: {
    steps: { type: "string", default: "3" },
    "per-step": { type: "string", default: "10" },
    batch: { type: "string", default: "256" },
    networks: { type: "string", default: "1" },
    repeats: { type: "string", default: "5" },
  },
});
const [steps, perStep, batch, networks, repeats] = [
  values.steps,
  values["per-step"],
  values.batch,
  values.networks,
  values.repeats,
].map(Number) as [number, number, number, number, number];

using device = await Device.open();
await prove(device, { arch: "lenet", steps: 2, networks });

const net = buildNet(device, "lenet", { channels: 1, height: 28, width: 28 }, 10);
const spec = plainSpec({ blocks: steps, perBlock: perStep, total: steps, networks });
const part = partOf(net, networks, batch, "grad");
using unroll = new Unroll(net, spec, { part, total: batch });
using data = new DistilledData(net, spec);
const noise = (size: number) => Float32Array.from({ length: size }, () => Math.random() - 0.5);
data.images.write(noise(data.images.length));
data.labels.write(Float32Array.from({ length: data.labels.length }, (_, i) => +(i % 11 === 0)));
data.lrs.write(new Float32Array(steps).fill(0.02));
drawNetworks(
  net,
  unroll.start.theta,
  { init: "random", method: "xavier_normal", param: 1, seed: 1 },
  0,
);
const images = new Uint8Array(batch * 784).map(() => Math.random() * 256);
const labels = new Uint8Array(batch).map((_, i) => i % 10);
const split = { images, labels, count: batch };
using resident = new ResidentSplit(net, split);
using real = new RealBatch(net, resident, batch, part, { mean: [0.1307], std: [0.3081] });
real.choose(Uint32Array.from({ length: batch }, (_, i) => i));
const record = device.record();
real.record(record);
unroll.metaGradient(record, data, real.parts);

async function once(): Promise<number> {
  const start = performance.now();
  record.submit();
  await unroll.loss.read();
  return performance.now() - start;
}

await once();
const times = [];
for (let i = 0; i < repeats; i++) times.push(await once());
times.sort((a, b) => a - b);
const ms = Number(times[repeats >> 1]!.toFixed(1));
console.log(JSON.stringify({ retort: device.info.name, steps, perStep, batch, networks, ms }));
