import assert from "node:assert/strict";
import {
  describePlan,
  type MemoryNeeds,
  type MemoryPlan,
  planMemory,
} from "../../src/distill/memory.ts";
import { formatBytes } from "../../src/distill/bytes.ts";
import { OuterLoop } from "../../src/distill/outer_loop.ts";
import { distill } from "../../src/distill/distill.ts";
import { UsageError } from "../../src/distill/usage_error.ts";
import type { Device } from "../../src/gpu/mod.ts";
import { buildNet } from "../../src/nets/build.ts";
import { gpuTest } from "../support/device.ts";
import {
  contentsOf,
  easyDataset,
  expectSame,
  pick,
  runTest,
  shortRecipe,
} from "../support/runs.ts";

const MB = 2 ** 20;

function needsOf(device: Device, steps: number, epochs: number): MemoryNeeds {
  const net = buildNet(device, "lenet", { channels: 1, height: 28, width: 28 }, 10);
  const spec = { steps, epochs, perStep: 10, networks: 1, labels: false };
  return { net, spec, batch: 256, part: 256, evaluation: MB, trainingSet: 47 * MB };
}

const shapeOf = ({ segment, keepActivations, resident, part }: MemoryPlan) => ({
  segment,
  keepActivations,
  resident,
  part,
});

gpuTest("planMemory computes less twice the more memory there is", (device) => {
  const needs = needsOf(device, 10, 300);
  const plans = [46, 64, 100, 200, 400, 1000, 4096].map((mb) => planMemory(needs, mb * MB));
  const everything = { segment: 3000, keepActivations: true, resident: true, part: 256 };
  assert.deepEqual(shapeOf(plans.at(-1)!), everything);
  assert.deepEqual([plans.at(-1)!.extraSteps, plans.at(-1)!.extraPasses], [0, 0]);
  plans.forEach((plan, i) => {
    assert.ok(plan.total <= [46, 64, 100, 200, 400, 1000, 4096][i]! * MB);
    assert.equal(plan.total, Object.values(plan.bytes).reduce((a, b) => a + b, 0));
    const again = ({ extraSteps, extraPasses }: MemoryPlan) => extraSteps + 0.6 * extraPasses;
    if (i > 0) assert.ok(again(plan) <= again(plans[i - 1]!), `plan ${i}`);
  });
  assert.ok(plans[1]!.segment < 3000);
  return Promise.resolve();
});

gpuTest("planMemory uploads batches, then splits them, before it gives up", (device) => {
  const needs = needsOf(device, 10, 3);
  const sizes = [4096, 60, 23, 15, 11].map((mb) => planMemory(needs, mb * MB));
  assert.deepEqual(sizes.map(({ resident }) => resident), [true, false, false, false, false]);
  assert.ok(sizes.at(-1)!.part < 256, `part ${sizes.at(-1)!.part}`);
  assert.throws(() => planMemory(needs, MB), (error: Error) => {
    assert.ok(error instanceof UsageError);
    assert.match(error.message, /^Cannot fit this run into 1\.0 MB: got 10 steps × 3 epochs of 10/);
    assert.match(error.message, /expected at least \d+\.\d MB; raise --memory-budget, or lower/);
    const least = Number(/at least (\d+\.\d) MB/.exec(error.message)![1]);
    assert.ok(planMemory(needs, (least + 0.1) * MB).total <= (least + 0.1) * MB);
    return true;
  });
  return Promise.resolve();
});

gpuTest("a run takes the bytes that its plan says", (device) => {
  const dataset = easyDataset();
  const recipe = shortRecipe({ steps: 4, epochs: 3, batch: 64 });
  for (const budget of [1024 * MB, 9 * MB, 7.5 * MB]) {
    const before = device.bytes;
    using loop = new OuterLoop(device, recipe, dataset, budget);
    loop.iterate(0); // ops take their scratch
    const taken = device.bytes - before;
    const planned = loop.plan.total - loop.plan.bytes.evaluation;
    assert.ok(taken <= planned, `${taken} of ${planned} for ${budget}`);
    assert.ok(taken > 0.97 * planned, `${taken} of ${planned} for ${budget}`);
  }
  return Promise.resolve();
});

runTest("distill gives the same bytes within any budget", async (device, dir) => {
  const dataset = easyDataset();
  const recipe = shortRecipe({ steps: 4, epochs: 3, iterations: 3 });
  const found: Record<string, Uint8Array>[] = [];
  const plans: string[] = [];
  for (const memoryBudget of [1024 * MB, 8 * MB]) {
    const out = `${dir}/${memoryBudget}`;
    const onPlan = ([line]: string[]) => plans.push(line!);
    const { peakBytes } = await distill(device, recipe, dataset, { out, memoryBudget, onPlan });
    assert.ok(peakBytes <= memoryBudget, `${peakBytes} of ${memoryBudget}`);
    found.push(pick(await contentsOf(out), "distilled.safetensors", "checkpoint.safetensors"));
  }
  assert.match(plans[0]!, /every θ, activations kept, training set on the GPU/);
  assert.match(plans[1]!, /θ at every \d of 12 steps|activations computed again/);
  expectSame("within 8 MB", found[1]!, found[0]!);
});

runTest("testing many networks stays within the budget", async (device, dir) => {
  const recipe = shortRecipe({ init: "random", test_networks: 12, iterations: 1, steps: 2 });
  for (const memoryBudget of [24 * MB, 14 * MB]) {
    const options = { out: `${dir}/${memoryBudget}`, memoryBudget };
    const { peakBytes, after } = await distill(device, recipe, easyDataset(), options);
    assert.equal(after.networks, 12);
    assert.ok(peakBytes <= memoryBudget, `${peakBytes} of ${memoryBudget}`);
  }
});

runTest("distill refuses what cannot fit before it writes anything", async (device, dir) => {
  const options = { out: `${dir}/out`, memoryBudget: MB };
  await assert.rejects(distill(device, shortRecipe(), easyDataset(), options), UsageError);
  assert.deepEqual(await Array.fromAsync(Deno.readDir(dir)), []);
});

gpuTest("describePlan says what is kept, and the bytes of each kind", (device) => {
  const needs = needsOf(device, 10, 300);
  const [first, ...kinds] = describePlan(planMemory(needs, 64 * MB), needs.spec);
  assert.match(
    first!,
    /^Memory \d+\.\d MB: θ at every \d+ of 3000 steps, activations .*, \d+ steps/,
  );
  assert.equal(kinds.length, 7);
  assert.match(kinds[0]!, /^ {2}trajectory \d+\.\d MB$/);
  return Promise.resolve();
});

Deno.test("formatBytes counts in powers of 1024", () => {
  const sizes = [0, 512, 1536, 64 * MB, 2.5 * 1024 * MB].map(formatBytes);
  assert.deepEqual(sizes, ["0 B", "512 B", "1.5 KB", "64.0 MB", "2.5 GB"]);
});
