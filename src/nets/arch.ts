/**
 * Arch: a network as data, a name or a list of layers; what a recipe may say of it, and the sizes that follow
 * for images of one shape. The nets on the GPU and their float64 twins are both made from `stagesOf`.
 */
import { z } from "npm:zod@4.6.7";
import { kindOf, LAYERS } from "../layers/list.ts";
import type { Planes } from "../layers/op.ts";
import { ARCH_NAMES, isNamed } from "./named.ts";

/**
 * A layer: its kind with all its settings, as `{conv: {channels: 6, size: 5, stride: 1, pad: 2}}`, or a kind that
 * has none, as `"relu"`. `parseArch` reads the shorter forms that recipes may have, and checks them.
 */
export type Layer = string | { readonly [kind: string]: Readonly<Record<string, unknown>> };

/** The name of a built-in architecture, or one's own as a list of layers. */
export type Arch = string | readonly Layer[];

/** One network, or two and more that distilled data are to suit; {@linkcode archsOf} tells which. */
export type Archs = Arch | readonly Arch[];

/** Layers of a network: each is a handful of dispatches in every step. */
const MOST_LAYERS = 200;

/** What is wrong, and where in the list. */
interface Problem {
  path: (string | number)[];
  message: string;
}

/** A network: the name of a built-in architecture, or a list of layers. */
export const archSchema = z.unknown().transform((value, context): Arch => {
  const problems: Problem[] = [];
  return read(context, problems, readArch(value, problems));
});

/** A recipe's `arch`: a network, or a list of them. */
export const archsSchema = z.unknown().transform((value, context): Archs => {
  const problems: Problem[] = [];
  if (!isListOfNetworks(value)) return read(context, problems, readArch(value, problems));
  const archs = value.map((each, i) => {
    const own: Problem[] = [];
    const arch = readArch(each, own);
    problems.push(...own.map(({ path, message }) => ({ path: [i, ...path], message })));
    return arch;
  });
  return read(context, problems, archs.filter((arch) => arch !== undefined));
});

/** What was read, unless there are problems; then these. */
function read<T>(context: z.RefinementCtx, problems: readonly Problem[], value: T | undefined): T {
  for (const { path, message } of problems) {
    context.addIssue({ code: "custom", path, message });
  }
  return value === undefined || problems.length > 0 ? z.NEVER : value;
}

/** A layer is neither a list nor called as a network is, so a list of networks is none of layers. */
function isListOfNetworks(value: unknown): value is readonly unknown[] {
  const isNetwork = (each: unknown) =>
    Array.isArray(each) || typeof each === "string" && isNamed(each);
  return Array.isArray(value) && value.some(isNetwork);
}

/** Reads a network, or says what is wrong with it. */
function readArch(value: unknown, problems: Problem[]): Arch | undefined {
  if (typeof value === "string" && isNamed(value)) return value;
  if (!Array.isArray(value)) {
    problems.push({ path: [], message: `one of ${ARCH_NAMES.join(", ")}, or a list of layers` });
    return undefined;
  }
  if (value.length > MOST_LAYERS) {
    problems.push({ path: [], message: `at most ${MOST_LAYERS} layers` });
    return undefined;
  }
  const found = value.map((layer, i) => readLayer(layer, i, problems));
  const layers = found.filter((layer) => layer !== undefined);
  if (problems.length === 0) problems.push(...orderProblems(layers));
  return layers;
}

/** The networks of a recipe, of which there may be one. */
export function archsOf(archs: Archs): readonly Arch[] {
  return isListOfNetworks(archs) ? archs as readonly Arch[] : [archs as Arch];
}

/** What tables call networks: each by its name, those without one by their number among all. */
export function labelsOf(archs: readonly Arch[]): string[] {
  return archs.map((arch, i) => typeof arch === "string" ? arch : `network ${i + 1}`);
}

/** Reads layer `i` of a list, or says what is wrong with it. */
function readLayer(value: unknown, i: number, problems: Problem[]): Layer | undefined {
  const named = typeof value === "string" ? { [value]: {} } : Object(value);
  const [kind, ...more] = Object.keys(named);
  if (kind === undefined || !Object.hasOwn(LAYERS, kind) || more.length > 0) {
    problems.push({ path: [i], message: `one layer: ${Object.keys(LAYERS).join(", ")}` });
    return undefined;
  }
  const { settings, short } = kindOf(kind);
  const given: unknown = Reflect.get(named, kind);
  const isShort = short !== undefined && typeof given !== "object";
  const read = settings.safeParse(isShort ? { [short]: given } : given);
  if (read.success) {
    const isBare = Object.keys(read.data).length === 0;
    return (isBare ? kind : { [kind]: read.data }) as Layer;
  }
  const known = settingNames(settings);
  for (const issue of read.error.issues) {
    const path = isShort ? [] : issue.path as (string | number)[];
    const place = [i, kind, ...path];
    if (issue.keys) {
      for (const key of issue.keys) {
        problems.push({ path: [...place, key], message: `no such setting (${known})` });
      }
    } else {
      const message = issue.path.length > 0 ? issue.message : `its settings: ${known}`;
      problems.push({ path: place, message });
    }
  }
  return undefined;
}

function settingNames(schema: unknown): string {
  const object = schema instanceof z.ZodPipe ? schema.in : schema;
  return object instanceof z.ZodObject ? Object.keys(object.shape).join(", ") || "none" : "none";
}

/** What is wrong with the order of layers that are right by themselves. */
function orderProblems(layers: readonly Layer[]): Problem[] {
  const problems: Problem[] = [];
  const [first, last] = [layers[0], layers.at(-1)];
  const isWeighted = typeof first === "object" && ("conv" in first || "dense" in first);
  if (!isWeighted) problems.push({ path: [0], message: "conv or dense to come first" });
  if (!(typeof last === "object" && "dense" in last && last.dense?.outputs === "classes")) {
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

/** The kind of a layer and its settings. */
function split(layer: Layer): [string, Readonly<Record<string, unknown>>] {
  if (typeof layer === "string") return [layer, {}];
  return Object.entries(layer)[0]!;
}

/**
 * Names of the layers, `undefined` for those without parameters: their own, else conv1, conv2 … and
 * fc1, fc2 ….
 */
export function namesOf(layers: readonly Layer[]): readonly (string | undefined)[] {
  const counts = new Map<string, number>();
  return layers.map((layer) => {
    const [kind, settings] = split(layer);
    const { prefix } = kindOf(kind);
    if (prefix === undefined || settings.name !== undefined) return settings.name as string;
    const number = (counts.get(prefix) ?? 0) + 1;
    counts.set(prefix, number);
    return `${prefix}${number}`;
  });
}

/** A layer with all its sizes and, where it has parameters, its name. */
export interface Stage {
  readonly kind: string;
  readonly settings: Record<string, unknown>;
  readonly name: string;
  readonly input: Planes;
  readonly output: Planes;
}

/**
 * The layers of a list with their sizes for images of `image` and `classes`.
 *
 * @throws RangeError for a layer that does not fit what the layers before it leave.
 */
export function stagesOf(layers: readonly Layer[], image: Planes, classes: number): Stage[] {
  const stages: Stage[] = [];
  const names = namesOf(layers);
  layers.forEach((layer, i) => {
    const [kind, settings] = split(layer);
    const input = stages.at(-1)?.output ?? image;
    const output = kindOf(kind).output(input, settings, classes);
    const { channels, height, width } = output;
    if (!(height >= 1 && width >= 1)) {
      throw new RangeError(
        `Cannot build arch[${i}] ${kind}: got ${input.height} × ${input.width} planes, which leave ` +
          `${channels} channels of ${height} × ${width}, expected at least 1 × 1; use fewer or ` +
          `smaller layers, or larger images`,
      );
    }
    stages.push({ kind, settings, name: names[i] ?? kind, input, output });
  });
  return stages;
}

/** What messages call an architecture: its name, or `custom`. */
export function nameOf(arch: Arch): string {
  return typeof arch === "string" ? arch : "custom";
}

/** Networks as the text of an artifact's metadata: a name, or a list as JSON. */
export function archToText(arch: Archs): string {
  return typeof arch === "string" ? arch : JSON.stringify(arch);
}

/** The networks of what {@linkcode archToText} wrote. @throws SyntaxError for text that is neither. */
export function archsFromText(text: string): readonly Arch[] {
  try {
    const read = archsSchema.safeParse(text.startsWith("[") ? JSON.parse(text) : text);
    if (read.success) return archsOf(read.data);
  } catch {
    // Not JSON: refused below.
  }
  throw new SyntaxError(
    `Cannot read an arch: got ${text}, expected one of ${ARCH_NAMES.join(", ")}, or layers as JSON`,
  );
}
