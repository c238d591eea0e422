/**
 * The gradient of LeNet's loss and its tangent (hvp), and how many gradients an hvp costs. Both are
 * first proved against the float64 oracle.
 */
import { drawNetworks } from "../src/distill/evaluate.ts";
import { Device, type Tensor } from "../src/gpu/mod.ts";
import { exportParameters } from "../src/nets/export.ts";
import { lenet } from "../src/nets/lenet.ts";
import { padded, sizeOf } from "../src/ops/op.ts";
import { lenet as oracleLenet } from "../src/oracle/lenet.ts";
import { oracleNet } from "../src/oracle/net.ts";
import { random } from "../tests/oracle/numeric.ts";
import { assertClose } from "../tests/support/close.ts";
import { rounded, upload } from "../tests/support/layout.ts";
import { BATCHES, flopsOf, noise, runsFor } from "./support/bilinear.ts";
import { bench, type Case } from "./support/rate.ts";

const TERMS = 1e5; // f32 through five layers, summed over images and positions

const device = await Device.open();
const net = lenet(device, { channels: 1, height: 28, width: 28 }, 10);
const oracle = oracleNet(oracleLenet());
const cases: Case[] = [];
for (const count of BATCHES) cases.push(...await passesOf(count));
const times = await bench(device, "LeNet", cases);
BATCHES.forEach((count, i) => {
  const ratio = times[2 * i + 1]! / times[2 * i]!;
  console.log(`  N=${padded(count)}: an hvp takes as long as ${ratio.toFixed(2)} gradients`);
});

async function passesOf(count: number): Promise<Case[]> {
  const images = padded(count);
  const [xs, ys] = [
    rounded(random(count * sizeOf(net.input), 1)),
    Float64Array.from({ length: count * net.classes }, (_, i) => +(i % 11 === 0)),
  ] as const;
  const x = upload(device, [xs], sizeOf(net.input), count);
  const y = upload(device, [ys], net.classes, count);
  const theta = device.tensor([1, net.stride]);
  drawNetworks(net, theta, { init: "random", method: "default", param: 1, seed: 1 }, 0);
  const thetaDot = device.tensor([1, net.stride]);
  drawNetworks(net, thetaDot, { init: "random", method: "default", param: 1, seed: 2 }, 0);
  const [thetaBar, thetaBarDot] = [noise(device, theta.shape, 1), noise(device, theta.shape, 2)];
  const xBarDot = device.tensor([1, sizeOf(net.input), images]);
  const work = net.workspace(1, count, { passes: "hvp" });
  const all = net.ops.reduce((sum, op) => sum + flopsOf(op, images), 0);
  const first = flopsOf(net.ops[0]!, images); // its input stands still, and needs no x̄
  const shared = { group: `LeNet N=${images}`, runs: Math.ceil(runsFor(count) / 10) };
  const grad: Case = {
    ...shared,
    name: "grad",
    work: { flops: 3 * all - first },
    run: (record) => net.grad(record, work, { theta, x, y, thetaBar }),
  };
  const tensors = { theta, thetaDot, x, y, thetaBarDot, xBarDot };
  const hvp: Case = {
    ...shared,
    name: "hvp",
    work: { flops: 8 * all - 3 * first },
    run: (record) => void net.hvp(record, work, tensors),
  };
  const record = device.record();
  for (const { run } of [grad, hvp]) run(record);
  record.submit();
  const [at, along] = [await flat(theta), await flat(thetaDot)];
  const expected = oracle.hvp(at, along, xs, ys, count);
  assertClose("∇θ ℓ", await flat(thetaBar), expected.dTheta, TERMS);
  assertClose("∂²ℓ/∂θ² θ̇", await flat(thetaBarDot), expected.thetaBarDot, TERMS);
  return [grad, hvp];
}

/** The parameters of a tensor shaped like θ, padding removed. */
async function flat(tensor: Tensor): Promise<Float64Array> {
  const named = exportParameters(net, await tensor.read());
  return Float64Array.from(Object.values(named).flatMap(({ data }) => Array.from(data)));
}
