/**
 * RateSearch: networks trained on a small set of real images with every combination of rate and epochs, as
 * the baselines of Wang et al. 2018 are (section 4: the best combination is reported).
 */
import { gather } from "../sets/batches.ts";
import type { Dataset, Split } from "../sets/dataset.ts";
import type { Net } from "../nets/net.ts";
import type { Theta } from "../nets/theta.ts";
import { DistilledData } from "../meta/distilled_data.ts";
import type { InnerSpec } from "../meta/inner_spec.ts";
import { NO_ADAM } from "../meta/optimizers/optimizer.ts";
import { type Accuracy, classify, fractionOf, summarize } from "./accuracy.ts";
import type { Initialization } from "../meta/initial_networks.ts";
import { drawHeldOut, drawNetworks, networksAtOnce } from "./measure.ts";
import type { Pretrained } from "./pretrained.ts";
import type { RealSet } from "./real_sets.ts";
import { Trainees } from "./trainees.ts";

/** Fixed learning rates that the paper tries. */
export const RATES = [0.001, 0.003, 0.01, 0.03, 0.1, 0.3] as const;

/** Passes over all steps that the paper tries. */
export const EPOCHS = [1, 3, 5] as const;

/** Test images that combinations are compared on. */
const SEARCHED = 1000;

/** A rate that all steps share, or those that a run learned. */
export type Rate = number | "learned";

/** What networks reach with one combination. */
export interface Cell {
  /** Learning rate. */
  readonly rate: Rate;
  /** Passes over all steps. */
  readonly epochs: number;
  /** Accuracy over networks and sets. */
  readonly accuracy: Accuracy;
  /** Networks that diverged; they count with what they classify right. */
  readonly diverged: number;
}

/** The sizes of a training. */
export interface SearchSpec {
  readonly steps: number;
  readonly perStep: number;
  /** Rates to try. */
  readonly rates: readonly Rate[];
  /** Numbers of passes to try, ascending. */
  readonly epochs: readonly number[];
  /** Rates [steps · epochs] that a run learned, if there is one. */
  readonly learned: ArrayLike<number> | undefined;
  /** Trained networks to start from, where they are not drawn. */
  readonly pretrained?: Pick<Pretrained, "tested" | "sampled"> | undefined;
}

interface Attempt {
  readonly set: RealSet;
  readonly rate: Rate;
  /** When to test, ascending. */
  readonly epochs: readonly number[];
  readonly networks: number;
  readonly split: Split;
  /** Fills θ with networks number `first` of the trial and following. */
  readonly draw: (theta: Theta, first: number) => void;
}

/** Trains and tests networks on sets of one size. */
export class RateSearch implements Disposable {
  readonly #net: Net;
  readonly #dataset: Dataset;
  readonly #how: Initialization;
  readonly #spec: SearchSpec;
  readonly #data: DistilledData;
  readonly #inner: InnerSpec;

  constructor(net: Net, dataset: Dataset, how: Initialization, spec: SearchSpec) {
    this.#net = net;
    this.#dataset = dataset;
    this.#how = how;
    this.#spec = spec;
    const { steps, perStep } = spec;
    this.#inner = plainDescent(steps, perStep, steps * Math.max(...spec.epochs));
    this.#data = new DistilledData(net, this.#inner);
  }

  /**
   * Accuracy with every combination on 1000 test images spread over all. The held-out networks, `each`
   * a set, are dealt out over the sets, so that the deviation is one over networks and sets.
   */
  async search(
    sets: readonly RealSet[],
    each: number,
    onRate: (rate: Rate) => void,
  ): Promise<Cell[]> {
    const { rates, epochs } = this.#spec;
    const split = spread(this.#dataset.test, SEARCHED);
    const cells: Cell[] = [];
    for (const rate of rates) {
      onRate(rate);
      cells.push(...await this.#measure(sets, each, rate, epochs, split));
    }
    return cells;
  }

  /** Accuracy of the same networks with one combination, on all test images. */
  async measure(
    sets: readonly RealSet[],
    each: number,
    { rate, epochs }: Pick<Cell, "rate" | "epochs">,
  ): Promise<Accuracy> {
    const [cell] = await this.#measure(sets, each, rate, [epochs], this.#dataset.test);
    return cell!.accuracy;
  }

  async #measure(
    sets: readonly RealSet[],
    each: number,
    rate: Rate,
    epochs: readonly number[],
    split: Split,
  ): Promise<Cell[]> {
    const found = epochs.map((epochs) => ({ epochs, fractions: [] as number[], diverged: 0 }));
    for (const [s, set] of sets.entries()) {
      const draw = (theta: Theta, first: number) => this.#heldOut(theta, s * each + first);
      const part = await this.#try({ set, rate, epochs, networks: each, split, draw });
      part.forEach(({ fractions, diverged }, i) => {
        found[i]!.fractions.push(...fractions);
        found[i]!.diverged += diverged;
      });
    }
    return found.map(({ fractions, ...cell }) => {
      return { rate, ...cell, accuracy: summarize(fractions) };
    });
  }

  /** Mean accuracy on `split` of training networks, which are none of the held-out ones. */
  async score(
    set: RealSet,
    { rate, epochs }: Pick<Cell, "rate" | "epochs">,
    networks: number,
    split: Split,
  ): Promise<number> {
    const { sampled } = this.#spec.pretrained ?? {};
    const draw = (theta: Theta, first: number) => {
      if (sampled) theta.write(rowsOf(sampled, theta, first));
      else drawNetworks(this.#net, theta, this.#how, first);
    };
    const trial = { set, rate, epochs: [epochs], networks, split, draw };
    const [found] = await this.#try(trial);
    return summarize(found!.fractions).mean;
  }

  /** Most networks that `score` can take. */
  get sampled(): number {
    const { sampled } = this.#spec.pretrained ?? {};
    return sampled ? sampled.length / this.#net.stride : Infinity;
  }

  #heldOut(theta: Theta, first: number): void {
    const { tested } = this.#spec.pretrained ?? {};
    const number = this.#how.init === "fixed" ? 0 : first;
    if (tested) theta.write(rowsOf(tested, theta, number));
    else drawHeldOut(this.#net, theta, this.#how, first);
  }

  async #try({ set, rate, epochs, networks, split, draw }: Attempt) {
    const net = this.#net;
    const { steps, perStep } = this.#spec;
    this.#load(set, rate);
    const atOnce = networksAtOnce(net, networks, perStep);
    const found = epochs.map((epochs) => ({ epochs, fractions: [] as number[], diverged: 0 }));
    for (let first = 0; first < networks; first += atOnce) {
      using trainees = new Trainees(net, this.#inner, Math.min(atOnce, networks - first));
      const { theta } = trainees;
      draw(theta, first);
      let done = 0;
      for (const cell of found) {
        const [from, to] = [done * steps, cell.epochs * steps];
        await trainees.train(this.#data, { seed: this.#how.seed, from, to });
        done = cell.epochs;
        const { hits, diverged } = await classify(net, theta, split, this.#dataset);
        cell.fractions.push(...hits.map(fractionOf));
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
    labels.forEach((k, n) => classes > 1 ? hot[n * classes + k] = 1 : hot[n] = k);
    this.#data.labels.write(hot);
    const { lrs } = this.#data;
    lrs.write(Float32Array.from({ length: lrs.length }, (_, t) => rateAt(rate, t, steps, learned)));
  }

  [Symbol.dispose](): void {
    this.#data[Symbol.dispose]();
  }
}

/** Gradient descent on blocks in order. */
function plainDescent(blocks: number, perBlock: number, total: number): InnerSpec {
  const none = {
    innerBatch: 0,
    ...NO_ADAM,
    labels: "fixed" as const,
    learnMomentum: false,
  };
  return { ...none, networks: 1, blocks, perBlock, total, optimizer: "gd", rates: "per_step" };
}

/** The rate of step t. After the epochs whose rates were learned, the last of these is repeated. */
function rateAt(rate: Rate, t: number, steps: number, learned: ArrayLike<number> = []): number {
  if (rate !== "learned") return rate;
  return learned[Math.min(t, learned.length - steps + t % steps)]!;
}

/** `count` images of a split, evenly spread; all of a split that has no more. */
export function spread(split: Split, count: number): Split {
  if (split.count <= count) return split;
  const indices = Array.from({ length: count }, (_, i) => Math.floor(i * split.count / count));
  return { ...gather(split, indices), count };
}

/** The combination with the highest mean, the first of several. */
export function bestOf<T extends { readonly accuracy: Accuracy }>(cells: readonly T[]): T {
  return cells.reduce((a, b) => b.accuracy.mean > a.accuracy.mean ? b : a);
}

/** The `count` items of the highest scores, best first. */
export async function keepBest<T>(
  items: readonly T[],
  count: number,
  scoreOf: (item: T, index: number) => Promise<number>,
): Promise<T[]> {
  const scored: { item: T; score: number }[] = [];
  for (const [i, item] of items.entries()) scored.push({ item, score: await scoreOf(item, i) });
  return scored.sort((a, b) => b.score - a.score).slice(0, count).map(({ item }) => item);
}

/** Networks number `first` and following of θ [K, stride], as many as `theta` takes. */
function rowsOf(thetas: Float32Array<ArrayBuffer>, { networks, stride }: Theta, first: number) {
  return thetas.subarray(first * stride, (first + networks) * stride);
}
