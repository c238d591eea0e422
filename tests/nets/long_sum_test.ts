/**
 * Sums with more terms than llvmpipe gives a loop: it leaves one, without a word, once an invocation
 * has done 65 535 turns, so an op must split what is longer.
 */
import assert from "node:assert/strict";
import type { Tensor } from "../../src/gpu/mod.ts";
import { SplitSums } from "../../src/nets/split_sums.ts";
import { Theta } from "../../src/nets/theta.ts";
import { mean } from "../../src/ops/vector.ts";
import { opOf } from "../support/check_op.ts";
import { gpuTest } from "../support/device.ts";

gpuTest("conv sums over more than 65 535 lines", async (device) => {
  // So many taps, in invocations of their own, that the sum of 170 · 400 = 68 000 lines would not be split.
  const [networks, size, images, height] = [2, 12, 680, 400];
  const input = { channels: 1, height: 2 * (height - 1) + size, width: size };
  const settings = { channels: 1, size, stride: 2, pad: 0 };
  const op = opOf(device, { kind: "conv", settings, input });
  using x = device.tensor([input.height * size, images]);
  x.write(Float32Array.from({ length: x.size }, (_, i) => i % 7));
  using yBar = device.tensor([networks, height, images]);
  yBar.write(new Float32Array(yBar.size).fill(1));
  const pitch = size ** 2 + 4; // the bias, and padding
  using thetaBar = new Theta(device, [pitch], networks);
  const span = { networks, images };
  using sums = new SplitSums(device, [op], span);
  const record = device.record();
  const frame = { ...span, x, y: yBar, yBar, thetaBar: thetaBar.layers[0], runs: sums.runs[0] };
  op.backward(record, frame, false);
  sums.finish(record, thetaBar);
  record.submit();
  const words = await thetaBar.read();
  const expected = Array.from({ length: size ** 2 + 1 }, (_, tap) => {
    if (tap === size ** 2) return height * images; // the bias
    let sum = 0;
    for (let row = 0; row < height; row++) {
      const first = (2 * row * size + tap) * images; // a row of taps is one of x
      for (let n = 0; n < images; n++) sum += (first + n) % 7;
    }
    return sum;
  });
  expected.forEach((wanted, i) => {
    for (let r = 0; r < networks; r++) {
      const word = words[r * pitch + i]!;
      assert.ok(Math.abs(word - wanted) <= 1e-4 * wanted, `${word}, expected ${wanted}`);
    }
  });
});

gpuTest("mean sums more than 65 535 vec4s a lane, and refuses what it cannot", async (device) => {
  const size = 4 * device.profile.workgroup * 66_000;
  using out = device.tensor([1]);
  using a = device.tensor([size]).write(new Float32Array(size).fill(1));
  const record = device.record();
  mean(record, { a, out }, 1);
  record.submit();
  assert.equal((await out.read())[0], size);
  const more = { device, size: 61_440_000 } as Tensor; // larger than a binding of most adapters
  assert.throws(() => mean(record, { a: more, out }, 1), {
    name: "RangeError",
    message: "Cannot sum an array: got 61440000 numbers, expected fewer than 61440000; use fewer " +
      "steps or images",
  });
});
