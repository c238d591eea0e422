import assert from "node:assert/strict";
import { random } from "../oracle/numeric.ts";
import { checkOp, opOf } from "../support/check_op.ts";
import { deviceOf, gpuTest } from "../support/device.ts";
import { offZero } from "../support/inputs.ts";

// Sizes all different, none a multiple of a tile; few images, some, many; more inputs than 256.
const SHAPES = [
  { C: 11, O: 7, N: 6, R: 2 },
  { C: 8, O: 13, N: 70, R: 1 },
  { C: 3, O: 1, N: 9, R: 3 },
  { C: 261, O: 10, N: 10, R: 2 },
  { C: 4, O: 19, N: 21, R: 2 },
  { C: 6, O: 5, N: 9, R: 2, bias: false },
];

for (const [i, shape] of SHAPES.entries()) {
  for (const place of ["first", "relu", ...(i === 0 ? ["plain"] : [])]) {
    gpuTest(`dense ${JSON.stringify(shape)} ${place}`, async (device) => {
      const { C, O, N, R, bias } = shape;
      const input = { channels: C, height: 1, width: 1 };
      const layer = {
        kind: "dense",
        settings: { outputs: O, bias },
        input,
        relu: place === "relu",
      } as const;
      await checkOp(device, layer, {
        networks: R,
        images: N,
        terms: { y: C, x: O, theta: N },
        x: (r) => offZero(random(N * C, 11 + r)),
        shared: place === "first",
      });
    });
  }
}

Deno.test("dense and instance_norm refuse sums that are too long", async () => {
  const device = await deviceOf("software");
  const planes = { channels: 1, height: 520, width: 520 };
  const wide = { kind: "dense", settings: { outputs: 1 }, input: planes } as const;
  assert.throws(() => opOf(device, wide), {
    name: "RangeError",
    message:
      "Cannot build layer: got loops of 67600 turns, expected at most 60000 on a software adapter; use fewer " +
      "inputs or outputs",
  });
  const large = { kind: "instance_norm", settings: { eps: 1e-5 }, input: planes } as const;
  assert.throws(() => opOf(device, large), /loops of 811200 turns, .*; use smaller images$/);
});
