/** Published: the names of all baselines, and what Wang et al. 2018 give for them. */
import type { Dataset } from "../sets/dataset.ts";
import type { Recipe } from "../recipe/recipe.ts";

/** What can be measured, in the order of the table; `distilled` is an artifact itself. */
export const BASELINES = [
  "distilled",
  "random",
  "optimised",
  "kmeans",
  "average",
  "knn-random",
  "knn-kmeans",
  "full",
] as const;

/** The name of a baseline. */
export type BaselineName = typeof BASELINES[number];

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

/** A fraction, and the deviation where there is one. */
type Figure = readonly [mean: number, std?: number];

/** 100 images, 10 of a class, in 10 steps; trained networks start from Xavier's initialisation. */
interface Table {
  readonly arch: string;
  /** Distilled images, for one known network. */
  readonly fixed: Figure;
  /** What unknown networks reach, and nearest neighbours, which have no network. */
  readonly random: Readonly<Partial<Record<BaselineName, Figure>>>;
}

const TABLES: Readonly<Record<string, Table>> = {
  mnist: {
    arch: "lenet",
    fixed: [0.966],
    random: {
      "distilled": [0.795, 0.0808],
      "random": [0.686, 0.098],
      "optimised": [0.73, 0.076],
      "kmeans": [0.764, 0.095],
      "average": [0.771, 0.027],
      "knn-random": [0.715, 0.021],
      "knn-kmeans": [0.922, 0.001],
    },
  },
  cifar10: {
    arch: "alexcifar",
    fixed: [0.5403],
    random: { "distilled": [0.3679, 0.0118], "knn-kmeans": [0.294, 0.003] },
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
  const { arch, steps, init, init_method, init_param, pretrained } = recipe;
  const isNeighbor = name.startsWith("knn-");
  const drawn = init_method === "xavier_normal" && init_param === 1 && pretrained === "none";
  if (!isNeighbor && !(arch === table.arch && steps === 10 && drawn)) return;
  if (name === "distilled" && (recipe.epochs !== 3 || recipe.soft_labels)) return;
  const figure = init === "random" || isNeighbor
    ? table.random[name]
    : name === "distilled"
    ? table.fixed
    : undefined;
  if (!figure) return;
  const [mean, std] = figure;
  return { mean, ...(std !== undefined && { std }), source: SOURCE };
}
