import assert from "node:assert/strict";
import type { Arch } from "../../src/arch/layers.ts";
import type { Device } from "../../src/gpu/mod.ts";
import { buildNet } from "../../src/nets/build.ts";
import type { Net } from "../../src/nets/net.ts";
import { Tangents, Workspace } from "../../src/nets/workspace.ts";
import { padded, type Planes, sizeOf } from "../../src/ops/op.ts";
import type { OracleLayer } from "../../src/oracle/layer.ts";
import { oracleNet } from "../../src/oracle/net.ts";
import { dot } from "../../src/oracle/vector.ts";
import { random } from "../oracle/numeric.ts";
import { deviceOf, gpuTest } from "../support/device.ts";
import { download, rounded, upload } from "../support/layout.ts";
import {
  flatten,
  oddNet,
  oddOracle,
  paddingOf,
  relativeError,
  thinned,
  twinOf,
  unflatten,
} from "../support/nets.ts";

const R = 2;
const N = 5;

/** A net, its twin, and how many images the mean is taken over. */
type Case = [string, (device: Device) => Net, () => OracleLayer, number];

function ofArch(name: string, arch: Arch, image: Planes, classes: number, total: number): Case {
  const twin = () => twinOf(arch, image, classes);
  return [name, (device) => buildNet(device, arch, image, classes), twin, total];
}

const planes = (channels: number, side: number) => ({ channels, height: side, width: side });

/** Layers of every kind in an order that no built-in net has: ReLU before each, and none. */
const MIXED: Arch = [
  { conv: { channels: 5, size: 3, stride: 2, pad: 1 } },
  { lrn: { size: 3, alpha: 0.5, beta: 0.75, k: 1 } },
  "relu",
  { conv: { channels: 6, size: 2, stride: 1, pad: 0 } },
  "relu",
  { max_pool: { size: 3, stride: 1, pad: 1 } },
  { lrn: { size: 4, alpha: 0.9, beta: 0.5, k: 2 } },
  { max_pool: { size: 2, stride: 2, pad: 0 } },
  { dense: { outputs: 9 } },
  { dense: { outputs: "classes" } },
];

const [CIFAR, IMAGENET] = [planes(3, 32), planes(3, 224)];

const NETS: Case[] = [
  ofArch("lenet", "lenet", planes(1, 28), 10, N),
  ["odd", oddNet, oddOracle, 13],
  ofArch("mixed layers", MIXED, { channels: 2, height: 11, width: 9 }, 4, N),
];

/** The other built-in nets, with few channels; their many kernels take the driver long to compile. */
const THIN: Case[] = [
  ofArch("thin alexcifar", thinned("alexcifar", CIFAR, 16), CIFAR, 10, N),
  ofArch("thin alexnet", thinned("alexnet", IMAGENET, 32), planes(3, 67), 10, N),
];

const each = (make: (r: number) => Float64Array) =>
  Array.from({ length: R }, (_, r) => rounded(make(r)));

/** Numbers for a net: θ, two directions, images and soft labels. */
function numbersOf(net: Net) {
  const P = net.parameterCount;
  return {
    theta: each((r) => random(P, 10 + r, 0.12)),
    u: each((r) => random(P, 20 + r)),
    v: each((r) => random(P, 30 + r)),
    x: rounded(random(N * sizeOf(net.input), 40, 2)),
    y: rounded(random(N * net.classes, 50).map(Math.abs)),
  };
}

/** The gradient of the loss [R, P], and the loss, on the GPU. */
async function gradOf(net: Net, total: number) {
  const { device } = net;
  const { theta: flats, x: images, y: labels } = numbersOf(net);
  using theta = device.tensor([R, net.stride]).write(unflatten(net, flats));
  using x = upload(device, [images], sizeOf(net.input), N);
  using y = upload(device, [labels], net.classes, N);
  using thetaBar = device.tensor([R, net.stride]);
  using work = net.workspace(R, N, { passes: "grad", total });
  const record = device.record();
  net.grad(record, work, { theta, x, y, thetaBar });
  net.loss(record, work, y);
  record.submit();
  const losses = await download(work.loss, R, 1, N);
  return {
    thetaBar: await thetaBar.read(),
    losses,
    z: await download(work.logits, R, net.classes, N),
  };
}

/** The second derivatives along directions `along`, and the bytes that the run left behind. */
async function hvpOf(net: Net, along: Float64Array[], total: number) {
  const { device } = net;
  const { theta: flats, x: images, y: labels } = numbersOf(net);
  const rows = sizeOf(net.input);
  using theta = device.tensor([R, net.stride]).write(unflatten(net, flats));
  using thetaDot = device.tensor([R, net.stride]).write(unflatten(net, along));
  using x = upload(device, [images], rows, N);
  using y = upload(device, [labels], net.classes, N);
  using thetaBarDot = device.tensor([R, net.stride]);
  using xBarDot = device.tensor([R, rows, padded(N)]);
  using yBarDot = device.tensor([R, net.classes, padded(N)]);
  using work = net.workspace(R, N, { passes: "grad", total });
  using tangents = net.tangents(R, N);
  const record = device.record();
  net.grad(record, work, { theta, x, y });
  const tensors = { theta, thetaDot, x, y, thetaBarDot, xBarDot, yBarDot };
  const lossDot = net.hvp(record, work, tangents, tensors);
  record.submit();
  return {
    thetaBarDot: await thetaBarDot.read(),
    lossDot: await download(lossDot, R, 1, N),
    xBarDot: await download(xBarDot, R, rows, N),
    yBarDot: await download(yBarDot, R, net.classes, N),
  };
}

const sum = (array: ArrayLike<number>) => Array.from(array).reduce((a, b) => a + b, 0);

function same(what: string, actual: ArrayLike<number>, expected: ArrayLike<number>): void {
  const error = relativeError(actual, expected);
  assert.ok(error < 1e-5, `${what}: relative error ${error}`);
}

async function hvpAgrees(
  device: Device,
  build: Case[1],
  oracle: Case[2],
  total: number,
): Promise<void> {
  const part = (array: Float64Array) => array.map((value) => value * N / total);
  const net = build(device);
  const { theta, v, x, y } = numbersOf(net);
  const twin = oracleNet(oracle());
  const gpu = await hvpOf(net, v, total);
  theta.forEach((flat, r) => {
    const expected = twin.hvp(flat, v[r]!, x, y, N);
    const thetaBarDot = flatten(net, gpu.thetaBarDot, r);
    same(`∂²ℓ/∂θ² of network ${r}`, thetaBarDot, part(expected.thetaBarDot));
    same(`∂²ℓ/∂x∂θ of network ${r}`, gpu.xBarDot[r]!, part(expected.xBarDot));
    same(`∂²ℓ/∂y∂θ of network ${r}`, gpu.yBarDot[r]!, part(expected.yBarDot));
    const slope = dot(expected.dTheta, v[r]!) * N / total;
    same(`ℓ˙ of network ${r}`, [sum(gpu.lossDot[r]!)], [slope]);
  });
  for (const i of paddingOf(net, R)) assert.equal(gpu.thetaBarDot[i], 0, "zero in padding");
  assert.deepEqual(await hvpOf(net, v, total), gpu, "a second run gives the same bits");
}

for (const [name, build, oracle, total] of THIN) {
  Deno.test({
    name: `Net.hvp of ${name} agrees with the oracle`,
    fn: async () => await hvpAgrees(await deviceOf("software"), build, oracle, total),
    sanitizeResources: false, // the device outlives the test
    sanitizeOps: false,
  });
}

for (const [name, build, oracle, total] of NETS) {
  const part = (array: Float64Array) => array.map((value) => value * N / total);

  gpuTest(`Net.forward, loss and grad of ${name} agree with the oracle`, async (device) => {
    const net = build(device);
    const { theta, x, y } = numbersOf(net);
    const twin = oracleNet(oracle());
    const gpu = await gradOf(net, total);
    theta.forEach((flat, r) => {
      const { loss, dTheta } = twin.grad(flat, x, y, N);
      same(`logits of network ${r}`, gpu.z[r]!, twin.logits.fwd(x, flat, N));
      same(`loss of network ${r}`, [sum(gpu.losses[r]!)], [loss * N / total]);
      same(`∇θ of network ${r}`, flatten(net, gpu.thetaBar, r), part(dTheta));
    });
    for (const i of paddingOf(net, R)) assert.equal(gpu.thetaBar[i], 0, "∇θ is zero in padding");
    assert.deepEqual(await gradOf(net, total), gpu, "a second run gives the same bits");
  });

  gpuTest(`Net.hvp of ${name} agrees with the oracle`, async (device) => {
    await hvpAgrees(device, build, oracle, total);
  });

  gpuTest(`Net.hvp of ${name}: the Hessian is symmetric`, async (device) => {
    const net = build(device);
    const { u, v } = numbersOf(net);
    const [Hu, Hv] = [await hvpOf(net, u, total), await hvpOf(net, v, total)];
    for (let r = 0; r < R; r++) {
      const uHv = dot(u[r]!, flatten(net, Hv.thetaBarDot, r));
      const vHu = dot(v[r]!, flatten(net, Hu.thetaBarDot, r));
      const uHu = dot(u[r]!, flatten(net, Hu.thetaBarDot, r));
      // Measured against ⟨u, Hu⟩, since ⟨u, Hv⟩ of random directions is a small difference.
      assert.ok(Math.abs(uHv - vHu) < 1e-5 * Math.abs(uHu), `${uHv} and ${vHu}, ⟨u, Hu⟩ = ${uHu}`);
      assert.ok(Math.abs(uHv - uHu) > 1e-3 * Math.abs(uHu), "the directions differ");
    }
  });
}

gpuTest("Net.workspace frees all that it takes", (device) => {
  const net = oddNet(device);
  const before = device.bytes;
  {
    using work = net.workspace(3, 5, { passes: "grad" });
    using tangents = net.tangents(3, 5);
    assert.deepEqual([work.span, work.total], [{ networks: 3, images: 8 }, 5]);
    const floats = 3 * 8 * (4 * (5 * 3 * 5 + 7) + 3); // y, yBar, yDot, yBarDot; loss, hit, lossDot
    assert.ok(tangents.yDot.length === net.ops.length);
    assert.equal(device.bytes - before, floats * 4);
    const sizes = [Workspace.bytes(net, 3, 5, "grad"), Tangents.bytes(net, 3, 5)];
    assert.equal(sizes[0]! + sizes[1]!, floats * 4, "as counted beforehand");
  }
  assert.equal(device.bytes, before);
  return Promise.resolve();
});
