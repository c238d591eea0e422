// deno-lint-ignore-file camelcase -- settings are spelled as in the recipes
/** Fitting: whether settings and a data set go together, asked before anything is allocated. */
import { type Arch, stagesOf } from "../nets/arch.ts";
import { layersOf } from "../nets/named.ts";
import type { Dataset } from "../sets/dataset.ts";
import { PADDING } from "../meta/augment.ts";
import type { Recipe } from "./recipe.ts";
import { UsageError } from "../base/usage_error.ts";

/** What `expectFitting` says of a distillation, and whether its loss and minibatches suit the classes. */
export function expectDistillable(recipe: Recipe, dataset: Dataset): void {
  expectFitting("distil", recipe, dataset);
  const { loss, inner_batch, per_class } = recipe;
  const { name, classes } = dataset;
  if (loss === "sigmoid" && classes !== 2) {
    throw new UsageError(
      `Cannot distil ${name}: got loss sigmoid and ${classes} classes, expected 2; set loss to softmax`,
    );
  }
  if (loss === "sigmoid" && recipe.pretrained !== "none") {
    throw new UsageError(
      `Cannot distil ${name}: got loss sigmoid and trained networks, which have an output for each ` +
        `class, expected none; set loss to softmax`,
    );
  }
  if (inner_batch > per_class * classes) {
    throw new UsageError(
      `Cannot distil ${name}: got inner_batch ${inner_batch}, expected at most its ` +
        `${per_class * classes} distilled images; raise per_class`,
    );
  }
}

/** Settings that depend on the images. */
interface Settings {
  readonly arch: Arch;
  readonly batch: number;
  readonly augment: "none" | "crop-flip";
}

/**
 * @param verb what is to be done with the data set: "distil", "train on".
 * @throws UsageError when the network does not take such images, the batch is larger than the
 * training set, or images are too small to be augmented.
 */
export function expectFitting(verb: string, settings: Settings, dataset: Dataset): void {
  const { arch, batch, augment } = settings;
  const { name, channels, height, width, classes, columns, train } = dataset;
  const refuse = (got: string, cause?: unknown) => {
    throw new UsageError(`Cannot ${verb} ${name}: ${got}`, { cause });
  };
  if (!columns && channels !== 1 && channels !== 3) {
    refuse(`got images of ${channels} channels, expected 1 or 3; set channels`);
  }
  if (augment !== "none" && Math.min(height, width) <= PADDING) {
    refuse(
      `got images of ${height}×${width} with augment ${augment}, expected more than ${PADDING} ` +
        `rows and columns`,
    );
  }
  try {
    const images = { channels, height, width };
    stagesOf(layersOf(arch, images), images, classes);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    const advice = columns
      ? "or set arch to dense layers, such as [{dense: 32}, relu, {dense: classes}]"
      : "or set resize";
    refuse(`${error.message}; ${advice}`, error);
  }
  if (batch > train.count) {
    refuse(
      `got batch ${batch}, expected at most its ${train.count} training ${
        columns ? "rows" : "images"
      }`,
    );
  }
}
