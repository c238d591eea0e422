// deno-lint-ignore-file camelcase -- settings are spelled as in the recipes
/** Fitting: whether settings and a data set go together, asked before anything is allocated. */
import { type Arch, type Archs, archsOf, stagesOf } from "../nets/arch.ts";
import { layersOf } from "../nets/named.ts";
import type { Dataset } from "../sets/dataset.ts";
import { PADDING } from "../meta/augment.ts";
import type { Recipe } from "./recipe.ts";
import { UsageError } from "../base/usage_error.ts";

/** What `expectFitting` says of a distillation, and whether its loss and minibatches suit the classes. */
export function expectDistillable(recipe: Recipe, dataset: Dataset): void {
  if (recipe.objective === "kernel") return expectRegression(recipe, dataset);
  expectFitting("distil", recipe, dataset);
  const { loss, inner_batch, per_class, objective, batch } = recipe;
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
  if (objective === "matching" && batch % classes !== 0) {
    throw new UsageError(
      `Cannot distil ${name}: got batch ${batch}, expected a multiple of its ${classes} classes, as many ` +
        `real images of each`,
    );
  }
  if (inner_batch > per_class * classes) {
    throw new UsageError(
      `Cannot distil ${name}: got inner_batch ${inner_batch}, expected at most its ` +
        `${per_class * classes} distilled images; raise per_class`,
    );
  }
}

/** Distilled images that kernel regression is solved for at most: it takes the cube of their number. */
const MOST_SOLVED = 1000;

/** Whether there are as many targets as distilled images, and not too many of these. */
function expectRegression({ per_class, batch }: Recipe, dataset: Dataset): void {
  const { name, classes } = dataset;
  const images = per_class * classes;
  const refuse = (got: string) => {
    throw new UsageError(`Cannot distil ${name}: ${got}`);
  };
  if (images > MOST_SOLVED) {
    refuse(`got ${images} distilled images, expected at most ${MOST_SOLVED}; lower per_class`);
  }
  if (batch < images) {
    refuse(
      `got batch ${batch}, expected at least as many targets as the ${images} distilled images; raise ` +
        `batch, or lower per_class`,
    );
  }
  expectBatch(batch, dataset, refuse);
}

/** The network of settings that may name several. @throws UsageError where they do. */
export function onlyArch(verb: string, { arch }: Pick<Recipe, "arch">): Arch {
  const [only, ...more] = archsOf(arch);
  if (more.length === 0) return only!;
  throw new UsageError(
    `Cannot ${verb} ${
      more.length + 1
    } networks: got a list of them as arch, expected one; set arch to one`,
  );
}

/** Settings that depend on the images. */
interface Settings {
  readonly arch: Archs;
  readonly batch: number;
  readonly augment: Recipe["augment"];
}

/**
 * @param verb what is to be done with the data set: "distil", "train on".
 * @throws UsageError when the network does not take such images, the batch is larger than the
 * training set, or images are too small to be augmented.
 */
export function expectFitting(verb: string, settings: Settings, dataset: Dataset): void {
  const { arch, batch, augment } = settings;
  const { name, channels, height, width, classes, columns } = dataset;
  const refuse = (got: string, cause?: unknown) => {
    throw new UsageError(`Cannot ${verb} ${name}: ${got}`, { cause });
  };
  if (!columns && channels !== 1 && channels !== 3) {
    refuse(`got images of ${channels} channels, expected 1 or 3; set channels`);
  }
  if (augment === "crop-flip" && Math.min(height, width) <= PADDING) {
    refuse(
      `got images of ${height}×${width} with augment ${augment}, expected more than ${PADDING} ` +
        `rows and columns`,
    );
  }
  try {
    const images = { channels, height, width };
    for (const each of archsOf(arch)) stagesOf(layersOf(each, images), images, classes);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    const advice = columns
      ? "or set arch to dense layers, such as [{dense: 32}, relu, {dense: classes}]"
      : "or set resize";
    refuse(`${error.message}; ${advice}`, error);
  }
  expectBatch(batch, dataset, refuse);
}

function expectBatch(
  batch: number,
  { columns, train }: Dataset,
  refuse: (got: string) => void,
): void {
  if (batch <= train.count) return;
  const what = columns ? "rows" : "images";
  refuse(`got batch ${batch}, expected at most its ${train.count} training ${what}`);
}
