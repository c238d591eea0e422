/** OpenArtifact: a run's artifact with the network that it is for, checked against a data set. */
import { archFromText } from "../nets/arch.ts";
import type { Dataset } from "../data/dataset.ts";
import type { Device } from "../gpu/mod.ts";
import { buildNet } from "../nets/build.ts";
import type { InitMethod } from "../nets/init.ts";
import type { Net } from "../nets/net.ts";
import { type Artifact, readArtifact } from "./artifact.ts";
import type { Initialization } from "./evaluate.ts";
import { UsageError } from "./usage_error.ts";

/**
 * Reads an artifact and builds its network, the caller's to dispose of.
 *
 * @throws UsageError when the data set has other images, classes or normalisation.
 */
export async function openArtifact(
  device: Device,
  dir: string,
  dataset: Dataset,
): Promise<{ artifact: Artifact; net: Net; how: Initialization }> {
  const artifact = await readArtifact(dir);
  const { metadata } = artifact;
  const { channels, height, width, classes } = dataset;
  expectImages(dir, artifact, [channels, height, width], classes);
  expectNormalization(dir, metadata, dataset);
  const net = buildNet(device, archFromText(metadata.arch!), { channels, height, width }, classes);
  const init = metadata.init as Initialization["init"];
  const method = metadata.init_method as InitMethod;
  const how = { init, method, param: Number(metadata.init_param), seed: Number(metadata.seed) };
  return { artifact, net, how };
}

/** Other statistics are those of other images, even if the data set has the same name. */
function expectNormalization(dir: string, metadata: Artifact["metadata"], dataset: Dataset): void {
  for (const key of ["mean", "std"] as const) {
    const expected = JSON.stringify(dataset[key]);
    if (metadata[key] === expected) continue;
    throw new UsageError(
      `Cannot evaluate ${dir} on ${dataset.name}: got a ${key} of ${expected}, expected ` +
        `${metadata[key]} as in the distillation; give the data set that was distilled`,
    );
  }
}

function expectImages(dir: string, { images, labels }: Artifact, shape: number[], classes: number) {
  const got = [...images.shape.slice(1), labels.shape[1]];
  if (got.join() === [...shape, classes].join()) return;
  throw new UsageError(
    `Cannot evaluate ${dir}: got images and classes [${got.join(", ")}], expected those of the ` +
      `data set, [${[...shape, classes].join(", ")}]`,
  );
}
