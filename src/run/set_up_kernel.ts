/** SetUpKernel: a recipe of kernel regression on a device: what is learned, and how it is tested. */
import {
  regressionAccuracy,
  regressionGain,
  solveLabels,
  startLabels,
  startOf,
  targetsAtOnce,
} from "../evaluate/kernel_regression.ts";
import { readLabelled } from "../evaluate/labelled_images.ts";
import type { Device } from "../gpu/mod.ts";
import { padded } from "../layers/op.ts";
import { Learned } from "../meta/learned.ts";
import { MEMORY_BUDGET } from "../meta/memory.ts";
import { KernelRegression } from "../meta/objectives/kernel_regression.ts";
import type { Recipe } from "../recipe/recipe.ts";
import { kernelDataOf, kernelOf } from "../recipe/spec.ts";
import type { Dataset } from "../sets/dataset.ts";
import { OuterLoop } from "./outer_loop.ts";
import { planParts } from "./plan_parts.ts";
import type { Setting, SetUpOptions } from "./set_up.ts";

/** Makes all that the run takes. @throws UsageError when it does not fit into the budget. */
export function setUpKernel(
  device: Device,
  recipe: Recipe,
  dataset: Dataset,
  { memoryBudget = MEMORY_BUDGET, signal }: SetUpOptions = {},
): Setting {
  const { batch, reg, seed } = recipe;
  const { channels, height, width, classes, train } = dataset;
  const space = { device, input: { channels, height, width }, classes };
  const [spec, kernel] = [kernelDataOf(recipe, classes), kernelOf(recipe)];
  const most = targetsAtOnce(space, kernel, padded(spec.perBlock), batch, memoryBudget / 2);
  const options = { spec, kernel, reg, train, batch, normalization: dataset, seed };
  const { part, memory } = planParts(device, {
    build: (part) => {
      using owned = new DisposableStack();
      owned.use(new KernelRegression(space, { ...options, part }));
      owned.use(new Learned(space, spec, recipe.outer_optimizer));
      return owned.move();
    },
    most,
    budget: memoryBudget,
    room: memoryBudget / 2, // kernels of tests are made beside those of iterations
    images: "targets",
    describe: (part) => `kernels of ${part} targets at a time`,
    advice: "per_class or depth",
  });
  const regression = { kernel, reg, room: memoryBudget - memory.bytes, signal };
  const objective = new KernelRegression(space, { ...options, part });
  const loop = new OuterLoop(space, spec, recipe, objective);
  return {
    spec,
    loop,
    labels: startLabels(classes, recipe.per_class),
    memory,
    networks: 1,
    initial: () => Promise.resolve({}),
    accuracy: async (training) =>
      await regressionAccuracy(space, regression, await readLabelled(training), dataset),
    gain: async (training) => {
      const start = await startOf(space, { ...recipe, steps: 1 }, dataset);
      return await regressionGain(
        space,
        regression,
        { start, data: await readLabelled(training) },
        dataset,
      );
    },
    ...(recipe.label_solve && {
      complete: async () => {
        const { data } = loop.learned;
        const found = await readLabelled({ data });
        data.labels.write(await solveLabels(space, regression, found, dataset));
      },
    }),
  };
}
