/** SetUpMatching: a recipe of gradient matching on a device: the network, what is learned, and how it is tested. */
import { bytesPerNetwork } from "../evaluate/accuracy.ts";
import { readLabelled } from "../evaluate/labelled_images.ts";
import { firstImages } from "../evaluate/real_sets.ts";
import { standardAccuracy, standardGain, standardSpec } from "../evaluate/standard.ts";
import type { Device } from "../gpu/mod.ts";
import { DrawnNetworks } from "../meta/initial_networks.ts";
import { Learned } from "../meta/learned.ts";
import { MEMORY_BUDGET } from "../meta/memory.ts";
import { Matching } from "../meta/objectives/matching.ts";
import { partOf } from "../meta/real_batch.ts";
import { archsOf } from "../nets/arch.ts";
import { buildNet } from "../nets/build.ts";
import type { Recipe } from "../recipe/recipe.ts";
import { lossOf, matchingDataOf } from "../recipe/spec.ts";
import type { Dataset } from "../sets/dataset.ts";
import { expectBindable, expectImagesBindable } from "./bindable.ts";
import { OuterLoop } from "./outer_loop.ts";
import { planParts } from "./plan_parts.ts";
import type { Setting, SetUpOptions } from "./set_up.ts";

/** Makes all that the run takes. @throws UsageError when it does not fit into the budget. */
export function setUpMatching(
  device: Device,
  recipe: Recipe,
  dataset: Dataset,
  { memoryBudget = MEMORY_BUDGET, signal }: SetUpOptions = {},
): Setting {
  const { batch, seed, init_method: method, init_param: param, test_networks: networks } = recipe;
  const { channels, height, width, classes, train } = dataset;
  const { name: loss, outputs } = lossOf(recipe, classes);
  const [arch] = archsOf(recipe.arch); // a recipe of matching has one
  const net = buildNet(device, arch!, { channels, height, width }, outputs, loss);
  expectBindable(net, classes, "the number of classes");
  const spec = matchingDataOf(recipe, classes);
  expectImagesBindable(net, spec);
  const how = { init: "random", method, param, seed } as const;
  const make = (part: number) =>
    new Matching(net, new DrawnNetworks(net, how), {
      spec: { ...spec, total: recipe.network_steps },
      imageSteps: recipe.image_steps,
      train,
      batch,
      part,
      normalization: dataset,
      match: recipe.match,
      isSiamese: recipe.augment === "siamese",
      seed,
    });
  const evaluation = bytesPerNetwork(net, standardSpec(spec.perBlock), dataset.test, dataset).all;
  const { part, memory } = planParts(device, {
    build: (part) => {
      using owned = new DisposableStack();
      owned.use(make(part));
      owned.use(new Learned(net, spec, recipe.outer_optimizer));
      return owned.move();
    },
    most: partOf(net, classes, batch / classes, "grad"),
    budget: memoryBudget,
    evaluation,
    images: "real images of a class",
    describe: (part) => `${part} real images of each class at a time`,
    advice: "per_class",
  });
  const loop = new OuterLoop(net, spec, recipe, make(part));
  const room = memoryBudget - memory.bytes + evaluation;
  const setting = { net, dataset, how, networks, room, signal };
  return {
    spec,
    loop,
    memory,
    networks,
    initial: () => Promise.resolve({}),
    accuracy: async (training, networks = setting.networks) =>
      await standardAccuracy({ ...setting, networks }, await readLabelled(training)),
    gain: async (training) => {
      const start = await firstImages(device, recipe, dataset);
      return await standardGain(setting, start, await readLabelled(training));
    },
  };
}
