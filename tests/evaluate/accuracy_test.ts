import assert from "node:assert/strict";
import { summarize, test } from "../../src/evaluate/accuracy.ts";
import { partOf } from "../../src/meta/real_batch.ts";
import { random } from "../oracle/numeric.ts";
import { gpuTest } from "../support/device.ts";
import { rounded } from "../support/layout.ts";
import { oddNet, oddOracle, unflatten } from "../support/nets.ts";

const SIZE = 3 * 5 * 7;
const NORMALIZATION = { mean: [0.1, 0.3, 0.7], std: [0.2, 0.5, 0.9] };

const thetasOf = (params: number, R: number) =>
  Array.from({ length: R }, (_, r) => rounded(random(params, 10 + r, 0.3)));

for (const count of [37, 261]) { // on a software adapter the second takes two parts
  gpuTest(`test: hits of ${count} images are those of the oracle's argmax`, async (device) => {
    const net = oddNet(device);
    const thetas = thetasOf(net.parameterCount, 3);
    const images = Uint8Array.from(random(count * SIZE, 5), (v) => Math.floor(128 * (v + 1)));
    const x = Float64Array.from(images, (byte, i) => {
      const c = Math.floor(i / 35) % 3;
      return (byte / 255 - NORMALIZATION.mean[c]!) / NORMALIZATION.std[c]!;
    });
    const guesses = thetas.map((flat) => {
      const z = oddOracle().fwd(x, flat, count);
      return Array.from({ length: count }, (_, n) => {
        const logits = z.subarray(n * 7, (n + 1) * 7);
        return logits.indexOf(Math.max(...logits));
      });
    });
    // Labels that network 0 gets right two times in three.
    const labels = Uint8Array.from(guesses[0]!, (guess, n) => n % 3 ? guess : (guess + 1) % 7);
    using theta = net.theta(3).write(unflatten(net, thetas));
    const actual = await test(net, theta, { images, labels, count }, NORMALIZATION);
    const expected = guesses.map((guess) => guess.filter((k, n) => k === labels[n]).length / count);
    assert.deepEqual(actual, expected);
    assert.equal(actual[0], Math.floor(count * 2 / 3) / count);
    const parts = Math.ceil(count / partOf(net, 3, count, "forward"));
    assert.equal(parts, count > 256 && device.info.profile === "software" ? 2 : 1);
  });
}

Deno.test("summarize: mean and unbiased standard deviation", () => {
  assert.deepEqual(summarize([0.75]), { mean: 0.75, std: 0, networks: 1 });
  assert.deepEqual(summarize([0.25, 0.75]), { mean: 0.5, std: Math.sqrt(0.125), networks: 2 });
  const { mean, std, networks } = summarize([0.1, 0.2, 0.6]);
  assert.ok(Math.abs(mean - 0.3) < 1e-12 && Math.abs(std - Math.sqrt(0.07)) < 1e-12);
  assert.equal(networks, 3);
});
