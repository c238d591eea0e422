/** PyTorch: a distilled set as a folder that trains on it: a script, the network, and all numbers. */
import { archsFromText } from "../nets/arch.ts";
import { lossOf } from "../recipe/spec.ts";
import type { Recipe } from "../recipe/recipe.ts";
import { datasetCard } from "./dataset_card.ts";
import type { DistilledSet } from "./distilled_set.ts";
import { companions, type Files } from "./image_folder.ts";
import { networkSource } from "./network_source.ts";
import script from "./train.py" with { type: "text" };

/**
 * The files of a folder whose `train.py` trains networks in PyTorch.
 *
 * @throws UsageError for a network with layers that PyTorch lacks.
 */
export function pytorch(set: DistilledSet): Files {
  const { arch, classes, image_shape: shape, loss } = set.training;
  const [channels = 1, height = 1, width = 1] = shape;
  const { outputs } = lossOf({ loss: loss as Recipe["loss"] }, classes);
  return {
    "README.md": datasetCard(set, "pytorch"),
    ...companions(set),
    "network.py": networkSource(archsFromText(arch), { channels, height, width }, outputs),
    "train.py": script,
  };
}
