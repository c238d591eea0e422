/** Spec: the sizes and constants of training on distilled data that a recipe asks for. */
import type { UnrollSpec } from "../meta/unroll.ts";
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
    labels: recipe.soft_labels,
    learnMomentum: recipe.learn_momentum,
  };
}

/** The loss that a recipe asks for, by its name among LOSSES, and the outputs that networks have for it. */
export function lossOf({ loss }: Pick<Recipe, "loss">, classes: number) {
  const name = loss === "mse" ? "mse" : loss === "sigmoid" ? "sigmoid_xent" : "softmax_xent";
  return { name, outputs: loss === "sigmoid" ? 1 : classes };
}
