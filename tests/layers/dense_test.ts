import { random } from "../oracle/numeric.ts";
import { checkOp } from "../support/check_op.ts";
import { gpuTest } from "../support/device.ts";
import { offZero } from "../support/inputs.ts";

// Sizes all different, none a multiple of a tile; few images, some, many; more inputs than 256.
const SHAPES = [
  { C: 11, O: 7, N: 6, R: 2 },
  { C: 8, O: 13, N: 70, R: 1 },
  { C: 3, O: 1, N: 9, R: 3 },
  { C: 261, O: 10, N: 10, R: 2 },
  { C: 4, O: 19, N: 21, R: 2 },
];

for (const [i, shape] of SHAPES.entries()) {
  for (const place of ["first", "relu", ...(i === 0 ? ["plain"] : [])]) {
    gpuTest(`dense ${JSON.stringify(shape)} ${place}`, async (device) => {
      const { C, O, N, R } = shape;
      const input = { channels: C, height: 1, width: 1 };
      const layer = {
        kind: "dense",
        settings: { outputs: O },
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
