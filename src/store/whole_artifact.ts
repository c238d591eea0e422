// deno-lint-ignore-file camelcase -- metadata is spelled as in the file
/** WholeArtifact: whether an artifact is all that its readers rely on, so that none of them has to ask. */
import { z } from "npm:zod@4.6.7";
import { jsonText } from "../base/json_text.ts";
import { expectFinite } from "../base/safetensors.ts";
import { quoted, shortened } from "../base/text.ts";
import { OPTIMIZER_NAMES } from "../meta/optimizers/list.ts";
import { archsFromText } from "../nets/arch.ts";
import { INIT_METHODS } from "../nets/init.ts";
import { KERNEL_NAMES } from "../ntk/ntk.ts";
import type { Artifact } from "./artifact.ts";

/** How far the probabilities of an image may be from a sum of 1; softmax in float32 is closer. */
const ROUNDING = 1e-3;

/** What lists are expected to be of. */
const [NAMES, NUMBERS, POSITIVE] = [
  "a list of names",
  "a list of numbers",
  "a list of numbers > 0",
];

/** What images may be before any is learned. */
const IMAGE_INITS = ["noise", "real", "kmeans"] as const;

/** What entries of the metadata must be, all of them text; messages say what was expected. */
const metadataSchema = z.object({
  objective: oneOf(["unrolled", "kernel", "matching"]),
  arch: text(isArch, "networks or layers"),
  dataset: text((name) => name !== "", "a name"),
  dataset_sha256: text((hex) => /^[0-9a-f]{64}$/.test(hex), "64 hexadecimal digits").optional(),
  loss: oneOf(["auto", "softmax", "sigmoid", "mse"]),
  steps: count(1),
  steps_total: count(0),
  per_step: count(1),
  classes: count(2),
  class_names: list(z.string({ error: NAMES }), NAMES).optional(),
  columns: list(z.string({ error: NAMES }), NAMES).optional(),
  mean: list(z.number({ error: NUMBERS }), NUMBERS),
  std: list(z.number({ error: POSITIVE }).positive({ error: POSITIVE }), POSITIVE),
  resize: count(0).optional(),
  pad: count(0).optional(),
  channels: count(0).optional(),
  zca: positive().optional(),
  init: oneOf(["fixed", "random"]),
  init_method: oneOf(INIT_METHODS),
  init_param: positive(),
  seed: count(0),
  iterations: count(0),
});

/** What the training of each objective takes besides. */
const trainingSchemas = {
  unrolled: z.object({
    epochs: count(1),
    inner_batch: count(0),
    optimizer: oneOf(OPTIMIZER_NAMES),
    momentum: decay(),
    adam_beta1: decay(),
    adam_beta2: decay(),
    adam_eps_root: positive(),
  }),
  kernel: z.object({
    kernel: oneOf(KERNEL_NAMES),
    depth: count(1),
    sigma_w2: positive(),
    sigma_b2: number((value) => value >= 0, "a number ≥ 0"),
    reg: positive(),
    image_init: oneOf(IMAGE_INITS),
  }),
  matching: z.object({
    match: oneOf(["gradients", "features"]).optional(),
    image_init: oneOf(IMAGE_INITS),
    test_networks: count(1),
  }),
} as const;

/**
 * Checks the metadata of an artifact read from `path`, and its tensors against them.
 *
 * @throws {SyntaxError | RangeError} what is wrong first
 */
export function expectWhole(path: string, artifact: Artifact): void {
  const { images, labels, lrs, init, metadata } = artifact;
  const refuse = (got: string, expected: string) =>
    new SyntaxError(`Cannot read ${path}: got ${got}, expected ${expected}; distil again`);
  const read = <T>(schema: z.ZodType<T>): T => {
    const { success, data, error } = schema.safeParse(metadata);
    if (success) return data;
    const { path: [key = ""], message } = error.issues[0]!;
    throw refuse(`${String(key)} ${quoted(metadata[String(key)])}`, message);
  };
  const about = read(metadataSchema);
  read<unknown>(trainingSchemas[about.objective]);
  const { steps, steps_total, per_step, classes, mean, std, columns, class_names } = about;
  const N = steps * per_step;
  const [, , H = 0, W = 0] = images.shape;
  const planes = columns ? [1, 1] : [Math.max(1, H), Math.max(1, W)];
  const expectShape = (name: string, got: readonly number[], expected: readonly number[]) => {
    if (got.join() === expected.join()) return;
    throw refuse(`${name} [${got.join(", ")}]`, `[${expected.join(", ")}] as in its metadata`);
  };
  expectShape("images", images.shape, [N, mean.length, ...planes]);
  expectShape("labels", labels.shape, [N, classes]);
  expectShape("lrs", lrs.shape, [steps_total]);
  expectShape("std", [std.length], [mean.length]);
  if (columns) expectShape("columns", [columns.length], [mean.length]);
  if (class_names || columns) expectShape("class_names", [class_names?.length ?? 0], [classes]);
  if (per_step % classes !== 0) {
    throw refuse(`${per_step} images a step`, `as many of each of ${classes} classes`);
  }
  expectFinite({ images, labels, lrs, ...init }, path);
  const rate = lrs.data.findIndex((value) => value < 0);
  if (rate >= 0) throw refuse(`${lrs.data[rate]} as rate ${rate}`, "rates ≥ 0");
  if (about.objective === "kernel") return; // its labels are any numbers
  for (let n = 0; n < N; n++) {
    const of = labels.data.subarray(n * classes, (n + 1) * classes);
    const sum = of.reduce((a, b) => a + b, 0);
    if (of.every((p) => p >= 0) && Math.abs(sum - 1) <= ROUNDING) continue;
    throw refuse(
      `${shortened([...of].join(", "))} as labels of image ${n}`,
      "probabilities, whose sum is 1",
    );
  }
}

function oneOf<const T extends readonly string[]>(values: T) {
  return z.enum(values, { error: `one of ${values.join(", ")}` });
}

function text(isGood: (value: string) => boolean, error: string) {
  return z.string({ error }).refine(isGood, { error });
}

function count(minimum: number) {
  const isCount = (value: string) =>
    /^\d+$/.test(value) && Number.isSafeInteger(Number(value)) && Number(value) >= minimum;
  return text(isCount, `an integer ≥ ${minimum}`).transform(Number);
}

function number(isGood: (value: number) => boolean, error: string) {
  const isNumber = (value: string) => value !== "" && Number.isFinite(Number(value));
  return text((value) => isNumber(value) && isGood(Number(value)), error);
}

function positive() {
  return number((value) => value > 0, "a number > 0");
}

function decay() {
  return number((value) => value >= 0 && value < 1, "a number from 0 to less than 1");
}

function list<T extends z.ZodType>(element: T, error: string) {
  return jsonText(z.array(element, { error }).min(1, { error }));
}

function isArch(value: string): boolean {
  try {
    return archsFromText(value).length > 0;
  } catch {
    return false;
  }
}
