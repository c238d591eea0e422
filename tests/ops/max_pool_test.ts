import { throws } from "node:assert/strict";
import { MaxPool } from "../../src/ops/max_pool.ts";
import { maxPool } from "../../src/oracle/max_pool.ts";
import { checkOp } from "../support/check_op.ts";
import { deviceOf, gpuTest } from "../support/device.ts";
import { distinct } from "../support/inputs.ts";

const SHAPES = [
  { C: 3, H: 4, V: 6, SIZE: 2, N: 5, R: 2 },
  { C: 2, H: 9, V: 3, SIZE: 3, N: 3, R: 3 },
];

for (const s of SHAPES) {
  gpuTest(`MaxPool ${JSON.stringify(s)}`, async (device) => {
    const { C, H, V, SIZE, N, R } = s;
    const op = new MaxPool(device, { channels: C, height: H, width: V }, SIZE);
    await checkOp(device, op, 4, {
      oracle: maxPool({ C, H, V, SIZE }),
      networks: R,
      images: N,
      terms: 1,
      x: (r) => distinct(N * C * H * V, 11 + r),
    });
  });
}

gpuTest("MaxPool gives a tie to the first of its window", async (device) => {
  const input = { channels: 1, height: 2, width: 2 };
  const op = new MaxPool(device, input, 2);
  const span = { networks: 1, images: 4 };
  using x = device.tensor([4, 4]).write(
    Float32Array.of(1, 1, 1, 1, 2, 1, 1, 1, 2, 2, 1, 1, 2, 2, 2, 1),
  );
  using yBar = device.tensor([1, 4]).write(Float32Array.of(5, 6, 7, 8));
  using xBar = device.tensor([4, 4]);
  const record = device.record();
  op.vjpX(record, span, { x, theta: x, yBar, xBar });
  record.submit();
  const bits = [...await xBar.read()];
  const expected = [0, 0, 0, 8, 5, 0, 0, 0, 0, 6, 0, 0, 0, 0, 7, 0];
  if (bits.join() !== expected.join()) throw new Error(`got ${bits}, expected ${expected}`);
});

Deno.test("MaxPool refuses windows that do not tile the input", async () => {
  const device = await deviceOf("software");
  const input = { channels: 1, height: 5, width: 4 };
  throws(() => new MaxPool(device, input, 2), /Cannot pool 5 × 4 planes: got windows of 2 × 2/);
});
