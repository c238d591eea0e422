/** SetUpKernel: a recipe of kernel regression on a device: what is learned, and how it is tested. */
import { formatBytes } from "../base/bytes.ts";
import { UsageError } from "../base/usage_error.ts";
import type { Training } from "../evaluate/measure.ts";
import {
  type LabelledImages,
  regressionAccuracy,
  regressionGain,
  solveLabels,
  startOf,
  targetsAtOnce,
} from "../evaluate/kernel_regression.ts";
import type { Device } from "../gpu/mod.ts";
import { padded } from "../layers/op.ts";
import { Learned } from "../meta/learned.ts";
import { MEMORY_BUDGET } from "../meta/memory.ts";
import { centredLabels, KernelRegression } from "../meta/objectives/kernel_regression.ts";
import type { Recipe } from "../recipe/recipe.ts";
import { kernelDataOf, kernelOf } from "../recipe/spec.ts";
import type { Dataset } from "../sets/dataset.ts";
import { OuterLoop } from "./outer_loop.ts";
import type { Setting } from "./set_up.ts";

/** @throws UsageError when the run does not fit into `memoryBudget` bytes. */
export function setUpKernel(
  device: Device,
  recipe: Recipe,
  dataset: Dataset,
  memoryBudget = MEMORY_BUDGET,
): Setting {
  const { batch, reg, seed } = recipe;
  const { channels, height, width, classes, train } = dataset;
  const space = { device, input: { channels, height, width }, classes };
  const [spec, kernel] = [kernelDataOf(recipe, classes), kernelOf(recipe)];
  const most = targetsAtOnce(space, kernel, padded(spec.perBlock), batch, memoryBudget / 2);
  const options = { spec, kernel, reg, train, batch, normalization: dataset, seed };
  // Kernels of tests are made beside those of iterations.
  const bytesOf = (part: number) =>
    device.count(() => {
      using owned = new DisposableStack();
      owned.use(new KernelRegression(space, { ...options, part }));
      owned.use(new Learned(space, spec));
      return owned.move();
    });
  let part = most;
  while (part > 4 && bytesOf(part).bytes > memoryBudget / 2) part = Math.floor(part / 8) * 4;
  const { bytes, byLabel } = bytesOf(part);
  if (bytes > memoryBudget) {
    throw new UsageError(
      `Cannot fit this run into ${formatBytes(memoryBudget)} of GPU memory: got ${
        formatBytes(bytes)
      } ` +
        `with 4 targets at a time, expected at most that; raise --memory-budget, or lower per_class or depth`,
    );
  }
  const regression = { kernel, reg, room: memoryBudget - bytes };
  const objective = new KernelRegression(space, { ...options, part });
  const loop = new OuterLoop(space, spec, recipe, objective);
  const inOrder = Array.from(
    { length: spec.perBlock },
    (_, n) => Math.floor(n / recipe.per_class),
  );
  return {
    spec,
    loop,
    labels: centredLabels(inOrder, classes),
    memory: {
      lines: [
        `Memory ${formatBytes(bytes)}: kernels of ${part} targets at a time`,
        ...[...byLabel].map(([kind, bytes]) => `  ${kind} ${formatBytes(bytes)}`),
      ],
      bytes,
    },
    initial: () => Promise.resolve({}),
    accuracy: async (training) =>
      await regressionAccuracy(space, regression, await read(training), dataset),
    gain: async (training) => {
      const start = await startOf(space, { ...recipe, steps: 1 }, dataset);
      return await regressionGain(
        space,
        regression,
        { start, data: await read(training) },
        dataset,
      );
    },
    ...(recipe.label_solve && {
      complete: async () => {
        const { data } = loop.learned;
        const found = await read({ data, spec });
        data.labels.write(await solveLabels(space, regression, found, dataset));
      },
    }),
  };
}

async function read({ data }: Training): Promise<LabelledImages> {
  return { images: await data.images.read(), labels: await data.labels.read() };
}
