import assert from "node:assert/strict";
import { permutation } from "../../src/data/batches.ts";
import { distill } from "../../src/distill/distill.ts";
import {
  ArrayMinibatches,
  evaluateOrdinary,
  fit,
  RealMinibatches,
  Sgd,
} from "../../src/distill/ordinary.ts";
import { oracleNet } from "../../src/oracle/net.ts";
import { random } from "../oracle/numeric.ts";
import { gpuTest } from "../support/device.ts";
import { rounded } from "../support/layout.ts";
import { flatten, oddNet, oddOracle, relativeError, unflatten } from "../support/nets.ts";
import { easyDataset, runTest, shortRecipe } from "../support/runs.ts";

const SIZE = 3 * 5 * 7;

gpuTest("fit: shuffled minibatches and the heavy ball, as in float64", async (device) => {
  const [count, batch, epochs, seed, networks] = [13, 5, 3, 9, 2];
  const { rate, momentum } = { rate: 0.05, momentum: 0.9 };
  const net = oddNet(device);
  const twin = oracleNet(oddOracle());
  const thetas = [10, 11].map((s) => rounded(random(net.parameterCount, s, 0.3)));
  const images = rounded(random(count * SIZE, 1));
  const labels = rounded(random(count * 7, 2).map(Math.abs));
  using data = new ArrayMinibatches(
    net,
    Float32Array.from(images),
    Float32Array.from(labels),
    batch,
  );
  using theta = net.theta(networks).write(unflatten(net, thetas));
  using sgd = new Sgd(net, theta, { rate, momentum });
  await fit(net, theta, data, sgd, { epochs, seed });
  const words = await theta.read();
  thetas.forEach((theta0, r) => {
    const expected = theta0.slice();
    const velocity = new Float64Array(expected.length);
    for (let epoch = 0; epoch < epochs; epoch++) {
      const order = permutation(count, seed, epoch);
      for (let start = 0; start + batch <= count; start += batch) {
        const chosen = [...order.subarray(start, start + batch)];
        const pick = (of: Float64Array, rows: number) =>
          Float64Array.from(chosen.flatMap((n) => [...of.subarray(n * rows, (n + 1) * rows)]));
        const { dTheta } = twin.grad(expected, pick(images, SIZE), pick(labels, 7), batch);
        for (let i = 0; i < expected.length; i++) {
          velocity[i] = momentum * velocity[i]! + dTheta[i]!;
          expected[i]! -= Math.fround(rate) * velocity[i]!;
        }
      }
    }
    const moved = flatten(net, words, r).map((value, i) => value - theta0[i]!);
    const error = relativeError(moved, expected.map((value, i) => value - theta0[i]!));
    assert.ok(error < 1e-4, `network ${r}: relative error ${error}`);
  });
});

gpuTest(
  "minibatches: arrays and bytes give the same, fewer images than a batch too",
  async (device) => {
    const net = oddNet(device);
    const [count, mean, std] = [6, [0.1, 0.3, 0.7], [0.2, 0.5, 0.9]];
    const bytes = Uint8Array.from(random(count * SIZE, 3), (v) => Math.floor(128 * (v + 1)));
    const labels = Uint8Array.from({ length: count }, (_, n) => n * 3 % 7);
    const split = { images: bytes, labels, count };
    const planes = { channels: 3, height: 5, width: 7, classes: 7 };
    const dataset = { name: "odd", ...planes, mean, std, train: split, test: split };
    const images = Float32Array.from(bytes, (byte, i) => {
      const c = Math.floor(i / 35) % 3;
      return (byte / 255 - mean[c]!) / std[c]!;
    });
    const hot = new Float32Array(count * 7);
    labels.forEach((label, n) => hot[n * 7 + label] = 1);
    using real = new RealMinibatches(net, dataset, 100);
    using arrays = new ArrayMinibatches(net, images, hot, 100);
    assert.deepEqual([real.batch, arrays.batch, real.count, arrays.count], [6, 6, 6, 6]);
    const order = Uint32Array.of(4, 1, 0, 5, 2, 3);
    const record = device.record();
    for (const minibatches of [real, arrays]) {
      minibatches.choose(order);
      minibatches.record(record);
    }
    record.submit();
    for (const key of ["x", "y"] as const) {
      const [a, b] = [await real.part[key].read(), await arrays.part[key].read()];
      assert.equal(a.length, b.length);
      assert.ok(a.every((value, i) => Math.abs(value - b[i]!) < 1e-6), key);
    }
  },
);

runTest("evaluateOrdinary: fresh networks learn from the images of a run", async (device, dir) => {
  const dataset = easyDataset();
  const sizes = { steps: 1, epochs: 3, iterations: 12, batch: 64 };
  const rates = { distill_lr: 0.05, soft_labels: true };
  await distill(device, shortRecipe({ ...sizes, ...rates }), dataset, { out: dir });
  const training = { epochs: 20, batch: 10, rate: 0.01, momentum: 0.9 };
  const options = { networks: 2, training };
  const ordinary = await evaluateOrdinary(device, dir, dataset, options);
  assert.equal(ordinary.networks, 2);
  assert.ok(ordinary.std > 0, "two fresh networks are all the same");
  const none = { ...options, training: { ...training, epochs: 0 } };
  const untrained = await evaluateOrdinary(device, dir, dataset, none);
  assert.ok(ordinary.mean > untrained.mean + 0.1, `${untrained.mean} to ${ordinary.mean}`);
});
