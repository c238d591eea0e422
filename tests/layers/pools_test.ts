import assert from "node:assert/strict";
import { sizeOf } from "../../src/layers/op.ts";
import { checkOp, opOf } from "../support/check_op.ts";
import { gpuTest } from "../support/device.ts";
import { distinct } from "../support/inputs.ts";

// Windows side by side, that overlap, with gaps, in the padding; rows and columns left over.
const SHAPES = [
  { C: 3, H: 4, V: 6, size: 2, stride: 2, pad: 0, N: 5, R: 2 },
  { C: 2, H: 9, V: 4, size: 3, stride: 3, pad: 0, N: 3, R: 3 },
  { C: 3, H: 8, V: 7, size: 3, stride: 2, pad: 1, N: 6, R: 2 },
  { C: 1, H: 7, V: 9, size: 5, stride: 1, pad: 2, N: 3, R: 1 },
  { C: 2, H: 6, V: 11, size: 2, stride: 3, pad: 1, N: 4, R: 2 },
  { C: 11, H: 33, V: 16, size: 3, stride: 2, pad: 1, N: 8, R: 1 }, // several elements an invocation
];

for (const kind of ["max_pool", "avg_pool"] as const) {
  for (const shape of SHAPES) {
    gpuTest(`${kind} ${JSON.stringify(shape)}`, async (device) => {
      const { C, H, V, N, R, ...settings } = shape;
      const input = { channels: C, height: H, width: V };
      const terms = { y: settings.size ** 2, x: settings.size ** 2 };
      const x = (r: number) => distinct(N * sizeOf(input), 11 + r);
      await checkOp(device, { kind, settings, input }, { networks: R, images: N, terms, x });
    });
  }
}

gpuTest("max_pool gives a tie to the first of its window", async (device) => {
  const input = { channels: 1, height: 2, width: 2 };
  const op = opOf(device, { kind: "max_pool", settings: { size: 2, stride: 2, pad: 0 }, input });
  const span = { networks: 1, images: 4 };
  using x = device.tensor([4, 4]);
  x.write(Float32Array.of(1, 1, 1, 1, 2, 1, 1, 1, 2, 2, 1, 1, 2, 2, 2, 1));
  using y = device.tensor([1, 4]);
  using residual = device.tensor([op.residual!(span).words]);
  using yBar = device.tensor([1, 4]).write(Float32Array.of(5, 6, 7, 8));
  using xBar = device.tensor([4, 4]);
  const frame = { ...span, x, y, residual, yBar, xBar };
  const record = device.record();
  op.forward(record, frame, false);
  op.backward(record, frame, false);
  record.submit();
  assert.deepEqual([...await y.read()], [2, 2, 2, 1]);
  assert.deepEqual([...await xBar.read()], [0, 0, 0, 8, 5, 0, 0, 0, 0, 6, 0, 0, 0, 0, 7, 0]);
});
