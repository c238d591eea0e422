/**
 * Sums with more terms than llvmpipe gives a loop: it leaves one, without a word, once an invocation
 * has done 65 535 turns, so an op must split what is longer.
 */
import assert from "node:assert/strict";
import { Conv2d } from "../../src/ops/conv2d.ts";
import { gpuTest } from "../support/device.ts";

gpuTest("Conv2d.vjpW sums over more than 65 535 columns of rows", async (device) => {
  const [networks, images, height, width] = [33, 180, 37, 43]; // one split is 45 · 37 · 43 = 71 595
  const input = { channels: 1, height, width };
  using op = new Conv2d(device, {
    name: "c",
    input,
    channels: 1,
    size: 1,
    pad: 0,
    relu: false,
    at: 0,
  });
  using x = device.tensor([height * width, images]);
  x.write(Float32Array.from({ length: x.size }, (_, i) => i % 7));
  using yBar = device.tensor([networks, height * width, images]);
  yBar.write(new Float32Array(yBar.size).fill(1));
  using thetaBar = device.tensor([networks, 4]);
  const record = device.record();
  op.vjpW(record, { networks, images }, { x, yBar, thetaBar });
  record.submit();
  const words = await thetaBar.read();
  let sum = 0;
  for (let i = 0; i < x.size; i++) sum += i % 7;
  for (let r = 0; r < networks; r++) {
    const [weight, bias] = words.subarray(r * 4);
    assert.equal(bias, height * width * images, `bias of network ${r}`);
    assert.ok(
      Math.abs(weight! / sum - 1) < 1e-5,
      `weight of network ${r} is ${weight}, not ${sum}`,
    );
  }
});
