/**
 * Grid: networks trained on a small set of real images with every combination of rate and epochs, as
 * the baselines of Wang et al. 2018 are (section 4: the best combination is reported).
 */
import type { Dataset, Split } from "../data/dataset.ts";
import type { Tensor } from "../gpu/mod.ts";
import type { Net } from "../nets/net.ts";
import { type Accuracy, classify, summarize, train } from "./accuracy.ts";
import { drawHeldOut, drawNetworks, type Initialization, networksAtOnce } from "./evaluate.ts";
import type { RealSet } from "./real_sets.ts";
import { Synthetic } from "./unroll.ts";

/** Fixed learning rates that the paper tries. */
export const RATES = [0.001, 0.003, 0.01, 0.03, 0.1, 0.3] as const;

/** Passes over all steps that the paper tries. */
export const EPOCHS = [1, 3, 5] as const;

/** A rate that all steps share, or those that a run learned. */
export type Rate = number | "learned";

/** What networks reach with one combination. */
export interface Cell {
  /** Learning rate. */
  readonly rate: Rate;
  /** Passes over all steps. */
  readonly epochs: number;
  /** Test accuracy over networks and sets. */
  readonly accuracy: Accuracy;
  /** Networks that diverged; they count with what they classify right. */
  readonly diverged: number;
}

/** The sizes of a training. */
export interface GridSpec {
  readonly steps: number;
  readonly perStep: number;
  /** Rates to try. */
  readonly rates: readonly Rate[];
  /** Numbers of passes to try, ascending. */
  readonly epochs: readonly number[];
  /** Rates [steps · epochs] that a run learned, if there is one. */
  readonly learned: ArrayLike<number> | undefined;
}

interface Trial {
  readonly set: RealSet;
  readonly rate: Rate;
  /** When to test, ascending. */
  readonly epochs: readonly number[];
  readonly networks: number;
  readonly split: Split;
  /** Fills θ with networks number `first` of the trial and following. */
  readonly draw: (theta: Tensor, first: number) => void;
}

/** Trains and tests networks on sets of one size. */
export class Grid implements Disposable {
  readonly #net: Net;
  readonly #dataset: Dataset;
  readonly #how: Initialization;
  readonly #spec: GridSpec;
  readonly #data: Synthetic;

  constructor(net: Net, dataset: Dataset, how: Initialization, spec: GridSpec) {
    this.#net = net;
    this.#dataset = dataset;
    this.#how = how;
    this.#spec = spec;
    const { steps, perStep } = spec;
    const sizes = { steps, perStep, epochs: Math.max(...spec.epochs), networks: 1, labels: false };
    this.#data = new Synthetic(net, sizes);
  }

  /**
   * Test accuracy with every combination. The held-out networks, `each` a set, are dealt out over the
   * sets, so that the deviation is one over networks and sets.
   */
  async measure(
    sets: readonly RealSet[],
    each: number,
    onRate: (rate: Rate) => void,
  ): Promise<Cell[]> {
    const cells: Cell[] = [];
    const { epochs } = this.#spec;
    for (const rate of this.#spec.rates) {
      onRate(rate);
      const found = epochs.map((epochs) => ({ epochs, fractions: [] as number[], diverged: 0 }));
      for (const [s, set] of sets.entries()) {
        const draw = (theta: Tensor, first: number) =>
          drawHeldOut(this.#net, theta, this.#how, s * each + first);
        const split = this.#dataset.test;
        const part = await this.#try({ set, rate, epochs, networks: each, split, draw });
        part.forEach(({ fractions, diverged }, i) => {
          found[i]!.fractions.push(...fractions);
          found[i]!.diverged += diverged;
        });
      }
      cells.push(...found.map(({ fractions, ...cell }) => {
        return { rate, ...cell, accuracy: summarize(fractions) };
      }));
    }
    return cells;
  }

  /** Mean accuracy on `split` of training networks, which are none of the held-out ones. */
  async score(
    set: RealSet,
    { rate, epochs }: Pick<Cell, "rate" | "epochs">,
    networks: number,
    split: Split,
  ): Promise<number> {
    const draw = (theta: Tensor, first: number) => drawNetworks(this.#net, theta, this.#how, first);
    const trial = { set, rate, epochs: [epochs], networks, split, draw };
    const [found] = await this.#try(trial);
    return summarize(found!.fractions).mean;
  }

  async #try({ set, rate, epochs, networks, split, draw }: Trial) {
    const net = this.#net;
    const { steps, perStep } = this.#spec;
    this.#load(set, rate);
    const atOnce = networksAtOnce(net, networks, perStep);
    const found = epochs.map((epochs) => ({ epochs, fractions: [] as number[], diverged: 0 }));
    for (let first = 0; first < networks; first += atOnce) {
      using theta = net.device.tensor([Math.min(atOnce, networks - first), net.stride], "theta");
      draw(theta, first);
      let done = 0;
      for (const cell of found) {
        train(net, theta, this.#data, perStep, done * steps, cell.epochs * steps);
        done = cell.epochs;
        const { fractions, diverged } = await classify(net, theta, split, this.#dataset);
        cell.fractions.push(...fractions);
        cell.diverged += diverged.filter((yes) => yes).length;
      }
    }
    return found;
  }

  #load({ images, labels }: RealSet, rate: Rate): void {
    const { classes } = this.#net;
    const { steps, learned } = this.#spec;
    this.#data.images.write(images);
    const hot = new Float32Array(labels.length * classes);
    labels.forEach((k, n) => hot[n * classes + k] = 1);
    this.#data.labels.write(hot);
    const { lrs } = this.#data;
    lrs.write(Float32Array.from({ length: lrs.length }, (_, t) => rateAt(rate, t, steps, learned)));
  }

  [Symbol.dispose](): void {
    this.#data[Symbol.dispose]();
  }
}

/** The rate of step t. After the epochs whose rates were learned, the last of these is repeated. */
function rateAt(rate: Rate, t: number, steps: number, learned: ArrayLike<number> = []): number {
  if (rate !== "learned") return rate;
  return learned[Math.min(t, learned.length - steps + t % steps)]!;
}

/** The combination with the highest mean, the first of several. */
export function bestOf<T extends { readonly accuracy: Accuracy }>(cells: readonly T[]): T {
  return cells.reduce((a, b) => b.accuracy.mean > a.accuracy.mean ? b : a);
}
