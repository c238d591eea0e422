/** SetUpMatching: a recipe of gradient matching on a device: the network, what is learned, and how it is tested. */
import { formatBytes } from "../base/bytes.ts";
import { UsageError } from "../base/usage_error.ts";
import { bytesPerNetwork } from "../evaluate/accuracy.ts";
import type { Training } from "../evaluate/measure.ts";
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
import { expectBindable } from "./bindable.ts";
import { OuterLoop } from "./outer_loop.ts";
import type { Setting } from "./set_up.ts";

/** @throws UsageError when the run does not fit into `memoryBudget` bytes. */
export function setUpMatching(
  device: Device,
  recipe: Recipe,
  dataset: Dataset,
  memoryBudget = MEMORY_BUDGET,
): Setting {
  const { batch, seed, init_method: method, init_param: param, test_networks: networks } = recipe;
  const { channels, height, width, classes, train } = dataset;
  const { name: loss, outputs } = lossOf(recipe, classes);
  const [arch] = archsOf(recipe.arch); // a recipe of matching has one
  const net = buildNet(device, arch!, { channels, height, width }, outputs, loss);
  expectBindable(net, classes, "the number of classes");
  const spec = matchingDataOf(recipe, classes);
  const how = { init: "random", method, param, seed } as const;
  const make = (part: number) =>
    new Matching(net, new DrawnNetworks(net, how), {
      spec: { ...spec, total: recipe.network_steps },
      imageSteps: recipe.image_steps,
      train,
      batch,
      part,
      normalization: dataset,
      isSiamese: recipe.augment === "siamese",
      seed,
    });
  const evaluation = bytesPerNetwork(net, standardSpec(spec.perBlock), dataset.test, dataset).all;
  const countOf = (part: number) =>
    device.count(() => {
      using owned = new DisposableStack();
      owned.use(make(part));
      owned.use(new Learned(net, spec, recipe.outer_optimizer));
      return owned.move();
    });
  let part = partOf(net, classes, batch / classes, "grad");
  while (part > 4 && countOf(part).bytes + evaluation > memoryBudget) {
    part = Math.floor(part / 8) * 4;
  }
  const { bytes, byLabel } = countOf(part);
  if (bytes + evaluation > memoryBudget) {
    throw new UsageError(
      `Cannot fit this run into ${formatBytes(memoryBudget)} of GPU memory: got ` +
        `${
          formatBytes(bytes + evaluation)
        } with 4 real images of a class at a time, expected at most ` +
        `that; raise --memory-budget, or lower per_class`,
    );
  }
  const loop = new OuterLoop(net, spec, recipe, make(part));
  const setting = { net, dataset, how, networks, room: memoryBudget - bytes };
  return {
    spec,
    loop,
    memory: {
      lines: [
        `Memory ${formatBytes(bytes + evaluation)}: ${part} real images of each class at a time`,
        ...[...byLabel, ["evaluation", evaluation] as const]
          .map(([kind, bytes]) => `  ${kind} ${formatBytes(bytes)}`),
      ],
      bytes: bytes + evaluation,
    },
    initial: () => Promise.resolve({}),
    accuracy: async (training) => await standardAccuracy(setting, await read(training)),
    gain: async (training) => {
      const start = await firstImages(device, recipe, dataset);
      return await standardGain(setting, start, await read(training));
    },
  };
}

async function read({ data }: Training) {
  return { images: await data.images.read(), labels: await data.labels.read() };
}
