/**
 * Sums with more terms than llvmpipe gives a loop: it leaves one, without a word, once an invocation
 * has done 65 535 turns, so an op must split what is longer.
 */
import assert from "node:assert/strict";
import { Conv2d } from "../../src/ops/conv2d.ts";
import { SplitSums } from "../../src/ops/split_sums.ts";
import { mean } from "../../src/ops/vector.ts";
import { gpuTest } from "../support/device.ts";

gpuTest("Conv2d.vjpW sums over more than 65 535 lines", async (device) => {
  // So many channels and networks that the sum of 170 · 400 = 68 000 lines would not be split.
  const [networks, channels, images, height] = [12, 11, 680, 400];
  const input = { channels, height, width: 1 };
  const spec = { name: "c", input, channels: 1, size: 1, pad: 0, relu: false, at: 0 };
  const op = new Conv2d(device, spec);
  using x = device.tensor([channels * height, images]);
  x.write(Float32Array.from({ length: x.size }, (_, i) => i % 7));
  using yBar = device.tensor([networks, height, images]);
  yBar.write(new Float32Array(yBar.size).fill(1));
  using thetaBar = device.tensor([networks, 12]);
  const span = { networks, images };
  using sums = new SplitSums(device, [op], span);
  const record = device.record();
  op.vjpW(record, span, { x, yBar, thetaBar, partial: sums.partials[0]! });
  sums.sum(record, thetaBar);
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

gpuTest("mean sums more than 65 535 numbers a lane, and refuses what it cannot", async (device) => {
  using out = device.tensor([1]);
  using a = device.tensor([5_000_000]).write(new Float32Array(5_000_000).fill(1));
  const record = device.record();
  mean(record, { a, out }, 1);
  record.submit();
  assert.equal((await out.read())[0], 5_000_000);
  using more = device.tensor([16_000_000]);
  assert.throws(() => mean(device.record(), { a: more, out }, 1), {
    name: "RangeError",
    message: /^Cannot sum an array: got 16000000 numbers, expected fewer than 15360000; use fewer/,
  });
});
