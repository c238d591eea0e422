/** Train points: what is found leaves what theory says, below D and from D on. */
import assert from "node:assert/strict";
import { heldOut, linearNet } from "../../src/linear/points.ts";
import { LinearTheory } from "../../src/linear/theory.ts";
import { trainPoints } from "../../src/linear/train_points.ts";
import { deviceOf, gpuTest } from "../support/device.ts";
import { smallProblem } from "./problems.ts";

const SEED = 3;
const [ROWS, DIMS] = [24, 3];

for (const count of [1, 2, 3, 4]) {
  gpuTest(`${count} points found for 3 columns leave what theory says`, async (device) => {
    const problem = smallProblem(ROWS, DIMS);
    const theory = new LinearTheory(problem);
    const net = linearNet(device, DIMS);
    const points = await trainPoints(net, problem, { count, iterations: 200, seed: SEED });
    assert.deepEqual(
      [points.count, points.inputs.length, points.targets.length],
      [count, count * DIMS, count],
    );
    assert.ok(points.rate > 0);
    const { before, after } = await heldOut(net, { points, networks: 2000, seed: SEED });
    const found = theory.excess(after);
    const { bound, aligned } = theory.limits(count, before);
    if (count >= DIMS) return assert.ok(found < 1e-6 * theory.excess(before), `${found}`);
    const outside = theory.outside(points, before);
    assert.ok(Math.abs(found / outside - 1) < 0.01, `${found}, by its rows ${outside}`);
    assert.ok(bound <= found && found < 1.02 * aligned, `${bound} ≤ ${found} < ${aligned}`);
  });
}

Deno.test({
  name: "the same seed finds the same points, another seed others",
  fn: async () => {
    const device = await deviceOf("software");
    const net = linearNet(device, DIMS);
    const find = (seed: number) =>
      trainPoints(net, smallProblem(ROWS, DIMS), { count: 2, iterations: 5, seed });
    const first = await find(1);
    assert.deepEqual(await find(1), first);
    assert.notDeepEqual((await find(2)).inputs, first.inputs);
  },
  sanitizeResources: false, // the device outlives the test
  sanitizeOps: false,
});
