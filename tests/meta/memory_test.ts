// memory_test: plans of a run's memory, and that a run takes what its plan says.
import assert from "node:assert/strict";
import {
  describePlan,
  type MemoryNeeds,
  type MemoryPlan,
  planMemory,
} from "../../src/meta/memory.ts";
import { formatBytes } from "../../src/base/bytes.ts";
import { measureGain } from "../../src/evaluate/measure.ts";
import { distill } from "../../src/run/distill.ts";
import { setUpUnrolled } from "../../src/run/set_up_unrolled.ts";
import type { Recipe } from "../../src/recipe/recipe.ts";
import { UsageError } from "../../src/base/usage_error.ts";
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
  SMALL,
} from "../support/runs.ts";
import { unrollSpec } from "../support/specs.ts";

const MB = 2 ** 20;

/** As large as MNIST. */
const MNIST = {
  train: { images: new Uint8Array(60_000 * 784), labels: new Uint8Array(60_000), count: 60_000 },
  normalization: { mean: [0.1307], std: [0.3081] },
};

function needsOf(device: Device, blocks: number, total: number): MemoryNeeds {
  const net = buildNet(device, "lenet", { channels: 1, height: 28, width: 28 }, 10);
  const spec = unrollSpec({ blocks, perBlock: 10, total });
  const objective = { spec, ...MNIST, batch: 256, isAugmented: false, pool: 0, seed: 1 };
  return { nets: [net], objective, part: 256, evaluation: MB };
}

const shapeOf = ({ segment, keepActivations, resident, part }: MemoryPlan) => ({
  segment,
  keepActivations,
  resident,
  part,
});

gpuTest("planMemory computes less twice the more memory there is", (device) => {
  const needs = needsOf(device, 10, 3000);
  const budgets = [46, 64, 200, 1000, 4096].map((mb) => mb * MB);
  const plans = budgets.map((budget) => {
    const start = performance.now();
    const plan = planMemory(needs, budget);
    assert.ok(performance.now() - start < 5000, `${performance.now() - start} ms for ${budget}`);
    return plan;
  });
  const everything = { segment: 3000, keepActivations: true, resident: true, part: 256 };
  assert.deepEqual(shapeOf(plans.at(-1)!), everything);
  assert.deepEqual([plans.at(-1)!.extraSteps, plans.at(-1)!.extraPasses], [0, 0]);
  plans.forEach((plan, i) => {
    assert.ok(plan.total <= budgets[i]!);
    assert.equal(plan.total, [...plan.bytes.values()].reduce((a, b) => a + b, 0));
    const again = ({ extraSteps, extraPasses }: MemoryPlan) => extraSteps + 0.6 * extraPasses;
    if (i > 0) assert.ok(again(plan) <= again(plans[i - 1]!), `plan ${i}`);
  });
  assert.ok(plans[1]!.segment < 3000);
  return Promise.resolve();
});

gpuTest("planMemory uploads batches, then splits them, before it gives up", (device) => {
  const needs = needsOf(device, 10, 30);
  const sizes = [4096, 60, 23, 15, 11].map((mb) => planMemory(needs, mb * MB));
  assert.deepEqual(sizes.map(({ resident }) => resident), [true, false, false, false, false]);
  assert.ok(sizes.at(-1)!.part < 256, `part ${sizes.at(-1)!.part}`);
  assert.throws(() => planMemory(needs, MB), (error: Error) => {
    assert.ok(error instanceof UsageError);
    assert.match(
      error.message,
      /^Cannot fit this run into 1\.0 MB: got 30 steps of 10 images and networks 1, /,
    );
    assert.match(
      error.message,
      /expected at least \d+\.\d MB, of which 2\.\d MB for t(rajectory|angents); raise --memory-budget, or/,
    );
    const least = Number(/at least (\d+\.\d) MB/.exec(error.message)![1]);
    assert.ok(planMemory(needs, (least + 0.1) * MB).total <= (least + 0.1) * MB);
    return true;
  });
  return Promise.resolve();
});

gpuTest("planMemory refuses many steps at once, and says what takes most", (device) => {
  const start = performance.now();
  assert.throws(() => planMemory(needsOf(device, 1, 10_000), 40 * MB), {
    message:
      /of which 4\d\.\d MB for trajectory; raise --memory-budget, or lower steps, epochs or wi/,
  });
  assert.ok(performance.now() - start < 3000, `${performance.now() - start} ms`);
  return Promise.resolve();
});

/** Bytes that no plan has: the seed of networks that are drawn, and what is bound where nothing is read. */
const UNPLANNED = 2048;

const dataset = easyDataset(240, 64); // as many test images as plans count on

/** The plan of a run, after one iteration and a test that must take what it says. */
async function planOf(device: Device, recipe: Recipe, budget: number): Promise<MemoryPlan> {
  const before = device.bytes;
  device.resetPeak();
  const { loop, plan, spec, trials } = setUpUnrolled(device, recipe, dataset, {
    memoryBudget: budget,
  });
  using _ = loop;
  await loop.iterate(0);
  const { total, bytes } = plan;
  const during = device.peakBytes - before - (total - bytes.get("evaluation")!);
  assert.ok(during >= 0 && during <= UNPLANNED, `${during} bytes over the plan for ${budget}`);
  device.resetPeak();
  for (const trial of trials) await measureGain(trial, { data: loop.learned.data, spec });
  const after = device.peakBytes - before - total;
  assert.ok(Math.abs(after) <= UNPLANNED, `${after} bytes over the plan for ${budget}`);
  return plan;
}

runTest("a run takes the bytes that its plan says", async (device) => {
  const recipe = shortRecipe({ steps: 4, epochs: 3, batch: 64 });
  const shapes: ReturnType<typeof shapeOf>[] = [];
  for (const budget of [1024, 2.97, 2.5, 2.03].map((mb) => mb * MB)) {
    shapes.push(shapeOf(await planOf(device, recipe, budget)));
  }
  assert.deepEqual(shapes, [
    { segment: 12, keepActivations: true, resident: true, part: 64 },
    { segment: 9, keepActivations: true, resident: false, part: 64 },
    { segment: 12, keepActivations: false, resident: true, part: 64 },
    { segment: 12, keepActivations: false, resident: false, part: 16 },
  ]);
});

runTest(
  "a run with a pool, Adam, minibatches or several architectures takes the bytes of its plan",
  async (device) => {
    const pool = { init: "random", networks: 2, test_networks: 1, window: 5, pool: 2 } as const;
    const minibatches = { steps: 1, epochs: 12, per_class: 2, inner_batch: 5 };
    const recipes: Partial<Recipe>[] = [
      { steps: 4, epochs: 3, optimizer: "adam", ...pool },
      { optimizer: "momentum", learn_momentum: true, soft_labels: true, ...minibatches },
      {
        arch: [SMALL, "lenet"],
        init: "random",
        networks: 2,
        test_networks: 1,
        steps: 4,
        epochs: 3,
      },
    ];
    for (const settings of recipes) {
      const recipe = shortRecipe({ batch: 64, ...settings });
      const most = await planOf(device, recipe, 1024 * MB);
      const less = await planOf(device, recipe, 0.9 * most.total);
      assert.notDeepEqual(shapeOf(less), shapeOf(most));
      assert.equal(most.bytes.has("pool"), recipe.pool > 0);
    }
  },
);

runTest("distill gives the same bytes within any budget", async (device, dir) => {
  const recipe = shortRecipe({ steps: 4, epochs: 3, iterations: 3 });
  const found: Record<string, Uint8Array>[] = [];
  const plans: string[] = [];
  for (const memoryBudget of [1024, 2.3, 1.9].map((mb) => mb * MB)) {
    const options = {
      out: `${dir}/${memoryBudget}`,
      memoryBudget,
      onPlan: ([line]: string[]) => void plans.push(line!),
    };
    const { peakBytes } = await distill(device, recipe, easyDataset(), options);
    assert.ok(peakBytes <= memoryBudget, `${peakBytes} of ${memoryBudget}`);
    const files = await contentsOf(options.out);
    found.push(pick(files, "distilled.safetensors", "checkpoint.safetensors"));
  }
  assert.match(plans[0]!, /every θ, activations kept, training set on the GPU, .* parts of 16$/);
  assert.match(plans[1]!, /θ at every \d of 12 steps, activations kept, .* parts of 16$/);
  assert.match(plans[2]!, /every θ, activations computed again, .* parts of 16$/);
  found.forEach((files, i) => expectSame(plans[i]!, files, found[0]!));
});

runTest("testing many networks stays within the budget", async (device, dir) => {
  const recipe = shortRecipe({ init: "random", test_networks: 12, iterations: 1, steps: 2 });
  for (const memoryBudget of [4 * MB, 2 * MB]) {
    const options = { out: `${dir}/${memoryBudget}`, memoryBudget };
    const { peakBytes, after } = await distill(device, recipe, easyDataset(), options);
    assert.equal(after.networks, 12);
    assert.ok(peakBytes <= memoryBudget, `${peakBytes} of ${memoryBudget}`);
  }
});

runTest("distill refuses what cannot fit before it writes anything", async (device, dir) => {
  const options = { out: `${dir}/out`, memoryBudget: MB / 2 };
  await assert.rejects(distill(device, shortRecipe(), easyDataset(), options), UsageError);
  assert.deepEqual(await Array.fromAsync(Deno.readDir(dir)), []);
});

gpuTest("describePlan says what is kept, and the bytes of each kind", (device) => {
  const needs = needsOf(device, 10, 3000);
  const [first, ...kinds] = describePlan(planMemory(needs, 64 * MB), needs.objective.spec);
  assert.match(
    first!,
    /^Memory \d+\.\d MB: θ at every \d+ of 3000 steps, activations .*, \d+ steps/,
  );
  assert.equal(kinds.length, 6); // no training set
  assert.ok(kinds.some((line) => /^ {2}trajectory \d+\.\d MB$/.test(line)), kinds.join());
  assert.ok(kinds.includes("  evaluation 1.0 MB"));
  return Promise.resolve();
});

Deno.test("formatBytes counts in powers of 1024", () => {
  const sizes = [0, 512, 1536, 64 * MB, 2.5 * 1024 * MB].map(formatBytes);
  assert.deepEqual(sizes, ["0 B", "512 B", "1.5 KB", "64.0 MB", "2.5 GB"]);
});
