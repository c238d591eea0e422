import assert from "node:assert/strict";
import { Conv2dStrided } from "../../src/ops/conv2d_strided.ts";
import { conv2d } from "../../src/oracle/conv2d.ts";
import { sequence } from "../../src/oracle/layer.ts";
import { relu } from "../../src/oracle/relu.ts";
import { random } from "../oracle/numeric.ts";
import { checkOp } from "../support/check_op.ts";
import { deviceOf, gpuTest } from "../support/device.ts";
import { offZero } from "../support/inputs.ts";

// Sizes all different; AlexNet's first layer in small; windows with gaps between them; stride 1.
const SHAPES = [
  { C: 3, H: 17, V: 21, O: 6, K: 11, PAD: 2, STRIDE: 4, N: 5, R: 2, gated: false, shared: true },
  { C: 5, H: 9, V: 7, O: 3, K: 3, PAD: 1, STRIDE: 2, N: 6, R: 3, gated: true, shared: false },
  { C: 2, H: 8, V: 11, O: 9, K: 2, PAD: 0, STRIDE: 3, N: 3, R: 1, gated: true, shared: false },
  { C: 4, H: 5, V: 6, O: 2, K: 3, PAD: 1, STRIDE: 1, N: 2, R: 2, gated: false, shared: false },
];

for (const s of SHAPES) {
  gpuTest(`Conv2dStrided ${JSON.stringify(s)}`, async (device) => {
    const { C, H, V, O, K, PAD, STRIDE, N, R, gated, shared } = s;
    const input = { channels: C, height: H, width: V };
    const sizes = { channels: O, size: K, pad: PAD, stride: STRIDE };
    const op = new Conv2dStrided(device, { name: "c", input, ...sizes, relu: gated, at: 4 });
    const stride = 4 + Math.ceil(O * (C * K * K + 1) / 4) * 4 + 4;
    const conv = conv2d({ C, H, V, O, K, PAD, STRIDE });
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

Deno.test("Conv2dStrided refuses sums that are too long", async () => {
  const device = await deviceOf("software");
  const input = { channels: 1000, height: 9, width: 9 };
  const sizes = { channels: 1, size: 8, pad: 0, stride: 2, relu: false, at: 0 };
  assert.throws(() => new Conv2dStrided(device, { name: "conv1", input, ...sizes }), {
    name: "RangeError",
    message: "Cannot build conv1: got sums of 64000 products, expected at most 60000; use fewer " +
      "channels or a smaller kernel",
  });
});
