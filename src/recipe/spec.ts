// deno-lint-ignore-file camelcase -- settings are spelled as in the recipes
/** Spec: the sizes and constants that a recipe asks for. */
import type { InnerSpec } from "../meta/inner_spec.ts";
import { NO_ADAM } from "../meta/optimizers/optimizer.ts";
import type { UnrollSpec } from "../meta/unroll.ts";
import type { NtkSpec } from "../ntk/ntk.ts";
import { type Recipe, stepsOf } from "./recipe.ts";

/** What a recipe asks for on a data set of `classes`. */
export function specOf(recipe: Recipe, classes: number): UnrollSpec {
  const total = stepsOf(recipe);
  return {
    networks: recipe.networks,
    blocks: recipe.steps,
    perBlock: recipe.per_class * classes,
    total,
    window: recipe.window || total,
    innerBatch: recipe.inner_batch,
    optimizer: recipe.optimizer,
    beta1: recipe.adam_beta1,
    beta2: recipe.adam_beta2,
    epsRoot: recipe.adam_eps_root,
    rates: recipe.rates,
    labels: recipe.soft_labels ? "probabilities" : "fixed",
    learnMomentum: recipe.learn_momentum,
  };
}

/** Distilled data of kernel regression, on a data set of `classes`: one block, and no steps. */
export function kernelDataOf(
  recipe: Pick<Recipe, "per_class" | "soft_labels">,
  classes: number,
): InnerSpec {
  return {
    networks: 1,
    blocks: 1,
    perBlock: recipe.per_class * classes,
    total: 0,
    innerBatch: 0,
    optimizer: "gd",
    ...NO_ADAM,
    rates: "fixed",
    labels: recipe.soft_labels ? "numbers" : "fixed",
    learnMomentum: false,
  };
}

/** Distilled data of gradient matching, on a data set of `classes`: one block, and no steps that are recorded. */
export function matchingDataOf(recipe: Recipe, classes: number): InnerSpec {
  const { per_class, inner_batch: innerBatch, optimizer } = recipe;
  return { ...kernelDataOf({ per_class, soft_labels: false }, classes), innerBatch, optimizer };
}

/** The kernel that a recipe asks for. */
export function kernelOf(
  { kernel, depth, sigma_w2, sigma_b2 }: Pick<
    Recipe,
    "kernel" | "depth" | "sigma_w2" | "sigma_b2"
  >,
): NtkSpec {
  return { kernel, depth, sigmaW2: sigma_w2, sigmaB2: sigma_b2 };
}

/** The loss that a recipe asks for, by its name among LOSSES, and the outputs that networks have for it. */
export function lossOf({ loss }: Pick<Recipe, "loss">, classes: number) {
  const name = loss === "mse" ? "mse" : loss === "sigmoid" ? "sigmoid_xent" : "softmax_xent";
  return { name, outputs: loss === "sigmoid" ? 1 : classes };
}
