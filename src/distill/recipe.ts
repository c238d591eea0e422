// recipe: every setting of a distillation, its default, and what it may be; read from YAML.
// deno-lint-ignore-file camelcase -- keys are spelled as in the YAML files
import { stringify } from "yaml";
import { z } from "zod";
import type { Arch } from "../nets/arch.ts";
import { archSchema } from "../nets/arch.ts";
import { INIT_METHODS, type InitMethod } from "../nets/init.ts";
import { AUGMENTATIONS } from "./augment.ts";
import { readRecipe } from "./recipes_builtin.ts";
import { UsageError } from "./usage_error.ts";

/** Every setting of a distillation, spelled as in the YAML files. */
export interface Recipe {
  /** Names the folder of the results. */
  name: string;
  /** Data set to distil: a name, hf:OWNER/NAME or folder:PATH (see docs/datasets.md). */
  dataset: string;
  /** Rows and columns that images are resized to; 0: as they are. */
  resize: number;
  /** Colour channels that images are converted to, 1 or 3; 0: as they are. */
  channels: 0 | 1 | 3;
  /** How real images are varied: not, or by random crops and reflections as CIFAR-10's. */
  augment: "none" | "crop-flip";
  /** Network that is trained: a name, or a list of layers. */
  arch: Arch;
  /** Whether all training starts from one known network or each iteration draws new ones. */
  init: "fixed" | "random";
  /** Distribution of the initial weights. */
  init_method: InitMethod;
  /** Gain of the initial weights, or their standard deviation when init_method is normal. */
  init_param: number;
  /** File of trained networks to start from, one (init: fixed) or a sample each iteration; or none. */
  pretrained: string;
  /** Whether a last layer for the classes of `dataset` replaces that of the trained network. */
  new_head: boolean;
  /** Classes "K:T": real images of class K count as class T in the outer loss; or none. */
  attack: string;
  /** Gradient steps, each on its own distilled images. */
  steps: number;
  /** How often all steps are passed over. */
  epochs: number;
  /** Distilled images of each class in each step. */
  per_class: number;
  /** What distilled images are before any is learned: noise as in the paper, random training images,
   * or the k-means centres of each class. */
  image_init: "noise" | "real" | "kmeans";
  /** R, networks trained side by side in an outer iteration. */
  networks: number;
  /** Real images in an outer iteration. */
  batch: number;
  /** Outer iterations. */
  iterations: number;
  /** Learning rate of the outer Adam. */
  lr: number;
  /** Decay of Adam's first moment. */
  beta1: number;
  /** Decay of Adam's second moment. */
  beta2: number;
  /** How lr changes over the iterations. */
  schedule: "constant" | "step" | "cosine";
  /** Iterations between decays of lr when schedule is step. */
  decay_every: number;
  /** What lr is multiplied by at each decay when schedule is step. */
  decay_factor: number;
  /** Gradients longer than this many times their running mean are shortened to it; 0: never. */
  clip: number;
  /** η₀, inner learning rate before any is learned. */
  distill_lr: number;
  /** Whether labels are learned too, as probabilities. */
  soft_labels: boolean;
  /** Seed of everything random, an unsigned 32-bit integer. */
  seed: number;
  /** Networks whose mean accuracy is reported when init is random; one is used when fixed. */
  test_networks: number;
  /** Iterations between checkpoints. */
  checkpoint_every: number;
  /** Iterations between reports of the test accuracy; 0: only before and after. */
  eval_every: number;
  /** Iterations between reports of the loss. */
  log_every: number;
}

// The message of each rule is what was expected; parseRecipe adds the key and what was got.

export function integer(minimum: number, maximum = Number.MAX_SAFE_INTEGER) {
  const error = maximum === Number.MAX_SAFE_INTEGER
    ? `an integer ≥ ${minimum}`
    : `an integer from ${minimum} to ${maximum}`;
  return z.int({ error }).min(minimum, { error }).max(maximum, { error });
}

export function positive() {
  const error = "a number > 0";
  return z.number({ error }).positive({ error });
}

function decay() {
  const error = "a number from 0 to less than 1";
  return z.number({ error }).min(0, { error }).lt(1, { error });
}

export function oneOf<const T extends readonly string[]>(values: T) {
  return z.enum(values, { error: `one of ${values.join(", ")}` });
}

function word() {
  const error = "a word of letters, digits, '.', '_' and '-'";
  return z.string({ error }).regex(/^[A-Za-z0-9][A-Za-z0-9._-]*$/, { error });
}

function datasetName() {
  const error = "a name such as mnist, hf:OWNER/NAME, hf:OWNER/NAME/FOLDER or folder:PATH";
  return z.string({ error })
    .regex(/^([A-Za-z0-9][\w.-]*|hf:\w[\w.-]*\/\w[\w./-]*|folder:.+)$/, { error });
}

function attack() {
  const error = "none, or two different classes such as 0:1";
  return z.string({ error }).regex(/^(none|(\d+):(?!\2$)\d+)$/, { error });
}

/** What each setting may be; what a recipe leaves out is as in the original's code. */
export const recipeSchema = z.strictObject({
  name: word(),
  dataset: datasetName().default("mnist"),
  resize: integer(0).default(0),
  channels: z.literal([0, 1, 3], { error: "0, 1 or 3" }).default(0),
  augment: oneOf(AUGMENTATIONS).default("none"),
  arch: archSchema.default("lenet"),
  init: oneOf(["fixed", "random"]).default("fixed"),
  init_method: oneOf(INIT_METHODS).default("xavier_normal"),
  init_param: positive().default(1),
  pretrained: z.string({ error: "a file" }).min(1, { error: "a file" }).default("none"),
  new_head: z.boolean({ error: "true or false" }).default(false),
  attack: attack().default("none"),
  steps: integer(1).default(10),
  epochs: integer(1).default(3),
  per_class: integer(1).default(1),
  image_init: oneOf(["noise", "real", "kmeans"]).default("noise"),
  networks: integer(1).default(1),
  batch: integer(1).default(1024),
  iterations: integer(1).default(23600),
  lr: positive().default(0.01),
  beta1: decay().default(0.5),
  beta2: decay().default(0.999),
  schedule: oneOf(["constant", "step", "cosine"]).default("step"),
  decay_every: integer(1).default(2360),
  decay_factor: positive().max(1, { error: "a number > 0 and ≤ 1" }).default(0.5),
  clip: z.number({ error: "a number ≥ 0" }).min(0, { error: "a number ≥ 0" }).default(0),
  distill_lr: positive().default(0.02),
  soft_labels: z.boolean({ error: "true or false" }).default(false),
  seed: integer(0, 2 ** 32 - 1).default(1),
  test_networks: integer(1).default(20),
  checkpoint_every: integer(1).default(500),
  eval_every: integer(0).default(0),
  log_every: integer(1).default(10),
}).refine((recipe) => recipe.init === "random" || recipe.networks === 1, {
  path: ["networks"],
  error: "1, since init is fixed and all networks would be the same (init: random allows more)",
}).refine((recipe) => !recipe.new_head || recipe.pretrained !== "none" && recipe.init === "fixed", {
  path: ["new_head"],
  error: "false, since a new last layer is for one trained network (init: fixed, pretrained: FILE)",
});

/** Names of all settings. */
export const RECIPE_SETTINGS: readonly string[] = Object.keys(recipeSchema.shape);

/** Checks a value read from `source`, fills in defaults; throws a UsageError naming each bad key. */
export function parseRecipe(value: unknown, source: string): Recipe {
  return check(recipeSchema, value, `recipe ${source}`);
}

/** Checks an architecture read from `source`; throws a UsageError naming each bad layer. */
export function parseArch(value: unknown, source: string): Arch {
  return check(z.strictObject({ arch: archSchema }), { arch: value }, source).arch;
}

/** What `schema` makes of a value; throws a UsageError naming each bad key of `source`. */
export function check<T>(schema: z.ZodType<T>, value: unknown, source: string): T {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const problems = result.error.issues.flatMap((issue) => {
    if (issue.code === "unrecognized_keys") return issue.keys.map(describeUnknownKey);
    if (issue.path.length === 0) return `got ${show(value)}, expected settings as key: value`;
    const got = issue.path.reduce((part, key) => Reflect.get(Object(part), key), value);
    return `${placeOf(issue.path)}: got ${show(got)}, expected ${issue.message}`;
  });
  throw new UsageError(`Cannot use ${source}: ${[...new Set(problems)].join("; ")}`);
}

/** Reads a built-in recipe by name or else a YAML file; `overrides` replace what it says. */
export async function loadRecipe(
  nameOrFile: string,
  overrides: Record<string, unknown>,
): Promise<Recipe> {
  const value = await readRecipe(nameOrFile);
  const isMapping = typeof value === "object" && value !== null && !Array.isArray(value);
  return parseRecipe(isMapping ? { ...value, ...overrides } : value, nameOrFile);
}

/** Writes every setting as YAML; parseRecipe gives back the same recipe. */
export function recipeToYaml(recipe: Recipe): string {
  return stringify(recipe);
}

/** "arch[2].conv.size" */
function placeOf(path: readonly PropertyKey[]): string {
  return path.map((key) => typeof key === "number" ? `[${key}]` : `.${String(key)}`).join("")
    .slice(1);
}

function show(value: unknown): string {
  if (value === undefined) return "nothing";
  return typeof value === "number" ? String(value) : JSON.stringify(value);
}

function describeUnknownKey(key: string): string {
  const distances = RECIPE_SETTINGS.map((candidate) => editDistance(key, candidate));
  const nearest = RECIPE_SETTINGS[distances.indexOf(Math.min(...distances))];
  return `${key}: unknown key, the nearest known key is ${nearest}`;
}

/** Levenshtein distance: fewest letters to insert, delete or replace. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(replaced, row[j]! + 1, next[j - 1]! + 1));
    }
    row = next;
  }
  return row[b.length]!;
}
