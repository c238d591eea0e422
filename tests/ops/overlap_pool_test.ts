import assert from "node:assert/strict";
import { OverlapPool } from "../../src/ops/overlap_pool.ts";
import { maxPool } from "../../src/oracle/max_pool.ts";
import { checkOp } from "../support/check_op.ts";
import { deviceOf, gpuTest } from "../support/device.ts";
import { distinct } from "../support/inputs.ts";

// AlexCifarNet's windows, AlexNet's; windows side by side that leave a rest, and with gaps between.
const SHAPES = [
  { C: 3, H: 8, V: 6, SIZE: 3, STRIDE: 2, PAD: 1, N: 5, R: 2 },
  { C: 2, H: 7, V: 5, SIZE: 3, STRIDE: 2, PAD: 0, N: 3, R: 3 },
  { C: 1, H: 6, V: 9, SIZE: 4, STRIDE: 1, PAD: 2, N: 6, R: 2 },
  { C: 2, H: 5, V: 7, SIZE: 2, STRIDE: 2, PAD: 0, N: 2, R: 1 },
  { C: 2, H: 9, V: 8, SIZE: 2, STRIDE: 3, PAD: 1, N: 4, R: 2 },
];

for (const s of SHAPES) {
  gpuTest(`OverlapPool ${JSON.stringify(s)}`, async (device) => {
    const { C, H, V, SIZE, STRIDE, PAD, N, R } = s;
    const input = { channels: C, height: H, width: V };
    using op = new OverlapPool(device, input, { size: SIZE, stride: STRIDE, pad: PAD });
    await checkOp(device, op, 4, {
      oracle: maxPool({ C, H, V, SIZE, STRIDE, PAD }),
      networks: R,
      images: N,
      terms: Math.ceil(SIZE / STRIDE) ** 2,
      x: (r) => distinct(N * C * H * V, 11 + r),
    });
  });
}

gpuTest("OverlapPool gives a tie to the first of each window", async (device) => {
  const input = { channels: 1, height: 3, width: 3 };
  using op = new OverlapPool(device, input, { size: 2, stride: 1, pad: 0 });
  const span = { networks: 1, images: 4 };
  // Four images: all equal; the middle column larger; the last row larger; the diagonal larger.
  const images = ["111111111", "121121121", "111111222", "211121112"];
  const words = Array.from({ length: 9 }, (_, i) => images.map((image) => Number(image[i]))).flat();
  using x = device.tensor([9, 4]).write(Float32Array.from(words));
  using yBar = device.tensor([4, 4]).write(
    Float32Array.from({ length: 16 }, (_, i) => 10 ** Math.floor(i / 4)),
  );
  using xBar = device.tensor([9, 4]);
  const record = device.record();
  op.vjpX(record, span, { x, theta: x, yBar, xBar });
  record.submit();
  const bars = [...await xBar.read()];
  const expected = [
    [1, 10, 0, 100, 1000, 0, 0, 0, 0],
    [0, 11, 0, 0, 1100, 0, 0, 0, 0],
    [1, 10, 0, 0, 0, 0, 100, 1000, 0],
    [1, 0, 0, 0, 1110, 0, 0, 0, 0],
  ];
  expected.forEach((bar, n) => assert.deepEqual(bars.filter((_, i) => i % 4 === n), bar));
});

Deno.test("OverlapPool refuses windows that do not fit, and a pad that a window may lie in", async () => {
  const device = await deviceOf("software");
  const input = { channels: 1, height: 2, width: 4 };
  for (const windows of [{ size: 3, stride: 2, pad: 0 }, { size: 3, stride: 2, pad: 2 }]) {
    assert.throws(() => new OverlapPool(device, input, windows), {
      name: "RangeError",
      message: `Cannot pool 2 × 4 planes: got windows of 3 × 3 and pad ${windows.pad}, expected ` +
        "windows that fit, and a pad of at most half of them",
    });
  }
});
