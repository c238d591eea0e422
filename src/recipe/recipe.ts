// recipe: every setting of a distillation, its default, and what it may be; read from YAML.
// deno-lint-ignore-file camelcase -- keys are spelled as in the YAML files
import { stringify } from "npm:yaml@2.9.1";
import { z } from "npm:zod@4.6.7";
import { type Arch, type Archs, archSchema, archsOf, archsSchema } from "../nets/arch.ts";
import { INIT_METHODS, type InitMethod } from "../nets/init.ts";
import { AUGMENTATIONS } from "../meta/augment.ts";
import { OUTER_OPTIMIZER_NAMES, type OuterOptimizerName } from "../meta/outer_optimizer.ts";
import { OPTIMIZER_NAMES, type OptimizerName } from "../meta/optimizers/list.ts";
import { readRecipe } from "./recipes_builtin.ts";
import { settingMeant } from "./setting_meant.ts";
import { KERNEL_NAMES, type KernelName } from "../ntk/ntk.ts";
import { quoted, shortened } from "../base/text.ts";
import { UsageError } from "../base/usage_error.ts";

/** Every setting of a distillation, spelled as in the YAML files. */
export interface Recipe {
  /** Names the folder of the results. */
  name: string;
  /** Data set to distil: a name, hf:OWNER/NAME, folder:PATH or csv:PATH (see docs/datasets.md). */
  dataset: string;
  /** Rows and columns that images are resized to; 0: as they are. */
  resize: number;
  /** Pixels of 0 that are added on every side after that. */
  pad: number;
  /** Colour channels that images are converted to, 1 or 3; 0: as they are. */
  channels: 0 | 1 | 3;
  /** λ of ZCA whitening in mean eigenvalues, such as 0.1; 0: images are not whitened. */
  zca: number;
  /** How images are varied: not, or real ones by random crops and reflections as CIFAR-10's, or, for objective
   * matching, real and distilled ones alike, by one draw a step. */
  augment: "none" | "crop-flip" | "siamese";
  /** What is minimised: the loss of networks that trained on the distilled images, or of kernel regression, or the
   * distance of the gradients on distilled and on real images. */
  objective: "unrolled" | "kernel" | "matching";
  /** Network that is trained, a name or a list of layers; or a list of networks, all of which are. */
  arch: Archs;
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
  /** Gradient steps of a training in all; 0: steps × epochs. */
  steps_total: number;
  /** Gradient steps that are differentiated, from a random one on; 0: all. */
  window: number;
  /** Sets of networks that live on from iteration to iteration; 0: each iteration has fresh ones. */
  pool: number;
  /** Distilled images that a step draws at random; 0: each step takes its own. */
  inner_batch: number;
  /** What is compared, for objective matching: gradients, or the mean features that the last layer takes. */
  match: "gradients" | "features";
  /** Iterations for which a network stays, for objective matching. */
  image_steps: number;
  /** Steps that it takes on the distilled images between two iterations, for objective matching. */
  network_steps: number;
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
  /** What learns: Adam, or gradient descent with momentum. */
  outer_optimizer: OuterOptimizerName;
  /** Learning rate of the outer optimiser. */
  lr: number;
  /** Decay of Adam's first moment, or of the velocity of outer_optimizer sgd. */
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
  /** What networks are trained with on distilled data: gradient descent, with momentum, or Adam. */
  optimizer: OptimizerName;
  /** What remains of the velocity at each step, for optimizer momentum. */
  momentum: number;
  /** Whether momentum is learned too. */
  learn_momentum: boolean;
  /** Decay of the first moment, for optimizer adam. */
  adam_beta1: number;
  /** Decay of the second moment, for optimizer adam. */
  adam_beta2: number;
  /** What is added to the second moment under the root, for optimizer adam. */
  adam_eps_root: number;
  /** Whether a learning rate is learned for each step, one for all, or none. */
  rates: "per_step" | "one" | "fixed";
  /** η₀, inner learning rate before any is learned. */
  distill_lr: number;
  /** Infinitely wide network whose kernel it is, for objective kernel: fully connected, or convolutional. */
  kernel: KernelName;
  /** Its hidden layers, for objective kernel. */
  depth: number;
  /** σ_w², variance of its weights times their number. */
  sigma_w2: number;
  /** σ_b², variance of its biases. */
  sigma_b2: number;
  /** λ of kernel regression, in mean eigenvalues of the kernel of the distilled images. */
  reg: number;
  /** Whether labels are solved for at the end, for objective kernel. */
  label_solve: boolean;
  /** Loss of networks: cross-entropy of softmax, or of a single sigmoid, or mse; auto is softmax. */
  loss: "auto" | "softmax" | "sigmoid" | "mse";
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

/** What settings of training must be where none is recorded. */
const WITHOUT_STEPS = {
  steps: 1,
  epochs: 1,
  steps_total: 0,
  window: 0,
  pool: 0,
  inner_batch: 0,
  learn_momentum: false,
  attack: "none",
  pretrained: "none",
} as const;

/** Gradient steps of a training: recording, and planning what to keep of it, take a second for a thousand. */
const MOST_STEPS = 10_000;

/** Rows and columns of an image, and pixels around it. */
const LARGEST_SIDE = 1024;

/** Counts of networks, images and steps that no run gets through. */
const MOST = 10_000;

// The message of each rule is what was expected; parseRecipe adds the key and what was got.

export function integer(minimum: number, maximum = Number.MAX_SAFE_INTEGER) {
  const error = maximum === Number.MAX_SAFE_INTEGER
    ? `an integer ≥ ${minimum}`
    : `an integer from ${minimum} to ${maximum}`;
  return z.int({ error }).min(minimum, { error }).max(maximum, { error });
}

/** An integer of at least `least` that is no slip of the pen. */
export function count(least: number, most: number) {
  return integer(least).max(most, { error: `at most ${most}` });
}

export function positive() {
  const error = "a number > 0";
  return z.number({ error }).positive({ error });
}

function atLeastZero() {
  const error = "a number ≥ 0";
  return z.number({ error }).min(0, { error });
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
  const error =
    "a name such as mnist, hf:OWNER/NAME, hf:OWNER/NAME/FOLDER, folder:PATH or csv:PATH";
  return z.string({ error })
    .regex(/^([A-Za-z0-9][\w.-]*|hf:\w[\w.-]*\/\w[\w./-]*|folder:.+|csv:.+)$/, { error });
}

function attack() {
  const error = "none, or two different classes such as 0:1";
  return z.string({ error }).regex(/^(none|(\d+):(?!\2$)\d+)$/, { error });
}

/** What each setting may be; what a recipe leaves out is as in the original's code. */
const recipeSchema = z.strictObject({
  name: word(),
  dataset: datasetName().default("mnist"),
  resize: count(0, LARGEST_SIDE).default(0),
  pad: count(0, LARGEST_SIDE).default(0),
  channels: z.literal([0, 1, 3], { error: "0, 1 or 3" }).default(0),
  zca: atLeastZero().default(0),
  augment: oneOf([...AUGMENTATIONS, "siamese"]).default("none"),
  objective: oneOf(["unrolled", "kernel", "matching"]).default("unrolled"),
  arch: archsSchema.default("lenet"),
  init: oneOf(["fixed", "random"]).default("fixed"),
  init_method: oneOf(INIT_METHODS).default("xavier_normal"),
  init_param: positive().default(1),
  pretrained: z.string({ error: "a file" }).min(1, { error: "a file" }).default("none"),
  new_head: z.boolean({ error: "true or false" }).default(false),
  attack: attack().default("none"),
  steps: count(1, MOST_STEPS).default(10),
  epochs: count(1, MOST_STEPS).default(3),
  steps_total: count(0, MOST_STEPS).default(0),
  window: integer(0).default(0),
  pool: count(0, MOST).default(0),
  inner_batch: integer(0).default(0),
  match: oneOf(["gradients", "features"]).default("gradients"),
  image_steps: integer(1).default(1),
  network_steps: count(1, MOST_STEPS).default(1),
  per_class: count(1, MOST).default(1),
  image_init: oneOf(["noise", "real", "kmeans"]).default("noise"),
  networks: count(1, MOST).default(1),
  batch: integer(1).default(1024),
  iterations: integer(0).default(23600),
  outer_optimizer: oneOf(OUTER_OPTIMIZER_NAMES).default("adam"),
  lr: positive().default(0.01),
  beta1: decay().default(0.5),
  beta2: decay().default(0.999),
  schedule: oneOf(["constant", "step", "cosine"]).default("step"),
  decay_every: integer(1).default(2360),
  decay_factor: positive().max(1, { error: "a number > 0 and ≤ 1" }).default(0.5),
  clip: atLeastZero().default(0),
  optimizer: oneOf(OPTIMIZER_NAMES).default("gd"),
  momentum: decay().default(0.9),
  learn_momentum: z.boolean({ error: "true or false" }).default(false),
  adam_beta1: decay().default(0.9),
  adam_beta2: decay().default(0.99),
  adam_eps_root: positive().default(1e-6),
  rates: oneOf(["per_step", "one", "fixed"]).default("per_step"),
  distill_lr: positive().default(0.02),
  kernel: oneOf(KERNEL_NAMES).default("fc"),
  depth: count(1, 100).default(1),
  sigma_w2: positive().default(2),
  sigma_b2: atLeastZero().default(1e-4),
  reg: positive().default(1e-6),
  label_solve: z.boolean({ error: "true or false" }).default(false),
  loss: oneOf(["auto", "softmax", "sigmoid", "mse"]).default("auto"),
  soft_labels: z.boolean({ error: "true or false" }).default(false),
  seed: integer(0, 2 ** 32 - 1).default(1),
  test_networks: count(1, MOST).default(20),
  checkpoint_every: integer(1).default(500),
  eval_every: integer(0).default(0),
  log_every: integer(1).default(10),
}).superRefine(({ dataset, resize, pad, channels, augment }, context) => {
  if (dataset !== "moons" && !dataset.startsWith("csv:")) return;
  for (const [key, value] of Object.entries({ resize, pad, channels, augment })) {
    const none = key === "augment" ? "none" : 0;
    const message = `${none}, since the rows of a table are no images`;
    if (value !== none) context.addIssue({ code: "custom", path: [key], message });
  }
}).superRefine((recipe, { addIssue }) => {
  const { objective } = recipe;
  const refuse = (key: keyof Recipe, message: string) =>
    addIssue({ code: "custom", path: [key], message });
  if (objective !== "kernel") {
    if (recipe.iterations === 0) refuse("iterations", "an integer ≥ 1");
    if (recipe.label_solve) refuse("label_solve", "false, or objective: kernel");
  }
  if (objective !== "matching" && recipe.augment === "siamese") {
    refuse("augment", "none or crop-flip, or objective: matching");
  }
  if (objective === "unrolled") return;
  for (const [key, value] of Object.entries(WITHOUT_STEPS)) {
    const isFree = objective === "matching" && key === "inner_batch";
    if (isFree || recipe[key as keyof Recipe] === value) continue;
    const why = objective === "kernel"
      ? "kernel regression trains no networks"
      : "none is recorded";
    refuse(key as keyof Recipe, `${value}, since ${why}`);
  }
  if (objective === "matching") {
    if (recipe.init !== "random") refuse("init", "random, since networks are fresh ones");
    if (archsOf(recipe.arch).length > 1) {
      refuse("arch", "one network, at which gradients are matched");
    }
    if (recipe.networks !== 1) refuse("networks", "1, since classes are matched side by side");
    if (recipe.loss === "sigmoid") refuse("loss", "auto, softmax or mse");
    if (recipe.soft_labels) refuse("soft_labels", "false, since images are matched class by class");
    if (recipe.optimizer === "adam") refuse("optimizer", "gd or momentum");
    if (recipe.augment === "crop-flip") refuse("augment", "none or siamese");
    if (recipe.match === "features" && recipe.image_steps > 1) {
      refuse("image_steps", "1, since features are those of networks that took no step");
    }
    return;
  }
  if (!["auto", "mse"].includes(recipe.loss)) refuse("loss", "mse, or auto, which is mse here");
  if (recipe.augment !== "none") refuse("augment", "none, since targets are as they are");
  if (recipe.label_solve && recipe.soft_labels) {
    refuse("label_solve", "false, or soft_labels: false, since solved labels replace learned ones");
  }
  if (recipe.iterations === 0 && !recipe.label_solve) {
    refuse("iterations", "an integer ≥ 1, or label_solve: true");
  }
}).superRefine(({ arch, init, pretrained, attack }, context) => {
  if (archsOf(arch).length < 2) return;
  const settings = { init, pretrained, attack };
  const needed = { init: "random", pretrained: "none", attack: "none" };
  for (const key of ["init", "pretrained", "attack"] as const) {
    if (settings[key] === needed[key]) continue;
    const message = `${needed[key]}, since networks of several architectures are drawn anew`;
    context.addIssue({ code: "custom", path: [key], message });
  }
}).refine((recipe) => recipe.init === "random" || recipe.networks === 1, {
  path: ["networks"],
  error: "1, since init is fixed and all networks would be the same (init: random allows more)",
}).refine((recipe) => !recipe.new_head || recipe.pretrained !== "none" && recipe.init === "fixed", {
  path: ["new_head"],
  error: "false, since a new last layer is for one trained network (init: fixed, pretrained: FILE)",
}).refine(({ steps, steps_total }) => steps_total <= 0 || steps_total >= steps, {
  path: ["steps_total"],
  error: "0, or at least steps, since networks would never see the images of the others",
}).superRefine((recipe, { addIssue }) => {
  const total = stepsOf(recipe);
  const path = recipe.epochs > recipe.steps ? "epochs" : "steps";
  if (total > MOST_STEPS && recipe[path] <= MOST_STEPS) {
    const message = `no more than ${MOST_STEPS} gradient steps of a training, which are steps × ` +
      `epochs, or steps_total`;
    addIssue({ code: "custom", path: [path], message });
  }
  if (!(recipe.window > total && total > 0)) return;
  const message = `at most the ${total} steps of a training (steps × epochs, or steps_total)`;
  addIssue({ code: "custom", path: ["window"], message });
}).refine(({ pool, init, window }) => pool <= 0 || init === "random" && window > 0, {
  path: ["pool"],
  error: "0, or init: random and a window, since networks of a pool are trained window by window",
}).refine(({ inner_batch, steps }) => inner_batch <= 0 || steps === 1, {
  path: ["inner_batch"],
  error: "0, or steps: 1, since each step then draws from all images",
}).refine(({ soft_labels, loss }) => !soft_labels || loss !== "sigmoid", {
  path: ["soft_labels"],
  error: "false, since labels are learned as probabilities of classes (loss: softmax)",
}).refine(
  ({ learn_momentum, optimizer, momentum }) =>
    !learn_momentum || optimizer === "momentum" && momentum > 0,
  {
    path: ["learn_momentum"],
    error: "false, or optimizer: momentum and a momentum > 0 to start from",
  },
);

/** Gradient steps of a training in all; none where networks do not train as recorded. */
export function stepsOf(
  { objective, steps, epochs, steps_total }: Pick<
    Recipe,
    "objective" | "steps" | "epochs" | "steps_total"
  >,
) {
  return objective === "unrolled" ? steps_total || steps * epochs : 0;
}

/** The outer optimiser's rate at iteration k (from 0). */
export function rateAt(recipe: Recipe, k: number): number {
  const { lr, schedule, decay_every, decay_factor, iterations } = recipe;
  if (schedule === "step") return lr * decay_factor ** Math.floor(k / decay_every);
  if (schedule === "cosine") return lr / 2 * (1 + Math.cos(Math.PI * k / iterations));
  return lr;
}

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
  return stringify(recipe, { aliasDuplicateObjects: false });
}

/** "arch[2].conv.size" */
function placeOf(path: readonly PropertyKey[]): string {
  return path.map((key) => typeof key === "number" ? `[${key}]` : `.${String(key)}`).join("")
    .slice(1);
}

function show(value: unknown): string {
  if (value === undefined) return "nothing";
  return typeof value === "number" ? String(value) : quoted(value);
}

function describeUnknownKey(key: string): string {
  const expected = settingMeant(key, RECIPE_SETTINGS) ?? "a setting as in `recipes show quick`";
  return `${shortened(key)}: got an unknown key, expected ${expected}`;
}
