// deno-lint-ignore-file camelcase -- methods are spelled as in recipes
import assert from "node:assert/strict";
import type { Device } from "../../src/gpu/mod.ts";
import { INIT_METHODS, initialize, type InitMethod } from "../../src/nets/init.ts";
import { exportParameters } from "../../src/nets/export.ts";
import type { Arch } from "../../src/nets/arch.ts";
import { buildNet } from "../../src/nets/build.ts";
import type { Net } from "../../src/nets/net.ts";
import { gpuTest } from "../support/device.ts";
import { oddNet, paddingOf } from "../support/nets.ts";

const R = 3;
const PARAM = 1.4;

async function drawn(net: Net, method: InitMethod, { networks = R, seed = 77, first = 0 } = {}) {
  const { device } = net;
  using draw = device.tensor([2]).write(Uint32Array.of(seed, first));
  using theta = net.theta(networks);
  theta.write(new Float32Array(networks * net.stride).fill(NaN)); // what was there must not show
  const record = device.record();
  initialize(record, net, theta, draw, { method, param: PARAM });
  record.submit();
  return await theta.read();
}

/** Layers with parameters of every kind, wide and tall. */
function netOf(device: Device): Net {
  const arch: Arch = [
    { conv: { channels: 30, size: 3, stride: 1, pad: 0 } },
    { instance_norm: { eps: 0.1 } },
    { conv: { channels: 7, size: 5, stride: 1, pad: 0 } },
    { dense: { outputs: 45 } },
    { dense: { outputs: "classes" } },
  ];
  return buildNet(device, arch, { channels: 2, height: 9, width: 10 }, 10);
}

/** Inputs and outputs that one unit of its layers sees, kernels counted. */
const FANS: Record<string, [number, number]> = {
  conv1: [2 * 9, 30 * 9],
  conv2: [30 * 25, 7 * 25],
  fc1: [7 * 3 * 4, 45],
  fc2: [45, 10],
};

/** Standard deviation of a weight by method, and the bound where it is uniform. */
const WEIGHTS: Record<InitMethod, (fanIn: number, fanOut: number) => [number, number?]> = {
  xavier_normal: (i, o) => [PARAM * Math.sqrt(2 / (i + o))],
  xavier_uniform: (i, o) => [PARAM * Math.sqrt(2 / (i + o)), PARAM * Math.sqrt(6 / (i + o))],
  kaiming_fan_in: (i) => [Math.sqrt(2 / i)],
  kaiming_fan_out: (_, o) => [Math.sqrt(2 / o)],
  normal: () => [PARAM],
  orthogonal: (i, o) => [PARAM / Math.sqrt(Math.max(i, o))], // o: rows of the weight as a matrix
  default: (i) => [1 / Math.sqrt(3 * i), 1 / Math.sqrt(i)],
};

Deno.test("INIT_METHODS are those of the original code", () => {
  assert.deepEqual(INIT_METHODS, Object.keys(WEIGHTS));
});

for (const method of INIT_METHODS) {
  gpuTest(`initialize ${method}: weights spread as the fans say`, async (device) => {
    const net = netOf(device);
    const theta = await drawn(net, method);
    for (let r = 0; r < R; r++) {
      for (const [name, { shape, data }] of Object.entries(exportParameters(net, theta, r))) {
        if (name.startsWith("norm1")) {
          const expected = name === "norm1.weight" ? 1 : 0;
          assert.deepEqual(data, new Float32Array(30).fill(expected), name);
          continue;
        }
        const [fanIn, fanOut] = FANS[name.split(".")[0]!]!;
        const out = method === "orthogonal" ? shape[0]! : fanOut;
        const [deviation, bound] = WEIGHTS[method](fanIn, out);
        if (name.endsWith(".bias")) {
          checkBias(`${name} of ${r}`, data, method, 1 / Math.sqrt(fanIn));
        } else checkWeight(`${name} of ${r}`, data, deviation, bound);
      }
    }
  });
}

// A normal and a uniform distribution, the latter with biases.
for (const method of ["normal", "orthogonal", "default"] as const) {
  gpuTest(
    `initialize ${method}: the seed and a network's number are all it takes`,
    async (device) => {
      const net = oddNet(device);
      const batch = await drawn(net, method, { first: 10 });
      assert.deepEqual(await drawn(net, method, { first: 10 }), batch, "the same bits again");
      for (let r = 0; r < R; r++) {
        const alone = await drawn(net, method, { networks: 1, first: 10 + r });
        assert.deepEqual(
          alone,
          batch.subarray(r * net.stride, (r + 1) * net.stride),
          `network ${r}`,
        );
      }
      assert.notDeepEqual(
        batch.subarray(0, net.stride),
        batch.subarray(net.stride, 2 * net.stride),
      );
      assert.notDeepEqual(await drawn(net, method, { first: 10, seed: 78 }), batch);
      const padding = paddingOf(net, R);
      assert.ok(padding.length > R * 7, "a row of 75 has a padding float");
      for (const i of padding) assert.equal(batch[i], 0, `word ${i} is padding`);
    },
  );
}

function checkWeight(what: string, data: Float32Array, deviation: number, bound?: number): void {
  const n = data.length;
  const mean = data.reduce((sum, v) => sum + v, 0) / n;
  const square = data.reduce((sum, v) => sum + v ** 2, 0) / n;
  // Five standard errors: of the mean, and of the variance (at most that of a normal's, 2σ⁴/n).
  assert.ok(Math.abs(mean) < 5 * deviation / Math.sqrt(n), `${what}: mean ${mean}`);
  const error = Math.abs(square / deviation ** 2 - 1);
  assert.ok(error < 5 * Math.sqrt(2 / n), `${what}: σ ${Math.sqrt(square)}, not ${deviation}`);
  if (bound !== undefined) {
    const most = data.reduce((a, v) => Math.max(a, Math.abs(v)), 0);
    assert.ok(most <= bound * (1 + 1e-6), `${what}: ${most} is outside ${bound}`);
    assert.ok(most > 0.9 * bound, `${what}: at most ${most} of ${bound}`);
  }
}

function checkBias(what: string, data: Float32Array, method: InitMethod, bound: number): void {
  if (method !== "default") {
    assert.ok(data.every((value) => value === 0), `${what} is not zero`);
    return;
  }
  assert.ok(data.every((value) => Math.abs(value) <= bound), `${what} is outside ${bound}`);
  assert.ok(new Set(data).size > data.length / 2, `${what} hardly varies`);
  assert.ok(data.some((value) => Math.abs(value) > bound / 3), `${what} is too small`);
}

gpuTest("initialize orthogonal: rows or columns of each weight are orthogonal", async (device) => {
  const net = netOf(device);
  const theta = await drawn(net, "orthogonal", { networks: 1 });
  for (const [name, { shape, data }] of Object.entries(exportParameters(net, theta))) {
    if (name.endsWith(".bias") || name.startsWith("norm1")) continue;
    const rows = shape[0]!;
    const columns = data.length / rows;
    const wide = rows <= columns;
    const vectors = wide ? rows : columns;
    const element = (i: number, k: number) => data[wide ? i * columns + k : k * columns + i]!;
    for (let i = 0; i < vectors; i++) {
      for (let j = 0; j <= i; j++) {
        let dot = 0;
        for (let k = 0; k < data.length / vectors; k++) dot += element(i, k) * element(j, k);
        const error = Math.abs(dot - (i === j ? PARAM ** 2 : 0));
        assert.ok(error < 2e-5, `${name}: ⟨${i}, ${j}⟩ is off by ${error}`);
      }
    }
  }
});
