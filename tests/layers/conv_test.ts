import assert from "node:assert/strict";
import { MOST_TURNS } from "../../src/gpu/mod.ts";
import { sizeOf } from "../../src/layers/op.ts";
import { random } from "../oracle/numeric.ts";
import { type Case, checkOp, opOf } from "../support/check_op.ts";
import { deviceOf, gpuTest } from "../support/device.ts";
import { offZero } from "../support/inputs.ts";

interface Shape {
  C: number;
  H: number;
  V: number;
  O: number;
  K: number;
  PAD: number;
  /** 1 when left out. */
  STRIDE?: number;
  N: number;
  R: number;
}

function layerOf({ C, H, V, O, K, PAD, STRIDE = 1 }: Shape): Case<"conv"> {
  const settings = { channels: O, size: K, stride: STRIDE, pad: PAD };
  return { kind: "conv", settings, input: { channels: C, height: H, width: V } };
}

/** A convolution where it follows a ReLU; the first plain one also as first layer, and as neither. */
function checkConv(what: string, shape: Shape, i: number, pool = false): void {
  const isPlain = !pool && shape.STRIDE === undefined;
  for (const place of ["relu", ...(i === 0 && isPlain ? ["first", "plain"] : [])]) {
    const layer = { ...layerOf(shape), relu: place === "relu", pool };
    const { C, H, V, O, K, N, R, STRIDE = 1 } = shape;
    gpuTest(`${what} ${JSON.stringify(shape)} ${place}`, async (device) => {
      await checkOp(device, layer, {
        networks: R,
        images: N,
        terms: { y: C * K * K, x: O * K * K, theta: N * H * V / STRIDE ** 2 },
        x: (r) => offZero(random(N * sizeOf(layer.input), 11 + r)),
        shared: place === "first",
      });
    });
  }
}

// Sizes all different, none a multiple of a tile; kernels narrower and wider than a tile of 5.
const SHAPES: Shape[] = [
  { C: 3, H: 9, V: 11, O: 7, K: 5, PAD: 2, N: 6, R: 2 },
  { C: 1, H: 10, V: 13, O: 9, K: 7, PAD: 3, N: 5, R: 1 },
  { C: 6, H: 5, V: 6, O: 2, K: 1, PAD: 0, N: 9, R: 2 },
  { C: 1, H: 5, V: 19, O: 1, K: 3, PAD: 1, N: 5, R: 2 }, // two tiles of columns
  { C: 2, H: 4, V: 3, O: 3, K: 2, PAD: 4, N: 2, R: 2 }, // more padding than kernel
  { C: 2, H: 12, V: 16, O: 20, K: 3, PAD: 1, N: 40, R: 1 }, // tiles of eight channels
];
SHAPES.forEach((shape, i) => checkConv("conv", shape, i));

// AlexNet's first layer in small; windows with gaps between them.
const STRIDED: Shape[] = [
  { C: 3, H: 17, V: 21, O: 6, K: 11, PAD: 2, STRIDE: 4, N: 5, R: 2 },
  { C: 2, H: 8, V: 11, O: 9, K: 2, PAD: 3, STRIDE: 3, N: 3, R: 1 },
];
STRIDED.forEach((shape, i) => checkConv("conv with a stride", shape, i));

// Tiles that overhang, more than one, and a kernel wider than a tile of 5.
const POOLED: Shape[] = [
  { C: 3, H: 8, V: 6, O: 15, K: 5, PAD: 2, N: 6, R: 2 },
  { C: 2, H: 8, V: 20, O: 5, K: 3, PAD: 0, N: 3, R: 3 },
  { C: 1, H: 3, V: 5, O: 2, K: 4, PAD: 3, N: 4, R: 1 },
];
POOLED.forEach((shape, i) => checkConv("conv with pooling", shape, i, true));

Deno.test("conv refuses sums that are too long", async () => {
  const device = await deviceOf("software");
  const layer = layerOf({ C: 1000, H: 9, V: 9, O: 1, K: 8, PAD: 0, STRIDE: 2, N: 1, R: 1 });
  assert.throws(() => opOf(device, layer), {
    name: "RangeError",
    message:
      `Cannot build layer: got loops of 64000 turns, expected at most ${MOST_TURNS} on a software adapter; use ` +
      "fewer channels or a smaller kernel",
  });
});
