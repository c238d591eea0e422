/**
 * Baselines: what real images reach in place of distilled ones, in the setting of a recipe (Wang et
 * al. 2018, section 4 and Table 1).
 */
import { dirname } from "node:path";
import { Batches, gather } from "../sets/batches.ts";
import type { Dataset } from "../sets/dataset.ts";
import { neighborAccuracies, type Norm } from "../sets/neighbors.ts";
import type { Device } from "../gpu/mod.ts";
import { buildNet } from "../nets/build.ts";
import type { Net } from "../nets/net.ts";
import { writeAtomic } from "../base/atomic.ts";
import { snakeKeys } from "../base/casing.ts";
import { type Accuracy, summarize, test } from "./accuracy.ts";
import type { Initialization } from "../meta/initial_networks.ts";
import { evaluate } from "./evaluate.ts";
import { drawHeldOut } from "./measure.ts";
import { expectFitting, onlyArch } from "../recipe/fitting.ts";
import { lossOf } from "../recipe/spec.ts";
import {
  bestOf,
  type Cell,
  EPOCHS,
  keepBest,
  type Rate,
  RATES,
  RateSearch,
} from "./rate_search.ts";
import { learnedRates } from "./learned_rates.ts";
import { trainSettings } from "../recipe/train_settings.ts";
import { StandardTraining } from "./standard_training.ts";
import { type BaselineName, BASELINES, type Published, publishedFor } from "./published.ts";
import { networksOf, Pretrained } from "./pretrained.ts";
import { normalized } from "../sets/normalized.ts";
import { averageSet, kmeansSet, randomSet, type RealSet } from "./real_sets.ts";
import type { Recipe } from "../recipe/recipe.ts";
import { UsageError } from "../base/usage_error.ts";
import { whitened } from "../meta/whiten.ts";

/** What nearest neighbours reach with one combination. */
export interface NeighborCell {
  /** How distances are taken. */
  readonly norm: Norm;
  /** Neighbours that vote. */
  readonly k: number;
  /** Test accuracy over sets. */
  readonly accuracy: Accuracy;
}

/** A baseline with its best combination. */
export interface Baseline {
  /** Which it is. */
  readonly name: BaselineName;
  /** The best combination in words. */
  readonly how: string;
  /** Test accuracy with it, on all test images. */
  readonly accuracy: Accuracy;
  /** What the paper gives for this setting, if it does. */
  readonly published?: Published;
  /** Every combination that was tried, on 1000 test images where networks train. */
  readonly grid?: readonly Cell[] | readonly NeighborCell[];
}

/** What to measure, and who hears of progress. */
export interface BaselinesOptions {
  /** Held-out networks (default 20; the paper takes 200); 1 where init is fixed. */
  readonly networks?: number;
  /** Baselines to measure; all when left out. */
  readonly only?: readonly BaselineName[];
  /** Folder of a run of the recipe, whose result and rates are compared too. */
  readonly artifact?: string;
  /** File that the results so far are written to as JSON, with the recipe and the adapter. */
  readonly out?: string;
  /** Called with a line when something long begins. */
  readonly onProgress?: (line: string) => void;
}

/** Random sets that are drawn; the best fifth of them is `optimised`, the first fifth `random`. */
const DRAWN = 20;
const KEPT = DRAWN / 5;

/** Most networks that score a set, and training images that they are scored on. */
const SCORING_NETWORKS = 20;
const SCORING_IMAGES = 1024;

/** Most networks that are trained on everything: they differ little, and it takes longest. */
const NETWORKS_ON_EVERYTHING = 3;

/** How they are: a few epochs of a large set are enough; of a small one it takes some hundred steps. */
const EVERYTHING = { lr: 1e-3, batch: 64, augment: "none" } as const;
const epochsOf = (steps: number) => Math.max(3, Math.ceil(300 / steps));

/**
 * Measures the baselines of a recipe's setting: its data set, number of images, network and
 * initialisation. Networks are the held-out ones of `evaluate`. The best combination is chosen on a
 * part of the test set, and then measured on all, which flatters the baselines as in the paper.
 *
 * @throws UsageError for an attack, networks of a fixed initialisation, an artifact of another
 * setting, or too few real images.
 */
export async function baselines(
  device: Device,
  recipe: Recipe,
  given: Dataset,
  options: BaselinesOptions = {},
): Promise<Baseline[]> {
  const { networks = recipe.init === "fixed" ? 1 : 20, only = BASELINES } = options;
  if (recipe.init === "fixed" && networks !== 1) {
    throw new UsageError(
      `Cannot measure baselines of ${recipe.name} on ${networks} networks: its init is fixed, so ` +
        `all would be the same; expected --networks 1`,
    );
  }
  if (recipe.objective !== "unrolled") {
    throw new UsageError(
      `Cannot measure baselines of ${recipe.name}: got objective ${recipe.objective}, expected unrolled, whose ` +
        `networks they train`,
    );
  }
  if (recipe.attack !== "none") {
    throw new UsageError(
      `Cannot measure baselines of ${recipe.name}: got attack ${recipe.attack}, expected none`,
    );
  }
  if (only.length === 1 && only[0] === "distilled" && !options.artifact) {
    throw new UsageError(
      `Cannot measure distilled images: got no artifact, expected --artifact with the folder of a run`,
    );
  }
  expectFitting("measure baselines of", recipe, given);
  const file = await networksOf(recipe);
  const dataset = await whitened(device, given, recipe.zca, { onNote: options.onProgress });
  const ofRun = await learnedRates(recipe, dataset, options.artifact, file);
  const isPlain = recipe.optimizer === "gd" && recipe.inner_batch === 0; // as the baselines train
  const learned = isPlain ? ofRun : undefined;
  const { channels, height, width, classes } = dataset;
  const { name: loss, outputs } = lossOf(recipe, classes);
  const arch = onlyArch("measure baselines of", recipe);
  const net = buildNet(device, arch, { channels, height, width }, outputs, loss);
  const tested = Math.max(KEPT * Math.ceil(networks / KEPT), recipe.test_networks);
  const pretrained = file && new Pretrained(net, file, { ...recipe, test_networks: tested });
  using setting = new Setting(net, recipe, dataset, networks, options, learned, pretrained);
  const found: Baseline[] = [];
  const save = async (out: string) => {
    const report = { recipe, adapter: device.info.name, baselines: found };
    await writeAtomic(out, JSON.stringify(snakeKeys(report), undefined, 1) + "\n");
  };
  if (options.out !== undefined) await Deno.mkdir(dirname(options.out), { recursive: true });
  for (const name of BASELINES) {
    if (!only.includes(name) || name === "distilled" && !options.artifact) continue;
    const published = publishedFor(recipe, dataset, name);
    found.push({ name, ...await setting.measure(name), ...(published && { published }) });
    if (options.out !== undefined) await save(options.out); // each takes long
  }
  return found;
}

type Measured = Pick<Baseline, "how" | "accuracy" | "grid">;

/** The baselines of one setting, and what several of them need, computed once. */
class Setting implements Disposable {
  readonly #net: Net;
  readonly #recipe: Recipe;
  readonly #dataset: Dataset;
  readonly #networks: number;
  readonly #options: BaselinesOptions;
  readonly #how: Initialization;
  readonly #rates: RateSearch;
  #random: Promise<readonly Cell[]> | undefined;
  #kmeans: Promise<RealSet> | undefined;

  constructor(
    net: Net,
    recipe: Recipe,
    dataset: Dataset,
    networks: number,
    options: BaselinesOptions,
    learned: ArrayLike<number> | undefined,
    pretrained: Pretrained | undefined,
  ) {
    const { init, init_method: method, init_param: param, seed, steps, per_class } = recipe;
    this.#net = net;
    this.#recipe = recipe;
    this.#dataset = dataset;
    this.#networks = networks;
    this.#options = options;
    this.#how = { init, method, param, seed };
    const rates: readonly Rate[] = learned ? ["learned", ...RATES] : RATES;
    const spec = {
      steps,
      perStep: per_class * dataset.classes,
      rates,
      epochs: EPOCHS,
      learned,
      pretrained,
    };
    this.#rates = new RateSearch(net, dataset, this.#how, spec);
  }

  async measure(name: BaselineName): Promise<Measured> {
    switch (name) {
      case "distilled":
        return await this.#distilled();
      case "random":
        return await this.#best(this.#randomSets(KEPT), await this.#randomGrid());
      case "optimised":
        return await this.#train("optimised", await this.#optimisedSets());
      case "kmeans":
        return await this.#train("k-means", [await this.#kmeansSet()]);
      case "average":
        return await this.#train("average", [averageSet(this.#dataset, this.#recipe)]);
      case "knn-random":
        return this.#neighbors("random", this.#randomSets(KEPT));
      case "knn-kmeans":
        return this.#neighbors("k-means", [await this.#kmeansSet()]);
      case "full":
        return await this.#full();
    }
  }

  async #distilled(): Promise<Measured> {
    this.#note("distilled images");
    const { device } = this.#net;
    const options = { networks: this.#networks };
    const { after } = await evaluate(device, this.#options.artifact!, this.#dataset, options);
    return { how: "as recorded", accuracy: after };
  }

  #randomSets(count: number): RealSet[] {
    const draws = Array.from({ length: count }, (_, draw) => draw);
    return draws.map((draw) => randomSet(this.#dataset, this.#recipe, draw));
  }

  #randomGrid(): Promise<readonly Cell[]> {
    return this.#random ??= this.#search("random", this.#randomSets(KEPT));
  }

  /** The sets on which training networks, with what is best for random sets, classify most right. */
  async #optimisedSets(): Promise<RealSet[]> {
    const best = bestOf(await this.#randomGrid());
    const { train } = this.#dataset;
    const count = Math.min(SCORING_IMAGES, train.count);
    const batch = new Batches(train, count, this.#recipe.seed);
    const split = { ...gather(train, batch.indices(0)), count };
    const networks = Math.min(this.#networks, SCORING_NETWORKS, this.#rates.sampled);
    return await keepBest(this.#randomSets(DRAWN), KEPT, async (set, draw) => {
      this.#note(`set ${draw + 1} of ${DRAWN} on training images`);
      return await this.#rates.score(set, best, networks, split);
    });
  }

  #kmeansSet(): Promise<RealSet> {
    return this.#kmeans ??= kmeansSet(this.#dataset, this.#recipe, (k) => {
      this.#note(`k-means centres of class ${k}`);
    });
  }

  async #train(what: string, sets: readonly RealSet[]): Promise<Measured> {
    return await this.#best(sets, await this.#search(what, sets));
  }

  async #search(what: string, sets: readonly RealSet[]): Promise<readonly Cell[]> {
    return await this.#rates.search(sets, this.#each(sets), (rate) => {
      this.#note(`${what} images, ${nameOf(rate)}`);
    });
  }

  async #best(sets: readonly RealSet[], grid: readonly Cell[]): Promise<Measured> {
    const best = bestOf(grid);
    const { rate, epochs } = best;
    const how = `${nameOf(rate)}, ${epochs} ${epochs === 1 ? "epoch" : "epochs"}`;
    return { how, accuracy: await this.#rates.measure(sets, this.#each(sets), best), grid };
  }

  /** Networks that train on each of some sets. */
  #each(sets: readonly RealSet[]): number {
    return this.#how.init === "fixed" ? 1 : Math.ceil(this.#networks / sets.length);
  }

  #neighbors(what: string, sets: readonly RealSet[]): Measured {
    const { test } = this.#dataset;
    const every = Array.from({ length: test.count }, (_, n) => n);
    const queries = { images: normalized(this.#dataset, every, test), labels: test.labels };
    const ks = [1, 3];
    const grid = (["l1", "l2"] as const).flatMap((norm) => {
      this.#note(`nearest ${what} images by ${norm}`);
      const fractions = sets.map((set) => neighborAccuracies(set, queries, norm, ks));
      return ks.map((k, i) => ({ norm, k, accuracy: summarize(fractions.map((f) => f[i]!)) }));
    });
    const { norm, k, accuracy } = bestOf(grid);
    return { how: `${norm}, k = ${k}`, accuracy, grid };
  }

  async #full(): Promise<Measured> {
    const { name, train, test: images } = this.#dataset;
    const networks = Math.min(this.#networks, NETWORKS_ON_EVERYTHING);
    this.#note(`all ${train.count} training images`);
    const batch = Math.min(EVERYTHING.batch, train.count);
    const arch = onlyArch("measure baselines of", this.#recipe);
    const { seed } = this.#recipe;
    const epochs = epochsOf(Math.floor(train.count / batch));
    const sizes = { epochs, decayEpochs: epochs, arch, seed, networks, atOnce: networks };
    const settings = trainSettings(name, { ...EVERYTHING, ...sizes, batch });
    using training = new StandardTraining(this.#net, this.#dataset, settings);
    using theta = this.#net.theta(networks);
    drawHeldOut(this.#net, theta, { ...this.#how, init: "random" }, 0);
    await training.train(theta, 0);
    const accuracies = await test(this.#net, theta, images, this.#dataset);
    return { how: `Adam ${settings.lr}, ${epochs} epochs`, accuracy: summarize(accuracies) };
  }

  #note(line: string): void {
    this.#options.onProgress?.(line);
  }

  [Symbol.dispose](): void {
    this.#rates[Symbol.dispose]();
  }
}

function nameOf(rate: Rate): string {
  return rate === "learned" ? "learned rates" : `rate ${rate}`;
}
