/** Published: the accuracies of Wang et al. 2018 that a recipe's results can stand beside. */
import type { Dataset } from "../data/dataset.ts";
import type { BaselineName } from "./baselines.ts";
import type { Recipe } from "./recipe.ts";

/** A published test accuracy, as fractions like our own. */
export interface Published {
  /** Mean, 0 … 1. */
  readonly mean: number;
  /** Standard deviation, where one is given. */
  readonly std?: number;
  /** Where it stands. */
  readonly source: string;
}

const SOURCE = "Wang et al. 2018, Table 1";

/** Percent, and the deviation where there is one. */
type Percent = readonly [mean: number, std?: number];

/** 100 images, 10 of a class, in 10 steps; trained networks start from Xavier's initialisation. */
interface Table {
  readonly arch: string;
  /** Distilled images, for one known network. */
  readonly fixed: Percent;
  /** What unknown networks reach, and nearest neighbours, which have no network. */
  readonly random: Readonly<Partial<Record<BaselineName, Percent>>>;
}

const TABLES: Readonly<Record<string, Table>> = {
  mnist: {
    arch: "lenet",
    fixed: [96.6],
    random: {
      "distilled": [79.5, 8.08],
      "random": [68.6, 9.8],
      "optimised": [73.0, 7.6],
      "kmeans": [76.4, 9.5],
      "average": [77.1, 2.7],
      "knn-random": [71.5, 2.1],
      "knn-kmeans": [92.2, 0.1],
    },
  },
  cifar10: {
    arch: "alexcifar",
    fixed: [54.03],
    random: { "distilled": [36.79, 1.18], "knn-kmeans": [29.4, 0.3] },
  },
};

/** What the paper gives for a baseline in the setting of a recipe, if it does. */
export function publishedFor(
  recipe: Recipe,
  { name: dataset, classes }: Pick<Dataset, "name" | "classes">,
  name: BaselineName,
): Published | undefined {
  const table = TABLES[dataset];
  if (!table || recipe.steps * recipe.per_class * classes !== 100) return;
  const { arch, steps, init, init_method, init_param } = recipe;
  const isNeighbor = name.startsWith("knn-");
  const drawn = init_method === "xavier_normal" && init_param === 1;
  if (!isNeighbor && !(arch === table.arch && steps === 10 && drawn)) return;
  const percent = init === "random" || isNeighbor
    ? table.random[name]
    : name === "distilled"
    ? table.fixed
    : undefined;
  if (!percent) return;
  const [mean, std] = percent;
  return { mean: mean / 100, ...(std !== undefined && { std: std / 100 }), source: SOURCE };
}
