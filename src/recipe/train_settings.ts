/** Train settings: how networks are trained on real data, with the original's recipe by data set. */
import { z } from "npm:zod@4.6.7";
import type { Arch } from "../nets/arch.ts";
import { archSchema } from "../nets/arch.ts";
import { AUGMENTATIONS } from "../meta/augment.ts";
import { check, count, integer, oneOf, positive } from "./recipe.ts";

/** How networks are trained on real data. */
export interface TrainSettings {
  /** Network that is trained: a name, or a list of layers. */
  arch: Arch;
  /** How many networks, each from an initialisation of its own. */
  networks: number;
  /** Networks trained side by side, on the same minibatches; as many as are worth it, at most 20, if 0. */
  atOnce: number;
  /** Passes over the training images. */
  epochs: number;
  /** Epochs after which the learning rate is halved, again and again. */
  decayEpochs: number;
  /** Adam's learning rate. */
  lr: number;
  /** Images of a minibatch. */
  batch: number;
  /** How training images are varied: not, or by random crops and reflections. */
  augment: "none" | "crop-flip";
  /** Seed of everything random, an unsigned 32-bit integer. */
  seed: number;
}

/** The original's settings (Wang et al. 2018; its documentation's `--mode train`), by data set. */
const PUBLISHED: Readonly<Record<string, Partial<TrainSettings>>> = {
  mnist: { epochs: 40, decayEpochs: 20, lr: 2e-4 },
  usps: { epochs: 130, decayEpochs: 40, lr: 2e-4 },
  svhn: { epochs: 65, decayEpochs: 20, lr: 2e-4 },
  cifar10: { epochs: 50, decayEpochs: 7, lr: 1e-3, augment: "crop-flip" },
};

const OTHERS = { arch: "lenet", networks: 20, atOnce: 0, batch: 1024, augment: "none", seed: 1 };

const schema = z.strictObject({
  arch: archSchema,
  networks: count(1, 10_000),
  atOnce: count(0, 1000),
  epochs: count(1, 10_000),
  decayEpochs: integer(1),
  lr: positive(),
  batch: integer(1),
  augment: oneOf(AUGMENTATIONS),
  seed: integer(0, 2 ** 32 - 1),
});

/**
 * The settings for a data set: the original's, or those of MNIST where it has none, and `overrides`.
 *
 * @throws UsageError naming each setting that is none.
 */
export function trainSettings(
  dataset: string,
  overrides: Partial<TrainSettings> = {},
): TrainSettings {
  const value = { ...OTHERS, ...PUBLISHED.mnist, ...PUBLISHED[dataset], ...overrides };
  return check(schema, value, "settings of train");
}

/** Adam's rate in an epoch (from 0). */
export function trainRate({ lr, decayEpochs }: TrainSettings, epoch: number): number {
  return lr * 0.5 ** Math.floor(epoch / decayEpochs);
}
