/**
 * Strategies: the rates at which networks train on distilled data, other networks than it was made for above all.
 * Recorded steps suit the architecture that they were learned for; a longer, gentler training suits others better
 * (Medvedev and D'yakonov 2020, section 4).
 */
import { UsageError } from "../base/usage_error.ts";
import type { OptimizerName } from "../meta/optimizers/list.ts";

/** How networks may be trained: by the recorded steps, or as the paper's strategies 1, 2 and 3 stretch them. */
export const STRATEGIES = ["raw", "1", "2", "3"] as const;

/** One of them. */
export type Strategy = typeof STRATEGIES[number];

/** Strategy 1: the first rate, then the epochs over which it rises and falls, and by how much in each. */
const FIRST_RATE = 0.3;
const RISE = { epochs: 10, factor: 1.1 };
const FALL = { epochs: 40, factor: 0.95 };

/** Strategies 2 and 3: how many times as long as the recorded training theirs is, and how rates decay. */
const LONGER = 10;
const DECAY_OF_REPEAT = 0.9;
const DECAY_OF_EPOCH = 0.98;

/** A recorded training. */
export interface RecordedRates {
  /** η of each step. */
  readonly rates: Float32Array;
  /** Steps of an epoch, which is a pass over all blocks. */
  readonly blocks: number;
  /** What takes the steps. */
  readonly optimizer: OptimizerName;
}

/**
 * The rate of each step of a training by a strategy; step t is on block t mod `blocks`.
 *
 * - `raw`: the recorded rates.
 * - `1`: not the recorded rates. 50 epochs at a rate of 0.3, which is multiplied by 1.1 after each of the first 10
 *   epochs and by 0.95 after each of the others.
 * - `2`: the recorded rates ten times over, multiplied by 0.9 after each time.
 * - `3`: the recorded rates, then those of their last epoch again and again, multiplied by 0.98 before each time, for
 *   as many steps as strategy 2.
 *
 * @throws UsageError for strategy 1 and another optimiser than gradient descent, whose rates these are, and where the
 * recorded training ends within an epoch.
 */
export function ratesBy(strategy: Strategy, { rates, blocks, optimizer }: RecordedRates) {
  const refuse = (got: string, expected: string) => {
    throw new UsageError(
      `Cannot train by strategy ${strategy}: got ${got}, expected ${expected}; use strategy raw`,
    );
  };
  const [total, epochs] = [rates.length, rates.length / blocks];
  switch (strategy) {
    case "raw":
      return rates;
    case "1": {
      if (optimizer !== "gd") {
        refuse(`an artifact of optimizer ${optimizer}`, "gd, which its rates are for");
      }
      const length = (RISE.epochs + FALL.epochs) * blocks;
      return Float32Array.from({ length }, (_, t) => {
        const epoch = Math.floor(t / blocks);
        const rises = Math.min(epoch, RISE.epochs);
        return FIRST_RATE * RISE.factor ** rises * FALL.factor ** (epoch - rises);
      });
    }
    case "2":
    case "3": {
      if (!Number.isInteger(epochs)) {
        refuse(`${total} recorded steps on ${blocks} blocks`, "whole epochs");
      }
      const isRepeat = strategy === "2";
      return Float32Array.from({ length: LONGER * total }, (_, t) => {
        if (isRepeat) return rates[t % total]! * DECAY_OF_REPEAT ** Math.floor(t / total);
        const further = Math.max(0, Math.floor(t / blocks) - epochs + 1);
        return rates[t - further * blocks]! * DECAY_OF_EPOCH ** further;
      });
    }
  }
}
