import assert from "node:assert/strict";
import * as vector from "../../src/ops/vector.ts";
import { random } from "../oracle/numeric.ts";
import { assertClose } from "../support/close.ts";
import { gpuTest } from "../support/device.ts";
import { rounded } from "../support/layout.ts";
import { load, run } from "../support/record.ts";

const SIZE = 1333; // some workgroups and a bit, and a vec4 that is not full
const [A, OUT] = [1, 3].map((seed) => rounded(random(SIZE, seed, 2))) as [
  Float64Array,
  Float64Array,
];

gpuTest("add: out += a", async (device) => {
  using a = load(device, A);
  using out = load(device, OUT);
  run(device, (record) => vector.add(record, { a, out }));
  assert.deepEqual(await out.read(), Float32Array.from(OUT.map((v, i) => v + A[i]!)));
});

gpuTest("mean: out[0] = scale · Σ a, in a fixed order", async (device) => {
  for (const size of [1, 63, 64, 65, 5003]) {
    const numbers = rounded(random(size, 5).map((v) => v + 0.25));
    using a = load(device, numbers);
    using first = load(device, [9, 8]);
    using second = load(device, [9, 8]);
    run(device, (record) => vector.mean(record, { a, out: first }, -0.3));
    run(device, (record) => vector.mean(record, { a, out: second }, -0.3));
    const [mean, rest] = await first.read();
    const expected = -0.3 * numbers.reduce((x, y) => x + y, 0);
    assertClose(`of ${size}`, [mean!], [expected], size);
    assert.equal(rest, 8);
    assert.deepEqual(await second.read(), await first.read(), "the same bits again");
    // Of fractions whose sums f32 holds every one counts, once.
    const eighths = Float64Array.from({ length: size }, (_, i) => (i * 7 % 19 - 5) / 8);
    a.write(Float32Array.from(eighths));
    run(device, (record) => vector.mean(record, { a, out: first }, 0.5));
    assert.equal((await first.read())[0], eighths.reduce((x, y) => x + y, 0) / 2);
  }
});

gpuTest("adam: three steps of Kingma & Ba's algorithm 1", async (device) => {
  const [rate, beta1, beta2, epsilon] = [0.013, 0.5, 0.97, 1e-8];
  const size = 77;
  using out = load(device, OUT.subarray(0, size));
  using moment1 = device.tensor([size]);
  using moment2 = device.tensor([size]);
  using hyper = device.tensor([6]);
  using a = device.tensor([size]);
  using factor = load(device, [0.75, 99]);
  const theta = OUT.slice(0, size);
  const [m, v] = [new Float64Array(size), new Float64Array(size)];
  for (let t = 1; t <= 3; t++) {
    const gradient = rounded(random(size, 10 + t, 3));
    a.write(Float32Array.from(gradient));
    hyper.write(vector.adamStep(t, rate, beta1, beta2));
    run(device, (record) => vector.adam(record, { a, out, moment1, moment2, hyper, factor }));
    for (let i = 0; i < size; i++) {
      const g = 0.75 * gradient[i]!;
      m[i] = beta1 * m[i]! + (1 - beta1) * g;
      v[i] = beta2 * v[i]! + (1 - beta2) * g ** 2;
      const [mHat, vHat] = [m[i]! / (1 - beta1 ** t), v[i]! / (1 - beta2 ** t)];
      theta[i]! -= rate * mHat / (Math.sqrt(vHat) + epsilon);
    }
    assertClose(`first moment after ${t}`, await moment1.read(), m, 4);
    assertClose(`second moment after ${t}`, await moment2.read(), v, 25); // 1 − β₂ in f32
    // What has moved, not where it stands: else the step could be wrong unseen.
    const moved = Float64Array.from(await out.read(), (value, i) => value - OUT[i]!);
    assertClose(`moved after ${t}`, moved, theta.map((value, i) => value - OUT[i]!), 400);
  }
});

gpuTest("adam: ε keeps a gradient of zero still", async (device) => {
  using out = load(device, [1.5, -2]);
  using moment1 = device.tensor([2]);
  using moment2 = device.tensor([2]);
  using hyper = load(device, vector.adamStep(1, 0.1, 0.9, 0.999));
  using factor = load(device, [1]);
  using a = device.tensor([2]);
  run(device, (record) => vector.adam(record, { a, out, moment1, moment2, hyper, factor }));
  assert.deepEqual([...await out.read()], [1.5, -2]);
});

gpuTest("softplus and softplusVjp", async (device) => {
  const raw = rounded(Float64Array.of(-80, -20, -5, -0.7, 0, 0.7, 5, 20, 80));
  const bar = rounded(random(raw.length, 6));
  using a = load(device, raw);
  using b = load(device, bar);
  using out = device.tensor([raw.length]);
  run(device, (record) => vector.softplus(record, { a, out }));
  const plus = await out.read();
  raw.forEach((x, i) => {
    const expected = Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));
    // 1 + e^x rounds to 1 for x below −17: the error is absolute.
    assert.ok(Math.abs(plus[i]! - expected) <= 2e-7 * Math.max(1, expected), `softplus(${x})`);
    assert.ok(plus[i]! >= 0);
  });
  run(device, (record) => vector.softplusVjp(record, { a, b, out }));
  const slope = await out.read();
  raw.forEach((x, i) => assertClose(`at ${x}`, [slope[i]!], [bar[i]! / (1 + Math.exp(-x))], 64));
});

gpuTest("sigmoid and sigmoidVjp", async (device) => {
  const raw = rounded(Float64Array.of(-80, -20, -5, -0.7, 0, 0.7, 5, 20, 80));
  const bar = rounded(random(raw.length, 7));
  using a = load(device, raw);
  using b = load(device, bar);
  using y = device.tensor([raw.length]);
  using out = device.tensor([raw.length]);
  run(device, (record) => {
    vector.sigmoid(record, { a, out: y });
    vector.sigmoidVjp(record, { a: y, b, out });
  });
  const [found, slopes] = [await y.read(), await out.read()];
  raw.forEach((x, i) => {
    const expected = 1 / (1 + Math.exp(-x));
    assertClose(`sigmoid(${x})`, [found[i]!], [expected], 64);
    // 1 − y of the rounded y is what is left of e^−x: the error is absolute.
    const slope = bar[i]! * expected * (1 - expected);
    assert.ok(Math.abs(slopes[i]! - slope) <= 2e-7 * Math.abs(bar[i]!), `slope at ${x}`);
  });
});

gpuTest("clip: shortens to a multiple of the running mean of the length", async (device) => {
  const base = rounded(random(SIZE, 8));
  const length = Math.sqrt(base.reduce((sum, v) => sum + v ** 2, 0));
  using factor = load(device, [1, 0]);
  using a = device.tensor([SIZE]);
  let mean = 0;
  for (const times of [2, 1, 50, 3, 0.5]) {
    a.write(Float32Array.from(base, (v) => v * times));
    run(device, (record) => vector.clip(record, { a, factor }, 1.5));
    mean ||= times * length;
    const expected = Math.min(1, 1.5 * mean / (times * length));
    mean = 0.9 * mean + 0.1 * expected * times * length;
    assertClose(`after ${times}`, await factor.read(), [expected, mean], SIZE);
  }
});

gpuTest("clip: a length that overflows is no reason to drop the gradient", async (device) => {
  using factor = load(device, [1, 1]);
  using a = load(device, new Array(8).fill(1e25));
  run(device, (record) => vector.clip(record, { a, factor }, 1.5));
  assert.ok((await factor.read()).every(Number.isNaN), `${await factor.read()}`);
});

gpuTest("sgd: three steps of a velocity that starts at zero", async (device) => {
  const [rate, momentum, share] = [0.5, 0.25, 0.5];
  using out = load(device, [1, 2, 3]);
  using moment1 = load(device, [0, 0, 0]);
  using a = load(device, [0, 0, 0]);
  using hyper = load(device, vector.sgdStep(rate, momentum));
  using factor = load(device, [share]);
  const [expected, velocity] = [[1, 2, 3], [0, 0, 0]];
  for (const gradient of [[1, -2, 0], [4, 0, 8], [-1, 1, 2]]) {
    a.write(Float32Array.from(gradient));
    run(device, (record) => vector.sgd(record, { a, out, moment1, hyper, factor }));
    gradient.forEach((g, i) => {
      velocity[i] = momentum * velocity[i]! + share * g;
      expected[i]! -= rate * velocity[i]!;
    });
  }
  assert.deepEqual([...await out.read()].slice(0, 3), expected);
});
