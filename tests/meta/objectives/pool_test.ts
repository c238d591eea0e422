/** pool_test: ages of networks that live on, when they are replaced, and that they come back as they were. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { Pool, type PoolDraw } from "../../../src/meta/objectives/pool.ts";
import { Point } from "../../../src/meta/optimizers/optimizer.ts";
import type { Device } from "../../../src/gpu/mod.ts";
import type { Net } from "../../../src/nets/net.ts";
import { random } from "../../oracle/numeric.ts";
import { gpuTest } from "../../support/device.ts";
import { oddNet } from "../../support/nets.ts";
import { runTest } from "../../support/runs.ts";
import { unrollSpec } from "../../support/specs.ts";

const NETWORKS = 2;

function poolOf(net: Net, sizes: { sets: number; window: number; total: number; seed: number }) {
  const { sets, window, total, seed } = sizes;
  const spec = unrollSpec({ blocks: 1, perBlock: 5, networks: NETWORKS, total, window });
  return new Pool(net, { ...spec, optimizer: "adam" }, sets, seed);
}

function drawsOf(pool: Pool, from: number, to: number): PoolDraw[] {
  return Array.from({ length: to - from }, (_, i) => pool.draw(from + i));
}

runTest("Pool: sets take turns, grow older by W steps and are replaced in time", (device) => {
  const net = oddNet(device);
  const sizes = fc.record({
    sets: fc.integer({ min: 1, max: 4 }),
    window: fc.integer({ min: 1, max: 6 }),
    rest: fc.integer({ min: 0, max: 12 }),
    seed: fc.nat(2 ** 32 - 1),
  });
  fc.assert(
    fc.property(sizes, ({ sets, window, rest, seed }) => {
      const total = window + rest;
      using pool = poolOf(net, { sets, window, total, seed });
      const ages = new Map<number, number>();
      for (const [k, { set, age, isFresh }] of drawsOf(pool, 0, 40).entries()) {
        assert.equal(set, k % sets);
        const before = ages.get(set);
        // Replaced only where no W steps are left, and at once then.
        assert.equal(isFresh, before === undefined || before + window > total);
        if (!isFresh) assert.equal(age, before);
        else if (before !== undefined) assert.ok(age < window, `head start of ${age}`);
        assert.ok(age >= 0 && age + window <= total, `from ${age} of ${total}`);
        ages.set(set, age + window);
      }
    }),
    { seed: 20240612, numRuns: 50 },
  );
  return Promise.resolve();
});

runTest("Pool: first sets are of all ages, later ones have every head start below W", (device) => {
  const net = oddNet(device);
  const [first, later] = [new Set<number>(), new Set<number>()];
  for (let seed = 0; seed < 60; seed++) {
    using pool = poolOf(net, { sets: 1, window: 3, total: 7, seed });
    const [start, ...rest] = drawsOf(pool, 0, 12);
    first.add(start!.age);
    for (const { age, isFresh } of rest) if (isFresh) later.add(age);
  }
  assert.deepEqual([...first].sort(), [0, 1, 2, 3, 4]);
  assert.deepEqual([...later].sort(), [0, 1, 2]);
  return Promise.resolve();
});

runTest("Pool: draws depend on the seed", (device) => {
  const net = oddNet(device);
  const draws = (seed: number) => {
    using pool = poolOf(net, { sets: 2, window: 3, total: 20, seed });
    return drawsOf(pool, 0, 20);
  };
  assert.deepEqual(draws(5), draws(5));
  assert.notDeepEqual(draws(5), draws(6));
  return Promise.resolve();
});

/** A point of numbers that tell where they are from. */
function pointOf(device: Device, seed: number): Point {
  const net = oddNet(device);
  const point = new Point(net, NETWORKS, 2, "a test");
  point.all.forEach((theta, i) => {
    theta.write(Float32Array.from(random(NETWORKS * net.stride, seed + i)));
  });
  return point;
}

async function numbersOf({ all }: Point): Promise<Float32Array[]> {
  const arrays: Float32Array[] = [];
  for (const theta of all) arrays.push(await theta.read());
  return arrays;
}

gpuTest("Pool keeps θ and state of every set", async (device) => {
  using pool = poolOf(oddNet(device), { sets: 2, window: 2, total: 9, seed: 1 });
  using first = pointOf(device, 1);
  using second = pointOf(device, 11);
  using found = pointOf(device, 21);
  const record = device.record();
  pool.store(record, 0, first);
  pool.store(record, 1, second);
  record.submit();
  for (const [set, expected] of [[1, second], [0, first]] as const) {
    const record = device.record();
    pool.load(record, set, found);
    record.submit();
    assert.deepEqual(await numbersOf(found), await numbersOf(expected), `set ${set}`);
  }
});

gpuTest("Pool.restore goes on where save was, at any iteration", async (device) => {
  const net = oddNet(device);
  const sizes = { sets: 3, window: 2, total: 7, seed: 3 };
  for (const stop of [0, 1, 2, 3, 7]) {
    using pool = poolOf(net, sizes);
    drawsOf(pool, 0, stop);
    using point = pointOf(device, 5);
    const record = device.record();
    if (stop > 0) pool.store(record, 0, point);
    record.submit();
    const saved = await pool.save();
    assert.deepEqual(Object.keys(saved), [
      "pool/ages",
      ...[0, 1, 2].flatMap((set) => [0, 1, 2].map((i) => `pool/${set}/${i}`)),
    ]);
    using other = poolOf(net, sizes);
    other.restore(saved);
    assert.deepEqual(await other.save(), saved);
    assert.deepEqual(drawsOf(other, stop, 20), drawsOf(pool, stop, 20), `stopped at ${stop}`);
  }
});

runTest("Pool.restore names the array that is missing or of another size", async (device) => {
  using pool = poolOf(oddNet(device), { sets: 2, window: 2, total: 7, seed: 3 });
  const saved = await pool.save();
  for (const name of Object.keys(saved)) {
    const { [name]: _, ...rest } = saved;
    assert.throws(() => pool.restore(rest), {
      name: "TypeError",
      message: new RegExp(
        `^Cannot resume: got no numbers for ${name} in the checkpoint, expected \\d+`,
      ),
    });
    const short = { ...saved, [name]: { shape: [1], data: new Float32Array(1) } };
    assert.throws(() => pool.restore(short), {
      name: "TypeError",
      message: new RegExp(
        `^Cannot resume: got 1 numbers for ${name} in the checkpoint, expected \\d+`,
      ),
    });
  }
});
