import assert from "node:assert/strict";
import type { Device, Tensor } from "../../src/gpu/mod.ts";
import { Loss, type LossFrame } from "../../src/layers/loss.ts";
import { padded } from "../../src/layers/op.ts";
import { parseArch } from "../../src/recipe/recipe.ts";
import { buildNet } from "../../src/nets/build.ts";
import { dot } from "../../src/oracle/vector.ts";
import { random } from "../oracle/numeric.ts";
import { assertClose } from "../support/close.ts";
import { gpuTest } from "../support/device.ts";
import { distinct } from "../support/inputs.ts";
import { rounded, upload } from "../support/layout.ts";

interface Shape {
  /** Outputs, images, images that are not padding, and networks. */
  K: number;
  N: number;
  live: number;
  R: number;
  /** Images that the mean is taken over: more than are live where a batch runs in parts. */
  total: number;
  /** The largest output, about. */
  scale: number;
  /** Whether each network has labels of its own. */
  own?: boolean;
}

const SHAPES: Shape[] = [
  { K: 7, N: 5, live: 5, R: 3, total: 5, scale: 3 },
  { K: 10, N: 15, live: 11, R: 2, total: 29, scale: 2 }, // four images of padding in the last vec4s
  { K: 3, N: 134, live: 131, R: 5, total: 131, scale: 1 }, // more than one workgroup
  { K: 5, N: 6, live: 6, R: 2, total: 6, scale: 80 },
  { K: 4, N: 7, live: 7, R: 3, total: 7, scale: 2, own: true },
];

type LossName = "softmax_xent" | "sigmoid_xent" | "mse";

const CASES: [name: LossName, shapes: Shape[]][] = [
  ["softmax_xent", SHAPES],
  ["sigmoid_xent", SHAPES.map((shape) => ({ ...shape, K: 1 }))],
  ["mse", [...SHAPES.slice(0, 3), SHAPES.at(-1)!, { ...SHAPES[1]!, K: 1 }]],
];

/** Outputs of each network, tangents of these, and labels, of padding too. */
function numbersOf({ K, N, R, scale, own }: Shape) {
  const network = (make: (r: number) => Float64Array, length = R) =>
    Array.from({ length }, (_, r) => rounded(make(r)));
  return {
    z: network((r) => distinct(N * K, 11 + r).map((v) => v * 200 * scale / (N * K))),
    zDot: network((r) => random(N * K, 21 + r)),
    y: network((r) => random(N * K, 31 + r).map(Math.abs), own ? R : 1), // sums are not 1
  };
}

/** What all passes of a loss leave: the words [R, rows, N] of each tensor. */
async function passesOf(device: Device, name: LossName, shape: Shape) {
  using owned = new DisposableStack();
  const { K, N, live, R, total } = shape;
  const { z, zDot, y } = numbersOf(shape);
  const images = padded(N);
  const put = (arrays: Float64Array[]) => owned.use(upload(device, arrays, K, N));
  const out = (rows: number) => {
    const tensor = owned.use(device.tensor([R, rows, images]));
    return tensor.write(new Float32Array(tensor.size).fill(NaN));
  };
  const outs = { loss: out(1), hit: out(1), zBar: out(K), zBarDot: out(K), lossDot: out(1) };
  const alone = { zBarDot: out(K), lossDot: out(1) }; // without ȳ˙
  const yBarDot = out(K);
  const inputs = { networks: R, images, live, total, z: put(z), zDot: put(zDot), y: put(y) };
  const op = new Loss(device, name, K);
  const record = device.record();
  op.forward(record, { ...inputs, ...outs });
  op.backward(record, { ...inputs, ...outs }, false);
  op.backward(record, { ...inputs, ...outs, yBarDot }, true);
  op.backward(record, { ...inputs, ...alone }, true);
  record.submit();
  const read = async (tensors: Record<string, Tensor>) => {
    const all = Object.entries(tensors).map(async ([name, tensor]) => [name, await tensor.read()]);
    return Object.fromEntries(await Promise.all(all)) as Record<string, Float32Array>;
  };
  const found = await read({ ...outs, yBarDot });
  for (const [name, words] of Object.entries(await read(alone))) {
    assert.deepEqual(words, found[name], `${name} without ȳ˙`);
  }
  return found;
}

/** Words [R, rows, N padded] as R arrays [live, rows]; those of padding must be zero, except hits. */
function liveOf(what: string, words: Float32Array, { N, live, R }: Shape): Float64Array[] {
  const images = padded(N);
  const rows = words.length / R / images;
  const padding = words.filter((_, i) => i % images >= live);
  const isZero = what === "hit" || padding.every((word) => word === 0);
  assert.ok(isZero, `${what} of padding images is not zero`);
  return Array.from({ length: R }, (_, r) => {
    return Float64Array.from({ length: live * rows }, (_, i) => {
      return words[(r * rows + i % rows) * images + Math.floor(i / rows)]!;
    });
  });
}

const sumOf = (array: Float64Array) => array.reduce((a, b) => a + b, 0);

for (const [name, shapes] of CASES) {
  for (const shape of shapes) {
    const { K, live, total, own } = shape;
    gpuTest(`${name} ${JSON.stringify(shape)} agrees with the oracle`, async (device) => {
      const { twin } = new Loss(device, name, K);
      const numbers = numbersOf(shape);
      const gpu = await passesOf(device, name, shape);
      const terms = 4 * K; // an exponential or logarithm of f32 is good to a few units
      const scale = 1 / total; // of the terms: where one class has it all, ż and ⟨p,ż⟩ cancel
      const part = (array: Float64Array) => array.map((value) => value * live / total);
      numbers.z.forEach((all, r) => {
        const z = all.subarray(0, live * K);
        const y = numbers.y[own ? r : 0]!.subarray(0, live * K);
        const zDot = numbers.zDot[r]!.subarray(0, live * K);
        const found = (what: string) => liveOf(what, gpu[what]!, shape)[r]!;
        const same = (what: string, expected: Float64Array, scale?: number) =>
          assertClose(`${what} of network ${r}`, found(what), expected, terms, scale);
        const image = (array: Float64Array, n: number) => array.subarray(n * K, (n + 1) * K);
        const each = (value: (n: number) => number) =>
          Float64Array.from({ length: live }, (_, n) => value(n));
        same("loss", each((n) => twin.value(image(z, n), image(y, n), 1, K) / total));
        const mean = twin.value(z, y, live, K) * live / total;
        assertClose("mean loss", [sumOf(found("loss"))], [mean], terms * live);
        assert.deepEqual([...found("hit")], [...twin.hits(z, y, live, K)], `hits of network ${r}`);
        const zBar = part(twin.gradient(z, y, live, K));
        same("zBar", zBar);
        same("zBarDot", part(twin.tangent(z, zDot, y, live, K)), scale);
        same("yBarDot", part(twin.labelTangent(z, zDot, y, live, K)), scale);
        same("lossDot", each((n) => dot(image(zBar, n), image(zDot, n))), scale);
        const slope = dot(found("zBar"), zDot); // on the GPU's own numbers
        assertClose("⟨z̄, ż⟩", [sumOf(found("lossDot"))], [slope], terms * live, scale);
      });
    });
  }
}

/** The loss and the hits of images of one network, given image by image. */
async function judged(device: Device, name: LossName, z: number[][], y: number[][]) {
  using owned = new DisposableStack();
  const [N, K] = [z.length, z[0]!.length];
  const put = (rows: number[][]) =>
    owned.use(upload(device, [Float64Array.from(rows.flat())], K, N));
  const [loss, hit] = [1, 2].map(() => owned.use(device.tensor([1, padded(N)])));
  const zBar = owned.use(device.tensor([1, K, padded(N)]));
  const frame = {
    networks: 1,
    images: padded(N),
    live: N,
    total: N,
    z: put(z),
    y: put(y),
    loss,
    hit,
    zBar,
  };
  const record = device.record();
  const op = new Loss(device, name, K);
  op.forward(record, frame);
  op.backward(record, frame, false);
  record.submit();
  const of = async (tensor: Tensor) => [...(await tensor.read())];
  return { loss: await of(loss!), hit: (await of(hit!)).slice(0, N), zBar: await of(zBar) };
}

gpuTest("softmax_xent: hits are the largest, the first of equals", async (device) => {
  // Right; wrong; equal labels 0 and 2, of which 0 counts; equal outputs 1 and 2, of which 1 does; neither.
  const z = [[1, 5, 2], [1, 5, 2], [3, 1, 2], [0, 5, 5], [4, 4, 1]];
  const y = [[0, 1, 0], [0, 0, 1], [0.5, 0, 0.5], [0, 1, 0], [0, 1, 0]];
  for (const name of ["softmax_xent", "mse"] as const) {
    assert.deepEqual((await judged(device, name, z, y)).hit, [1, 0, 1, 1, 0], name);
  }
});

gpuTest("sigmoid_xent: hits lie on the side of zero that labels lie on of ½", async (device) => {
  const z = [[2], [-2], [0.1], [0], [3], [-1]];
  const y = [[1], [0], [0.6], [0.5], [0.5], [0.9]];
  assert.deepEqual((await judged(device, "sigmoid_xent", z, y)).hit, [1, 1, 1, 1, 0, 0]);
});

gpuTest("mse of one output: hits are nearer than ½", async (device) => {
  const [z, y] = [[[2], [2], [2], [-3]], [[1.75], [2.5], [1], [-3.25]]];
  const { hit, loss, zBar } = await judged(device, "mse", z, y);
  assert.deepEqual(hit, [1, 0, 0, 1]);
  assert.deepEqual(loss, [0.0625, 0.25, 1, 0.0625].map((square) => square / 2 / 4));
  assert.deepEqual(zBar, [0.25, -0.5, 1, 0.25].map((error) => error / 4));
});

gpuTest("cross-entropies are finite and right at outputs of ±80", async (device) => {
  const softmax = await judged(device, "softmax_xent", [[80, -80, 0], [-80, 80, -80]], [[0, 1, 0], [
    0,
    1,
    0,
  ]]);
  assert.deepEqual(softmax.loss, [80, 0, 0, 0], "160 and 0, over two images");
  const near = (value: number) => Math.round(value * 1e6) / 1e6 + 0; // no −0
  const zeros = [0, 0];
  assert.deepEqual(softmax.zBar.map(near), [0.5, 0, ...zeros, -0.5, 0, ...zeros, 0, 0, ...zeros]);
  const sigmoid = await judged(device, "sigmoid_xent", [[80], [-80], [80], [-80]], [[0], [0], [1], [
    1,
  ]]);
  assert.deepEqual(sigmoid.loss.map(near), [20, 0, 0, 20]);
  assert.deepEqual(sigmoid.zBar.map(near), [0.25, 0, 0, -0.25]);
});

gpuTest("Loss refuses outputs that it does not take, and tensors of other sizes", (device) => {
  const message = (K: number) =>
    `Cannot use the loss sigmoid_xent: got a network with ${K} outputs, expected 1`;
  assert.throws(() => new Loss(device, "sigmoid_xent", 2), {
    name: "RangeError",
    message: message(2),
  });
  const input = { channels: 2, height: 1, width: 1 };
  const arch = parseArch([{ dense: "classes" }], "a test");
  assert.throws(() => buildNet(device, arch, input, 10, "sigmoid_xent"), {
    name: "RangeError",
    message: message(10),
  });
  assert.equal(buildNet(device, arch, input, 1, "sigmoid_xent").loss.name, "sigmoid_xent");
  using z = device.tensor([2, 3, 4]);
  using y = device.tensor([2, 4]);
  const frame = { networks: 2, images: 4, live: 4, total: 4, z, y, loss: z, hit: z };
  const refused = (frame: LossFrame) => () =>
    new Loss(device, "mse", 3).forward(device.record(), frame);
  assert.throws(refused(frame), {
    name: "TypeError",
    message: "Cannot run mse on y: got shape [2, 4], expected 12 numbers as [3, 4]",
  });
  assert.throws(refused({ ...frame, networks: 3 }), {
    name: "TypeError",
    message: "Cannot run mse on z: got shape [2, 3, 4], expected 36 numbers as [3, 3, 4]",
  });
  return Promise.resolve();
});
