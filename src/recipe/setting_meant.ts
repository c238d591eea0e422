/** Setting meant: the setting of a recipe that another word for it, or a misspelled one, means. */
import { nearest } from "../base/nearest.ts";

/** What others call a setting. These come before spelling, by which `learning_rate` is like none. */
export const SYNONYMS: Readonly<Record<string, string>> = {
  architecture: "arch",
  model: "arch",
  network: "arch",
  augmentation: "augment",
  batch_size: "batch",
  save_every: "checkpoint_every",
  data: "dataset",
  data_set: "dataset",
  inner_lr: "distill_lr",
  inner_learning_rate: "distill_lr",
  n_epochs: "epochs",
  num_epochs: "epochs",
  initialization: "init_method",
  images_per_class: "per_class",
  ipc: "per_class",
  iters: "iterations",
  max_iter: "iterations",
  num_iterations: "iterations",
  criterion: "loss",
  loss_function: "loss",
  learning_rate: "lr",
  outer_lr: "lr",
  num_networks: "networks",
  inner_optimizer: "optimizer",
  optimiser: "optimizer",
  image_size: "resize",
  scheduler: "schedule",
  random_seed: "seed",
  learn_labels: "soft_labels",
  num_steps: "steps",
  whitening: "zca",
};

/** The setting of `known` that a key is, that it is another word for, or that it is nearly spelled like. */
export function settingMeant(key: string, known: readonly string[]): string | undefined {
  if (known.includes(key)) return key;
  return Object.hasOwn(SYNONYMS, key) ? SYNONYMS[key] : nearest(key, known);
}
