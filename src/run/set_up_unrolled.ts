/** SetUpUnrolled: a recipe of unrolled training on a device: the networks, the memory plan, and what is learned. */
import type { Dataset } from "../sets/dataset.ts";
import type { Device } from "../gpu/mod.ts";
import { DrawnNetworks, GivenNetworks, type Initialization } from "../meta/initial_networks.ts";
import { describePlan, MEMORY_BUDGET, type MemoryPlan, planMemory } from "../meta/memory.ts";
import { unrolledOf } from "../meta/objectives/mixture.ts";
import { partOf } from "../meta/real_batch.ts";
import type { UnrollSpec } from "../meta/unroll.ts";
import { sizeOf } from "../layers/op.ts";
import { archsOf, labelsOf } from "../nets/arch.ts";
import { buildNet } from "../nets/build.ts";
import type { Net } from "../nets/net.ts";
import { type Accuracy, bytesPerNetwork, pooled } from "../evaluate/accuracy.ts";
import { attackOf, relabel } from "../evaluate/attack.ts";
import { expectBindable, expectImagesBindable } from "./bindable.ts";
import { drawNetworks, measureAccuracy, measureGains, type Trial } from "../evaluate/measure.ts";
import { exportParameters } from "../nets/export.ts";
import { OuterLoop } from "./outer_loop.ts";
import { Pretrained } from "../evaluate/pretrained.ts";
import type { Recipe } from "../recipe/recipe.ts";
import { lossOf, specOf } from "../recipe/spec.ts";
import type { Setting, SetUpOptions } from "./set_up.ts";

/** Bytes for what is not planned: a few numbers. */
const SMALL = 1024;

/** A run of unrolled training that is ready to begin. */
export interface UnrolledSetting extends Setting {
  readonly spec: UnrollSpec;
  readonly plan: MemoryPlan;
  /** What the networks to measure on are, of each architecture. */
  readonly trials: readonly Trial[];
}

/**
 * Makes all that the run takes.
 *
 * @throws UsageError when the run does not fit into the budget, or the file has too few networks.
 */
export function setUpUnrolled(
  device: Device,
  recipe: Recipe,
  dataset: Dataset,
  { memoryBudget = MEMORY_BUDGET, file, signal }: SetUpOptions = {},
): UnrolledSetting {
  const { networks, batch, seed, init, augment, pool } = recipe;
  const { channels, height, width, classes } = dataset;
  const { name: loss, outputs } = lossOf(recipe, classes);
  const archs = archsOf(recipe.arch);
  const nets = archs.map((arch) => {
    return buildNet(device, arch, { channels, height, width }, outputs, loss);
  });
  const [net] = nets as [Net, ...Net[]];
  const spec = specOf(recipe, classes);
  expectImagesBindable(net, spec);
  for (const each of nets) expectBindable(each, networks, "networks");
  const attack = attackOf(recipe.attack, dataset);
  const pretrained = file && new Pretrained(net, file, recipe); // it is of one architecture
  // Tests of networks and the draw of the first images come at different times.
  const images = 4 * spec.blocks * spec.perBlock * sizeOf(net.input);
  const tests = nets.map((each) => bytesPerNetwork(each, spec, dataset.test, dataset).all);
  const evaluation = SMALL + Math.max(images, ...tests);
  const objective = {
    spec,
    train: attack ? relabel(dataset.train, attack) : dataset.train,
    batch,
    normalization: dataset,
    isAugmented: augment === "crop-flip",
    pool,
    seed,
  };
  const part = Math.min(...nets.map((each) => partOf(each, networks, batch, "grad")));
  const plan = planMemory({ nets, objective, part, evaluation }, memoryBudget);
  const how: Initialization = { init, method: recipe.init_method, param: recipe.init_param, seed };
  const initials = nets.map((each) =>
    pretrained
      ? new GivenNetworks(
        init === "fixed",
        init === "fixed" ? () => pretrained.tested : (k) => pretrained.sample(k),
      )
      : new DrawnNetworks(each, how)
  );
  const loop = new OuterLoop(net, spec, recipe, unrolledOf(nets, initials, { ...objective, plan }));
  const tested = init === "fixed" ? 1 : recipe.test_networks;
  const trials = nets.map((each) => ({
    net: each,
    dataset,
    how,
    networks: tested,
    theta0: pretrained?.tested,
    room: evaluation + memoryBudget - plan.total,
    signal,
  }));
  return {
    spec,
    plan,
    loop,
    trials,
    memory: { lines: describePlan(plan, spec), bytes: plan.total },
    networks: tested,
    initial: () => initialOf(trials[0]!),
    accuracy: async (training, networks = tested) => {
      const found: Accuracy[] = [];
      for (const trial of trials) {
        found.push(await measureAccuracy({ ...trial, networks }, training));
      }
      return pooled(found);
    },
    gain: (training) => measureGains(trials, labelsOf(archs), training, attack),
  };
}

/** The one network that all training starts from, where it is fixed. */
async function initialOf({ net, how, theta0 }: Trial): ReturnType<Setting["initial"]> {
  if (how.init === "random") return {};
  const named = exportParameters(net, theta0 ?? await drawnNetwork(net, how));
  return Object.fromEntries(
    Object.entries(named).map(([name, { shape, data }]) => [name, { shape: [...shape], data }]),
  );
}

async function drawnNetwork(net: Net, how: Initialization): Promise<Float32Array> {
  using theta = net.theta(1);
  drawNetworks(net, theta, how, 0);
  return await theta.read();
}
