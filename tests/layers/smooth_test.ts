/** The layers with a second derivative of their own, and ReLU, which has none. */
import { sizeOf } from "../../src/layers/op.ts";
import { random } from "../oracle/numeric.ts";
import { checkOp } from "../support/check_op.ts";
import { gpuTest } from "../support/device.ts";
import { offZero } from "../support/inputs.ts";

// Even and odd windows, one wider than all channels; AlexCifarNet's numbers last.
const LRN = [
  { C: 7, H: 3, V: 2, size: 4, alpha: 1.3, beta: 0.75, k: 1, N: 6, R: 2, relu: true },
  { C: 5, H: 2, V: 5, size: 3, alpha: 0.9, beta: 0.5, k: 2, N: 3, R: 3, relu: false },
  { C: 3, H: 4, V: 1, size: 6, alpha: 2.1, beta: 1.5, k: 0.7, N: 5, R: 1, relu: true },
  { C: 9, H: 2, V: 3, size: 4, alpha: 0.001 / 9, beta: 0.75, k: 1, N: 2, R: 2, relu: false },
  { C: 9, H: 30, V: 9, size: 3, alpha: 0.4, beta: 0.75, k: 1, N: 8, R: 1, relu: true }, // several elements an invocation
];
for (const shape of LRN) {
  gpuTest(`lrn ${JSON.stringify(shape)}`, async (device) => {
    const { C, H, V, N, R, relu, ...settings } = shape;
    const input = { channels: C, height: H, width: V };
    // A power is a few roundings off, and a second derivative has sums of sums.
    const terms = { y: 4 * settings.size, x: settings.size ** 2 };
    const x = (r: number) => offZero(random(N * sizeOf(input), 11 + r, 2));
    await checkOp(device, { kind: "lrn", settings, input, relu }, {
      networks: R,
      images: N,
      terms,
      x,
    });
  });
}

const NORM = [
  { C: 3, H: 4, V: 5, eps: 1e-5, N: 6, R: 2 },
  { C: 5, H: 1, V: 7, eps: 0.1, N: 3, R: 1 },
  { C: 2, H: 2, V: 2, eps: 1e-3, N: 5, R: 3 },
  { C: 130, H: 2, V: 2, eps: 1e-3, N: 128, R: 1 }, // several elements an invocation
];
for (const shape of NORM) {
  gpuTest(`instance_norm ${JSON.stringify(shape)}`, async (device) => {
    const { C, H, V, N, R, eps } = shape;
    const input = { channels: C, height: H, width: V };
    // Each is a sum of differences of sums over the pixels.
    const terms = { y: 4 * H * V, x: 16 * H * V, theta: 4 * N * H * V };
    const x = (r: number) => random(N * sizeOf(input), 11 + r, 2);
    const layer = { kind: "instance_norm", settings: { eps }, input } as const;
    await checkOp(device, layer, { networks: R, images: N, terms, x });
  });
}

gpuTest("relu", async (device) => {
  const input = { channels: 3, height: 5, width: 2 };
  const x = (r: number) => offZero(random(5 * sizeOf(input), 11 + r));
  const check = { networks: 2, images: 5, terms: { y: 1, x: 1 }, x };
  await checkOp(device, { kind: "relu", settings: {}, input }, check);
});
