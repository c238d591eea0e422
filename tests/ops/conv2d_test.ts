import { equal, throws } from "node:assert/strict";
import type { Device, Tensor } from "../../src/gpu/mod.ts";
import { Conv2d } from "../../src/ops/conv2d.ts";
import { columnsOf } from "../../src/ops/conv2d_tiles.ts";
import { conv2d } from "../../src/oracle/conv2d.ts";
import { sequence } from "../../src/oracle/layer.ts";
import { maxPool } from "../../src/oracle/max_pool.ts";
import { relu } from "../../src/oracle/relu.ts";
import { random } from "../oracle/numeric.ts";
import { checkOp } from "../support/check_op.ts";
import { deviceOf, gpuTest } from "../support/device.ts";
import { offZero } from "../support/inputs.ts";
import { expectSame } from "../support/runs.ts";

interface Shape {
  C: number;
  H: number;
  V: number;
  O: number;
  K: number;
  PAD: number;
  N: number;
  R: number;
}

// Sizes all different, none a multiple of a tile; kernels narrower and wider than a tile of 5.
const SHAPES: Shape[] = [
  { C: 3, H: 9, V: 11, O: 7, K: 5, PAD: 2, N: 6, R: 2 },
  { C: 2, H: 8, V: 7, O: 5, K: 3, PAD: 0, N: 3, R: 3 },
  { C: 1, H: 10, V: 13, O: 9, K: 7, PAD: 3, N: 5, R: 1 },
  { C: 6, H: 5, V: 6, O: 2, K: 1, PAD: 0, N: 9, R: 2 },
  { C: 1, H: 5, V: 17, O: 1, K: 3, PAD: 1, N: 5, R: 2 }, // two tiles of columns, 9 + 8
  { C: 1, H: 5, V: 5, O: 1, K: 1, PAD: 0, N: 4, R: 1 }, // few weights: a fifth run would look like six
  { C: 2, H: 4, V: 14, O: 6, K: 5, PAD: 2, N: 2, R: 2 },
];

for (const [i, s] of SHAPES.entries()) {
  // Only a network's input is shared, and it is not gated.
  const gatedOrShared = [[true, false], [false, true]] as const;
  for (const [gated, shared] of i > 0 ? gatedOrShared : [[false, false], ...gatedOrShared]) {
    gpuTest(`Conv2d ${JSON.stringify(s)} relu=${gated} shared=${shared}`, async (device) => {
      const { C, H, V, O, K, PAD, N, R } = s;
      const input = { channels: C, height: H, width: V };
      const at = 4;
      const op = new Conv2d(device, {
        name: "c",
        input,
        channels: O,
        size: K,
        pad: PAD,
        relu: gated,
        at,
      });
      const stride = 4 + Math.ceil(O * (C * K * K + 1) / 4) * 4 + 4;
      const conv = conv2d({ C, H, V, O, K, PAD });
      await checkOp(device, op, stride, {
        oracle: gated ? sequence([relu(C * H * V), conv]) : conv,
        networks: R,
        images: N,
        terms: N * H * V,
        x: (r) => offZero(random(N * C * H * V, 11 + r)),
        shared,
      });
    });
  }
}

// Tiles that overhang, more than one, and a kernel wider than a tile of 5.
const POOLED: (Shape & { shared: boolean })[] = [
  { C: 3, H: 8, V: 6, O: 15, K: 5, PAD: 2, N: 6, R: 2, shared: false },
  { C: 2, H: 8, V: 20, O: 5, K: 3, PAD: 0, N: 3, R: 3, shared: true },
  { C: 1, H: 4, V: 4, O: 2, K: 7, PAD: 3, N: 5, R: 2, shared: false },
];

for (const { shared, ...s } of POOLED) {
  gpuTest(`Conv2d with pooling ${JSON.stringify(s)} shared=${shared}`, async (device) => {
    const { C, H, V, O, K, PAD, N, R } = s;
    const input = { channels: C, height: H, width: V };
    const spec = { name: "c", input, channels: O, size: K, pad: PAD, relu: !shared, at: 4 };
    const op = new Conv2d(device, { ...spec, pool: true });
    const stride = 4 + Math.ceil(O * (C * K * K + 1) / 4) * 4 + 4;
    const sides = { H: H + 2 * PAD - K + 1, V: V + 2 * PAD - K + 1 };
    const layers = [conv2d({ C, H, V, O, K, PAD }), maxPool({ C: O, ...sides, SIZE: 2 })];
    await checkOp(device, op, stride, {
      oracle: sequence(shared ? layers : [relu(C * H * V), ...layers]),
      networks: R,
      images: N,
      terms: N * H * V,
      x: (r) => offZero(random(N * C * H * V, 11 + r)),
      shared,
    });
  });
}

Deno.test("Conv2d refuses to pool odd planes", async () => {
  const device = await deviceOf("software");
  const input = { channels: 1, height: 5, width: 4 };
  const spec = { name: "c", input, channels: 1, size: 1, pad: 0, relu: false, at: 0, pool: true };
  throws(() => new Conv2d(device, spec), /Cannot pool 5 × 4 planes: expected even sides/);
});

/** What a convolution of 8 columns to 4 channels gives for `count` images that repeat the same four. */
async function repeated(device: Device, count: number): Promise<Record<string, Float32Array>> {
  const input = { channels: 1, height: 9, width: 8 };
  const op = new Conv2d(device, {
    name: "c",
    input,
    channels: 4,
    size: 3,
    pad: 1,
    relu: true,
    at: 0,
  });
  const span = { networks: 1, images: count };
  const of = (channels: number, seed: number) => {
    const [four, size] = [random(4 * channels * 72, seed), channels * 72 * count];
    return device.tensor([channels * 72, count]).write(
      Float32Array.from({ length: size }, (_, i) => four[Math.floor(i / count) * 4 + i % 4]!),
    );
  };
  using x = of(1, 1);
  using xDot = of(1, 2);
  using yBar = of(4, 3);
  using theta = device.tensor([40]).write(Float32Array.from(random(40, 4)));
  using thetaDot = device.tensor([40]).write(Float32Array.from(random(40, 5)));
  using y = of(4, 6);
  using yDot = of(4, 6);
  using xBar = of(1, 6);
  const record = device.record();
  op.fwd(record, span, { x, theta, y });
  op.jvp(record, span, { x, xDot, theta, thetaDot, yDot });
  op.vjpX(record, span, { x, theta, yBar, xBar });
  record.submit();
  const firstFour = async (tensor: Tensor) => (await tensor.read()).filter((_, i) => i % count < 4);
  return {
    y: await firstFour(y),
    yDot: await firstFour(yDot),
    xBar: await firstFour(xBar),
  };
}

Deno.test("Conv2d gives the same bits in the larger tiles that a GPU gets for many images", async () => {
  const device = await deviceOf("hardware");
  const few = await repeated(device, 4);
  for (const [count, columns] of [[8192, 2], [16384, 4]] as const) {
    const span = { networks: 1, images: count };
    const planes = { channels: 4, height: 9, width: 8 };
    equal(columnsOf(device.profile, span, planes, false), columns);
    expectSame(`${count} images`, await repeated(device, count), few);
  }
});
