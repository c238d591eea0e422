/** InnerSpec: the sizes and constants of training on distilled data. */
import type { OptimizerName } from "./optimizers/list.ts";
import type { OptimizerSettings } from "./optimizers/optimizer.ts";

/** How networks train on distilled data. */
export interface InnerSpec extends OptimizerSettings {
  /** R, networks side by side. */
  readonly networks: number;
  /** Blocks of distilled images. */
  readonly blocks: number;
  /** Images of a block. */
  readonly perBlock: number;
  /** T, steps in all. */
  readonly total: number;
  /** Images that a step draws from the one block; 0 where it takes the next block whole. */
  readonly innerBatch: number;
  /** What takes the steps. */
  readonly optimizer: OptimizerName;
  /** Whether there is a learned rate for each step, or one for all, or one that is not learned. */
  readonly rates: "per_step" | "one" | "fixed";
  /** Whether labels are as they start, or learned as probabilities of classes, or as any numbers. */
  readonly labels: "fixed" | "probabilities" | "numbers";
  /** Whether μ is learned, too, where the optimiser has one. */
  readonly learnMomentum: boolean;
}

/** Images of a step. */
export function stepImages({ innerBatch, perBlock }: InnerSpec): number {
  return innerBatch || perBlock;
}

/** How many rates there are. */
export function ratesOf({ rates, total }: Pick<InnerSpec, "rates" | "total">): number {
  return rates === "per_step" ? total : 1;
}
