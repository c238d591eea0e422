/** Runs: folders of finished runs to export, made without a device. */
import type { FloatTensor } from "../../src/base/safetensors.ts";
import { type Artifact, metadataOf, writeArtifact } from "../../src/store/artifact.ts";
import { recipeToYaml } from "../../src/recipe/recipe.ts";
import { random } from "../oracle/numeric.ts";
import { easyDataset, shortRecipe } from "../support/runs.ts";

export const SHAPE = [3, 4, 5] as const;
export const CLASSES = 11;
export const MEAN = [0.4, 0.5, 0.6];
export const STD = [0.2, 0.25, 0.3];
export const AFTER = { mean: 0.8125, std: 0.0625, networks: 20 };

function tensor(shape: number[], seed: number, scale = 1): FloatTensor {
  const size = shape.reduce((a, b) => a * b, 1);
  return { shape, data: Float32Array.from(random(size, seed), (value) => scale * value) };
}

/** Two steps of eleven images, three epochs; image n is of class (n + 1) mod 11 most probably. */
export function anArtifact(changes: Partial<Artifact> = {}): Artifact {
  const [steps, epochs] = [2, 3];
  const count = steps * CLASSES;
  const labels = new Float32Array(count * CLASSES).fill(0.04);
  for (let n = 0; n < count; n++) labels[n * CLASSES + (n + 1) % CLASSES] = 0.6;
  const dataset = { ...easyDataset(2, 2), classes: CLASSES, mean: MEAN, std: STD };
  const recipe = shortRecipe({ arch: "lenet", steps, epochs, init: "fixed" });
  return {
    images: tensor([count, ...SHAPE], 1, 3),
    labels: { shape: [count, CLASSES], data: labels },
    lrs: { shape: [steps * epochs], data: Float32Array.of(0.5, 0.25, 0.1, 0.2, 0.3, 0.4) },
    init: { "conv1.weight": tensor([6, 3, 5, 5], 4), "conv1.bias": tensor([6], 5) },
    metadata: metadataOf(recipe, dataset, "an adapter"),
    ...changes,
  };
}

/** Writes the folder of a finished run. */
export async function writeRun(dir: string, artifact = anArtifact()): Promise<void> {
  await Deno.mkdir(dir, { recursive: true });
  await writeArtifact(dir, artifact);
  await Deno.writeTextFile(
    `${dir}/recipe.yaml`,
    recipeToYaml(shortRecipe({ arch: "lenet", lr: 0.125 })),
  );
  const before = { mean: 0.0875, std: 0.03, networks: 20 };
  const records = [{ iteration: 6, loss: 1 }, { iteration: 6, before, after: AFTER }];
  const lines = records.map((record) => `${JSON.stringify(record)}\n`);
  await Deno.writeTextFile(`${dir}/metrics.jsonl`, lines.join(""));
}
