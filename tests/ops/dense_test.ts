import { deepEqual, ok, throws } from "node:assert/strict";
import { Dense } from "../../src/ops/dense.ts";
import { SoftmaxXent } from "../../src/ops/softmax_xent.ts";
import { dense } from "../../src/oracle/dense.ts";
import { sequence } from "../../src/oracle/layer.ts";
import { relu } from "../../src/oracle/relu.ts";
import { random } from "../oracle/numeric.ts";
import { checkOp } from "../support/check_op.ts";
import { gpuTest } from "../support/device.ts";
import { offZero } from "../support/inputs.ts";

// Inputs C, outputs O, images N, networks R: none a multiple of a tile, and rows with padding.
const SHAPES = [
  { C: 13, O: 11, N: 6, R: 2 },
  { C: 7, O: 3, N: 9, R: 3 },
  { C: 5, O: 9, N: 2, R: 1 },
  { C: 18, O: 17, N: 1, R: 2 },
  { C: 6, O: 9, N: 64, R: 1 }, // tiles of two vec4s of images, ...
  { C: 13, O: 11, N: 67, R: 2 }, // ... of which the last is half full
];

for (const s of SHAPES) {
  for (const [gated, shared] of [[false, false], [true, false], [false, true]] as const) {
    gpuTest(`Dense ${JSON.stringify(s)} relu=${gated} shared=${shared}`, async (device) => {
      const { C, O, N, R } = s;
      const input = { channels: C, height: 1, width: 1 };
      const op = new Dense(device, { name: "d", input, outputs: O, relu: gated, at: 8 });
      const stride = 8 + O * Math.ceil(C / 4) * 4 + Math.ceil(O / 4) * 4 + 4;
      await checkOp(device, op, stride, {
        oracle: gated ? sequence([relu(C), dense({ C, O })]) : dense({ C, O }),
        networks: R,
        images: N,
        terms: 2 * Math.max(C, O, N),
        x: (r) => offZero(random(N * C, 11 + r)),
        shared,
      });
    });
  }
}

gpuTest("Dense.fwdXent refuses more logits than an invocation has", (device) => {
  const input = { channels: 3, height: 1, width: 1 };
  const op = new Dense(device, { name: "d", input, outputs: 17, relu: true, at: 0 });
  using x = device.tensor([17 * 4]);
  const t = { x, theta: x, y: x, labels: x, zBar: x };
  throws(() => op.fwdXent(device.record(), { networks: 1, images: 4 }, t, 4), {
    name: "RangeError",
    message: "Cannot run dense.fwdXent: got 17 outputs, expected 1…16",
  });
  return Promise.resolve();
});

for (const O of [5, 16]) {
  gpuTest(`Dense.fwdXent is fwd and SoftmaxXent.vjpZ to the bit, ${O} classes`, async (device) => {
    const [C, R, images] = [13, 2, 68];
    const input = { channels: C, height: 1, width: 1 };
    const op = new Dense(device, { name: "d", input, outputs: O, relu: true, at: 0 });
    const stride = O * 16 + Math.ceil(O / 4) * 4;
    const noise = (size: number, seed: number) =>
      device.tensor([size]).write(Float32Array.from(random(size, seed)));
    using x = noise(R * C * images, 1);
    using theta = noise(R * stride, 2);
    using labels = noise(O * images, 3);
    const zeros = () => device.tensor([R, O, images]);
    using y = zeros();
    using zBar = zeros();
    using z = zeros();
    using expected = zeros();
    const span = { networks: R, images };
    const record = device.record();
    op.fwdXent(record, span, { x, theta, y, labels, zBar }, 67);
    op.fwd(record, span, { x, theta, y: z });
    const xent = new SoftmaxXent(device, O, 67);
    xent.vjpZ(record, span, { z, y: labels, zBar: expected });
    record.submit();
    const found = await zBar.read();
    ok(found.every((value) => value !== 0));
    deepEqual([await y.read(), found], [await z.read(), await expected.read()]);
  });
}
