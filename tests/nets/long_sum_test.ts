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
  // So many channels and networks that the sum of 170 · 400 = 68 000 lines would not be split.
  const [networks, channels, images, height] = [12, 11, 680, 400];
  const input = { channels, height, width: 1 };
  const settings = { channels: 1, size: 1, stride: 1, pad: 0 };
  const op = opOf(device, { kind: "conv", settings, input });
  using x = device.tensor([channels * height, images]);
  x.write(Float32Array.from({ length: x.size }, (_, i) => i % 7));
  using yBar = device.tensor([networks, height, images]);
  yBar.write(new Float32Array(yBar.size).fill(1));
  using thetaBar = new Theta(device, [12], networks);
  const span = { networks, images };
  using sums = new SplitSums(device, [op], span);
  const record = device.record();
  const frame = { ...span, x, y: yBar, yBar, thetaBar: thetaBar.layers[0], runs: sums.runs[0] };
  op.backward(record, frame, false);
  sums.finish(record, thetaBar, undefined);
  record.submit();
  const words = await thetaBar.read();
  const expected = Array.from({ length: 12 }, (_, c) => {
    if (c === channels) return height * images; // the bias
    let sum = 0;
    for (let i = 0; i < height * images; i++) sum += (c * height * images + i) % 7;
    return sum;
  });
  words.forEach((word, i) => {
    const wanted = expected[i % 12]!;
    assert.ok(Math.abs(word - wanted) <= 1e-4 * wanted, `${word}, expected ${wanted}`);
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
