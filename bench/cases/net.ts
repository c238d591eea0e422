/**
 * The gradient of LeNet's loss and its tangent (hvp) given its activations, and how many gradients an hvp costs. Both are
 * first proved against the float64 oracle.
 */
import { drawNetworks } from "../../src/distill/evaluate.ts";
import type { Device, Tensor } from "../../src/gpu/mod.ts";
import { exportParameters } from "../../src/nets/export.ts";
import { buildNet } from "../../src/nets/build.ts";
import type { Net } from "../../src/nets/net.ts";
import { padded, sizeOf } from "../../src/ops/op.ts";
import { oracleNet } from "../../src/oracle/net.ts";
import { random } from "../../tests/oracle/numeric.ts";
import { assertClose } from "../../tests/support/close.ts";
import { rounded, upload } from "../../tests/support/layout.ts";
import { twinOf } from "../../tests/support/nets.ts";
import { BATCHES, flopsOf, noise, runsFor } from "./bilinear.ts";
import type { Case } from "../rate.ts";

const TERMS = 1e5; // f32 through five layers, summed over images and positions

export async function netCases(device: Device): Promise<Case[]> {
  const net = buildNet(device, "lenet", { channels: 1, height: 28, width: 28 }, 10);
  const cases: Case[] = [];
  for (const count of BATCHES) cases.push(...await passesOf(net, count));
  return cases;
}

async function passesOf(net: Net, count: number): Promise<Case[]> {
  const { device } = net;
  const images = padded(count);
  const [xs, ys] = [
    rounded(random(count * sizeOf(net.input), 11)),
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
  const work = net.workspace(1, count, { passes: "grad" });
  const tangents = net.tangents(1, count);
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
    work: { flops: 6 * all - 2 * first },
    run: (record) => void net.hvp(record, work, tangents, tensors),
  };
  const record = device.record();
  for (const { run } of [grad, hvp]) run(record);
  record.submit();
  const [at, along] = [await flat(net, theta), await flat(net, thetaDot)];
  const expected = oracleNet(twinOf("lenet", net.input, net.classes)).hvp(at, along, xs, ys, count);
  assertClose("∇θ ℓ", await flat(net, thetaBar), expected.dTheta, TERMS);
  assertClose("∂²ℓ/∂θ² θ̇", await flat(net, thetaBarDot), expected.thetaBarDot, TERMS);
  return [grad, hvp];
}

/** The parameters of a tensor shaped like θ, padding removed. */
async function flat(net: Net, tensor: Tensor): Promise<Float64Array> {
  const named = exportParameters(net, await tensor.read());
  return Float64Array.from(Object.values(named).flatMap(({ data }) => Array.from(data)));
}
