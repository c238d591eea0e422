/** Schema: what a recipe may say about its network: a name, or a list of layers with their settings. */
import { z } from "zod";
import { type Arch, type Layer, namesOf } from "./layers.ts";
import { ARCH_NAMES } from "./named.ts";

// The message of each rule is what was expected; the recipe adds the place and what was got.

const whole = (least: number) => {
  const error = `an integer ≥ ${least}`;
  return z.int({ error }).min(least, { error });
};
const above = () => z.number({ error: "a number > 0" }).positive({ error: "a number > 0" });
const word = () => {
  const error = "a name of letters, digits, '.', '_' and '-'";
  return z.string({ error }).regex(/^[A-Za-z0-9][A-Za-z0-9._-]*$/, { error });
};
const outputs = () =>
  z.custom<number | "classes">(
    (value) => value === "classes" || (Number.isSafeInteger(value) && Number(value) >= 1),
    { error: "an integer ≥ 1, or classes" },
  );

/** Settings of each kind of layer; the defaults are PyTorch's. */
const SETTINGS = {
  conv: z.strictObject({
    name: word().optional(),
    channels: whole(1),
    size: whole(1),
    stride: whole(1).default(1),
    pad: whole(0).default(0),
  }),
  dense: z.strictObject({ name: word().optional(), outputs: outputs() }),
  max_pool: z.strictObject({
    size: whole(1),
    stride: whole(1).optional(),
    pad: whole(0).default(0),
  }).refine(({ size, pad }) => 2 * pad <= size, {
    path: ["pad"],
    error: "at most half of size",
  }).transform(({ size, stride = size, pad }) => ({ size, stride, pad })),
  lrn: z.strictObject({
    size: whole(1),
    alpha: above().default(1e-4),
    beta: above().default(0.75),
    k: above().default(1),
  }),
};

/** What a layer is given as when it is one setting alone: `dense: 120` is `dense: {outputs: 120}`. */
const SHORT: Partial<Record<string, string>> = { dense: "outputs", max_pool: "size" };

const KINDS = [...Object.keys(SETTINGS), "relu"];

/** What is wrong, and where in the list. */
interface Problem {
  path: (string | number)[];
  message: string;
}

/** A recipe's `arch`: the name of a built-in architecture, or a list of layers. */
export const archSchema = z.unknown().transform((value, context): Arch => {
  if (typeof value === "string" && ARCH_NAMES.includes(value)) return value;
  const refuse = ({ path, message }: Problem) =>
    context.addIssue({ code: "custom", path, message });
  if (!Array.isArray(value)) {
    refuse({ path: [], message: `one of ${ARCH_NAMES.join(", ")}, or a list of layers` });
    return z.NEVER;
  }
  const problems: Problem[] = [];
  const layers = value.flatMap((layer, i) => readLayer(layer, i, problems) ?? []);
  if (problems.length === 0) problems.push(...orderProblems(layers));
  problems.forEach(refuse);
  return problems.length > 0 ? z.NEVER : layers;
});

/** Reads layer `i` of a list, or says what is wrong with it. */
function readLayer(value: unknown, i: number, problems: Problem[]): Layer | undefined {
  if (value === "relu") return "relu";
  const [kind, ...more] = Object.keys(Object(value));
  const known = kind !== undefined && Object.hasOwn(SETTINGS, kind);
  if (typeof value === "string" || !known || more.length > 0) {
    problems.push({ path: [i], message: `one layer: ${KINDS.join(", ")}` });
    return undefined;
  }
  const given: unknown = Reflect.get(Object(value), kind);
  const short = SHORT[kind];
  const isShort = short !== undefined && typeof given !== "object";
  const schema = SETTINGS[kind as keyof typeof SETTINGS];
  const read = schema.safeParse(isShort ? { [short]: given } : given);
  if (read.success) return { [kind]: read.data } as unknown as Layer;
  for (const issue of read.error.issues) {
    const path = isShort ? [] : issue.path as (string | number)[];
    if (issue.code !== "unrecognized_keys") {
      problems.push({ path: [i, kind, ...path], message: messageOf(issue, kind) });
    } else {for (const key of issue.keys) {
        problems.push({ path: [i, kind, key], message: `no such setting (${settingsOf(kind)})` });
      }}
  }
  return undefined;
}

/** What a layer's settings were expected to be, if they are no mapping at all. */
function messageOf(issue: z.core.$ZodIssue, kind: string): string {
  return issue.path.length > 0 ? issue.message : `its settings: ${settingsOf(kind)}`;
}

function settingsOf(kind: string): string {
  const schema = kind === "max_pool" ? SETTINGS.max_pool.in : SETTINGS[kind as "conv"];
  return Object.keys(schema.shape).join(", ");
}

/** What is wrong with the order of layers that are right by themselves. */
function orderProblems(layers: readonly Layer[]): Problem[] {
  const problems: Problem[] = [];
  const isWeighted = (layer?: Layer) =>
    typeof layer === "object" && ("conv" in layer || "dense" in layer);
  const last = layers.at(-1);
  if (!isWeighted(layers[0])) problems.push({ path: [0], message: "conv or dense to come first" });
  if (!(typeof last === "object" && "dense" in last && last.dense.outputs === "classes")) {
    const path = layers.length > 0 ? [layers.length - 1] : [];
    problems.push({ path, message: "dense: classes to come last" });
  }
  namesOf(layers).forEach((name, i, names) => {
    if (name === undefined || names.indexOf(name) === i) return;
    const message = `a name other than ${name}, that of arch[${names.indexOf(name)}]`;
    problems.push({ path: [i], message });
  });
  return problems;
}

/** An arch as the text of an artifact's metadata: its name, or its layers as JSON. */
export function archToText(arch: Arch): string {
  return typeof arch === "string" ? arch : JSON.stringify(arch);
}

/** The opposite of {@linkcode archToText}. @throws SyntaxError for text that is neither. */
export function archFromText(text: string): Arch {
  try {
    const read = archSchema.safeParse(text.startsWith("[") ? JSON.parse(text) : text);
    if (read.success) return read.data;
  } catch {
    // Not JSON: refused below.
  }
  throw new SyntaxError(
    `Cannot read an arch: got ${text}, expected one of ${ARCH_NAMES.join(", ")}, or layers as JSON`,
  );
}
