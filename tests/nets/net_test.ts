import assert from "node:assert/strict";
import type { Device } from "../../src/gpu/mod.ts";
import { padded, sizeOf } from "../../src/layers/op.ts";
import type { Arch } from "../../src/nets/arch.ts";
import { buildNet, twinOf } from "../../src/nets/build.ts";
import type { Net } from "../../src/nets/net.ts";
import { type OracleNet, oracleNet } from "../../src/oracle/net.ts";
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
  unflatten,
} from "../support/nets.ts";

const R = 2;

/** Layers of every kind in an order that no built-in net has; the first pooling goes into a convolution. */
const MIXED: Arch = [
  { conv: { channels: 5, size: 3, stride: 2, pad: 1 } },
  { instance_norm: { eps: 0.1 } },
  "relu",
  { avg_pool: { size: 3, stride: 1, pad: 1 } },
  { lrn: { size: 3, alpha: 0.5, beta: 0.75, k: 1 } },
  "relu",
  { conv: { channels: 6, size: 2, stride: 1, pad: 0 } },
  "relu",
  { max_pool: { size: 2, stride: 2, pad: 0 } },
  { max_pool: { size: 3, stride: 1, pad: 1 } },
  { lrn: { size: 4, alpha: 0.9, beta: 0.5, k: 2 } },
  { dense: { outputs: 9 } },
  { dense: { outputs: "classes" } },
];

/** A net, its twin, and a batch. */
interface Case {
  readonly net: Net;
  readonly twin: OracleNet;
  /** Images that a workspace is for, those of them that are not padding, and those of the mean. */
  readonly images: number;
  readonly count: number;
  readonly total: number;
}

/** A net whose batch runs in parts, of which this one is filled up. */
function oddCase(device: Device): Case {
  const twin = oracleNet(oddOracle());
  return { net: oddNet(device), twin, images: 7, count: 5, total: 13 };
}

/** A net with all layers, and a batch by itself. */
function mixedCase(device: Device): Case {
  const input = { channels: 2, height: 13, width: 9 };
  const net = buildNet(device, MIXED, input, 4);
  return { net, twin: oracleNet(twinOf(MIXED, input, 4)), images: 5, count: 5, total: 5 };
}

/** Numbers for it: θ, two directions, and images and labels, of padding too. */
function numbersOf({ net, images }: Case) {
  const { parameterCount: P, input, classes } = net;
  const each = (seed: number, scale: number) =>
    Array.from({ length: R }, (_, r) => rounded(random(P, seed + r, scale)));
  const ones = onesOf(net); // what scales does so by about one
  return {
    theta: each(10, 0.3).map((theta) => rounded(theta.map((value, i) => value + ones[i]!))),
    u: each(20, 1),
    v: each(30, 1),
    x: rounded(random(images * sizeOf(input), 40, 2)),
    y: rounded(random(images * classes, 50).map(Math.abs)),
  };
}

/** One for each parameter that starts as one, else zero. */
function onesOf(net: Net): Float64Array {
  const theta = new Float32Array(net.stride);
  for (const { initial, at, shape } of net.parameters) {
    if (initial === "one") theta.fill(1, at, at + shape[0]!);
  }
  return flatten(net, theta);
}

/** The loss, its gradient and, along `along`, its second derivatives, on the GPU. */
async function derivativesOf(c: Case, along: Float64Array[], at = numbersOf(c).theta) {
  using owned = new DisposableStack();
  const { net, images, count, total } = c;
  const { device, input, classes } = net;
  const networks = at.length;
  const numbers = numbersOf(c);
  const [rows, span] = [sizeOf(input), padded(images)];
  const put = (flats: Float64Array[]) =>
    owned.use(net.theta(networks)).write(unflatten(net, flats));
  const [theta, thetaDot] = [put(at), put(along)];
  const x = owned.use(upload(device, [numbers.x], rows, images));
  const y = owned.use(upload(device, [numbers.y], classes, images));
  const [thetaBar, thetaBarDot] = [owned.use(net.theta(networks)), owned.use(net.theta(networks))];
  const xBarDot = owned.use(device.tensor([networks, rows, span]));
  const yBarDot = owned.use(device.tensor([networks, classes, span]));
  const work = owned.use(net.workspace(networks, images, { passes: "grad", total }));
  const tangents = owned.use(net.tangents(networks, images));
  const batch = { x, y, ...(count < images && { count }) }; // else as many as the workspace is for
  const record = device.record();
  net.grad(record, work, { theta, ...batch, thetaBar });
  const { loss, hit } = net.judge(record, work, batch);
  const tensors = { theta, thetaDot, ...batch, thetaBarDot, xBarDot, yBarDot };
  const lossDot = net.hvp(record, work, tangents, tensors);
  record.submit();
  return {
    thetaBar: await thetaBar.read(),
    thetaBarDot: await thetaBarDot.read(),
    z: await download(work.logits, networks, classes, images),
    loss: await download(loss, networks, 1, images),
    hit: await download(hit, networks, 1, images),
    lossDot: await download(lossDot, networks, 1, images),
    xBarDot: await download(xBarDot, networks, rows, images),
    yBarDot: await download(yBarDot, networks, classes, images),
  };
}

const sum = (array: Float64Array) => array.reduce((a, b) => a + b, 0);

function same(what: string, actual: ArrayLike<number>, expected: ArrayLike<number>): void {
  const error = relativeError(actual, expected);
  assert.ok(error < 1e-5, `${what}: relative error ${error}`);
}

/** All that a net computes agrees with its twin; padding adds nothing; a second run has the same bits. */
async function agrees(c: Case): Promise<void> {
  const { net, twin, count: n, total } = c;
  const { theta, v, x: images, y: labels } = numbersOf(c);
  const x = images.subarray(0, n * sizeOf(net.input));
  const y = labels.subarray(0, n * net.classes);
  const part = (array: Float64Array) => array.map((value) => value * n / total);
  const gpu = await derivativesOf(c, v);
  const live = (what: string, array: Float64Array, rows: number) => {
    const padding = array.subarray(n * rows);
    assert.ok(padding.every((value) => value === 0), `${what} of padding images is not zero`);
    return array.subarray(0, n * rows);
  };
  theta.forEach((flat, r) => {
    const what = (name: string) => `${name} of network ${r}`;
    const z = twin.logits.fwd(x, flat, n);
    const { loss, dTheta } = twin.grad(flat, x, y, n);
    const { thetaBarDot, xBarDot, yBarDot } = twin.hvp(flat, v[r]!, x, y, n);
    same(what("logits"), gpu.z[r]!.subarray(0, z.length), z);
    same(what("loss"), [sum(live("loss", gpu.loss[r]!, 1))], part(Float64Array.of(loss)));
    const hits = net.loss.twin.hits(z, y, n, net.classes);
    assert.deepEqual([...gpu.hit[r]!.subarray(0, n)], [...hits], what("hits"));
    same(what("∇θ ℓ"), flatten(net, gpu.thetaBar, r), part(dTheta));
    same(what("∂²ℓ/∂θ²"), flatten(net, gpu.thetaBarDot, r), part(thetaBarDot));
    const slope = dot(part(dTheta), v[r]!);
    same(what("ℓ˙"), [sum(live("ℓ˙", gpu.lossDot[r]!, 1))], [slope]);
    const xBarDots = live("∂²ℓ/∂x∂θ", gpu.xBarDot[r]!, sizeOf(net.input));
    same(what("∂²ℓ/∂x∂θ"), xBarDots, part(xBarDot));
    const yBarDots = live("∂²ℓ/∂y∂θ", gpu.yBarDot[r]!, net.classes);
    same(what("∂²ℓ/∂y∂θ"), yBarDots, part(yBarDot));
  });
  for (const i of paddingOf(net, R)) {
    assert.deepEqual([gpu.thetaBar[i], gpu.thetaBarDot[i]], [0, 0], `word ${i} is padding`);
  }
  assert.deepEqual(await derivativesOf(c, v), gpu, "a second run gives other bits");
}

/** ⟨u, Hv⟩ = ⟨v, Hu⟩ on the GPU's own numbers. */
async function isSymmetric(c: Case): Promise<void> {
  const { net } = c;
  const { u, v } = numbersOf(c);
  const [Hu, Hv] = [await derivativesOf(c, u), await derivativesOf(c, v)];
  for (let r = 0; r < R; r++) {
    const uHv = dot(u[r]!, flatten(net, Hv.thetaBarDot, r));
    const vHu = dot(v[r]!, flatten(net, Hu.thetaBarDot, r));
    const uHu = dot(u[r]!, flatten(net, Hu.thetaBarDot, r));
    // Measured against ⟨u, Hu⟩, since ⟨u, Hv⟩ of random directions is a small difference.
    assert.ok(Math.abs(uHv - vHu) < 1e-5 * Math.abs(uHu), `${uHv} and ${vHu}, ⟨u, Hu⟩ = ${uHu}`);
    assert.ok(Math.abs(uHv - uHu) > 1e-3 * Math.abs(uHu), "the directions differ");
  }
}

gpuTest("Net of odd sizes agrees with the oracle", async (device) => await agrees(oddCase(device)));

gpuTest("Net of odd sizes has a symmetric Hessian", async (device) => {
  await isSymmetric(oddCase(device));
});

/** What is computed of a network does not depend on those beside it, nor on how many there are. */
async function isAlone(c: Case): Promise<void> {
  const { theta, v } = numbersOf(c);
  const together = await derivativesOf(c, v);
  const { net: { stride } } = c;
  for (let r = 0; r < R; r++) {
    const alone = await derivativesOf(c, [v[r]!], [theta[r]!]);
    for (const [name, arrays] of Object.entries(together)) {
      const found = alone[name as keyof typeof alone];
      const [got, expected] = arrays instanceof Float32Array
        ? [found as Float32Array, arrays.subarray(r * stride, (r + 1) * stride)]
        : [found[0] as Float64Array, arrays[r]!];
      assert.equal(got.length, expected.length);
      const first = got.findIndex((value, i) => value !== expected[i]);
      assert.equal(first, -1, `${name} of network ${r} differs from number ${first}`);
    }
  }
}

gpuTest("Net of odd sizes gives a network the same bits alone", async (device) => {
  await isAlone(oddCase(device));
});

/** A test for one profile: many kernels take the driver long to compile, and are tested one by one for both. */
function softwareTest(name: string, run: (device: Device) => Promise<void>): void {
  Deno.test({
    name,
    fn: async () => await run(await deviceOf("software")),
    sanitizeResources: false, // the device outlives the test
    sanitizeOps: false,
  });
}

softwareTest("Net of all layers agrees with the oracle", async (device) => {
  await agrees(mixedCase(device));
});

softwareTest("Net of all layers gives a network the same bits alone", async (device) => {
  await isAlone(mixedCase(device));
});

softwareTest("Net of all layers has a symmetric Hessian", async (device) => {
  await isSymmetric(mixedCase(device));
});

gpuTest("Net.workspace and tangents free all that they take", (device) => {
  const net = oddNet(device);
  const before = device.bytes;
  {
    using work = net.workspace(3, 5, { passes: "grad" });
    assert.deepEqual([work.span, work.count, work.total], [{ networks: 3, images: 8 }, 5, 5]);
    using tangents = net.tangents(3, 5);
    assert.equal(tangents.yDot.length, net.ops.length);
    // y, ȳ, ẏ, ȳ˙; loss, hit, ℓ˙; the table of split_sums.wgsl and the convolution's runs [runs, R, P].
    const activations = 3 * 8 * (4 * (5 * 3 * 5 + 7) + 3);
    const runs = net.ops[0]!.runs!(work.span) * 3 * 140;
    const floats = activations + 8 * 64 + Math.ceil(runs / 64) * 64;
    assert.equal(device.bytes - before, floats * 4);
  }
  assert.equal(device.bytes, before);
  using shared = net.workspace(3, 5, { passes: "grad" });
  const [sums, bytes] = [shared.sums!, device.bytes];
  {
    using work = net.workspace(3, 5, { passes: "grad", sums });
    assert.equal(work.sums, sums);
    assert.equal(device.bytes - bytes, 4 * 3 * 8 * (2 * (5 * 3 * 5 + 7) + 2), "no other sums");
  }
  assert.equal(device.bytes, bytes, "what is shared stays");
  using forward = net.workspace(3, 5, { passes: "forward" });
  assert.deepEqual([forward.yBar, forward.sums], [[], undefined]);
  return Promise.resolve();
});
