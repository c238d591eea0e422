/** Artifact: the folder a run leaves behind, written file by file under temporary names. */
import { archToText } from "../nets/arch.ts";
import { decodeSafetensors, encodeSafetensors, type FloatTensor } from "../data/safetensors.ts";
import type { Dataset } from "../data/dataset.ts";
import { INIT_METHODS } from "../nets/init.ts";
import { writeAtomic } from "../report/atomic.ts";
import { encodeGrid } from "../report/grid.ts";
import type { NetworkFile } from "./network_file.ts";
import type { Recipe } from "./recipe.ts";
import { version } from "./version.ts";

/** What `distilled.safetensors` holds. */
export interface Artifact {
  /** [steps · perStep, C, H, W], normalised, in step order. */
  readonly images: FloatTensor;
  /** [steps · perStep, K] probabilities. */
  readonly labels: FloatTensor;
  /** [steps · epochs] learning rates in the order of training. */
  readonly lrs: FloatTensor;
  /** The fixed initial network under PyTorch's names, if there is one. */
  readonly init: Record<string, FloatTensor>;
  /** Free text by name: what it takes to train on it again. */
  readonly metadata: Record<string, string>;
}

const FORMAT = "retort-1";

/** Names of the files in a run's folder. */
export const FILES = {
  artifact: "distilled.safetensors",
  recipe: "recipe.yaml",
  metrics: "metrics.jsonl",
  checkpoint: "checkpoint.safetensors",
  picture: "images.png",
} as const;

/** What the metadata says of a run, and of the file of trained networks that it starts from. */
export function metadataOf(
  recipe: Recipe,
  dataset: Dataset,
  adapter: string,
  networks?: NetworkFile,
): Record<string, string> {
  return {
    format: FORMAT,
    arch: archToText(recipe.arch),
    dataset: dataset.name,
    steps: `${recipe.steps}`,
    epochs: `${recipe.epochs}`,
    per_step: `${recipe.per_class * dataset.classes}`,
    classes: `${dataset.classes}`,
    ...(dataset.classNames && { class_names: JSON.stringify(dataset.classNames) }),
    mean: JSON.stringify(dataset.mean),
    std: JSON.stringify(dataset.std),
    init: recipe.init,
    init_method: recipe.init_method,
    init_param: `${recipe.init_param}`,
    seed: `${recipe.seed}`,
    iterations: `${recipe.iterations}`,
    adapter,
    retort_version: version,
    ...(recipe.attack !== "none" && { attack: recipe.attack }),
    ...(networks && {
      pretrained: networks.path,
      pretrained_sha256: networks.sha256,
      pretrained_dataset: networks.metadata.dataset ?? "unknown",
      ...(recipe.init === "random" && { held_out: `${recipe.test_networks}` }),
    }),
  };
}

/** Writes `distilled.safetensors`. */
export async function writeArtifact(dir: string, artifact: Artifact): Promise<void> {
  const { images, labels, lrs, init, metadata } = artifact;
  const tensors: Record<string, FloatTensor> = { images, labels, lrs };
  for (const [name, tensor] of Object.entries(init)) tensors[`init/${name}`] = tensor;
  await writeAtomic(`${dir}/${FILES.artifact}`, encodeSafetensors(tensors, metadata));
}

/**
 * Reads a run's `distilled.safetensors`.
 *
 * @throws Error when the folder has none, it is damaged, or another program wrote it.
 */
export async function readArtifact(dir: string): Promise<Artifact> {
  const path = `${dir}/${FILES.artifact}`;
  const bytes = await Deno.readFile(path).catch((error) => {
    if (!(error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory)) {
      throw error;
    }
    throw new Deno.errors.NotFound(
      `Cannot read ${path}: got no such file, expected the folder of a finished run`,
    );
  });
  const { tensors, metadata } = decodeSafetensors(bytes, path);
  const { images, labels, lrs } = tensors;
  if (metadata.format !== FORMAT || !images || !labels || !lrs) {
    throw new SyntaxError(
      `Cannot read ${path}: got format ${metadata.format ?? "unknown"} with tensors ` +
        `${Object.keys(tensors).join(", ")}, expected ${FORMAT} with images, labels, lrs`,
    );
  }
  const init: Record<string, FloatTensor> = {};
  for (const [name, tensor] of Object.entries(tensors)) {
    if (name.startsWith("init/")) init[name.slice("init/".length)] = tensor;
  }
  const defaults = { init_method: "xavier_normal", init_param: "1" };
  const artifact = { images, labels, lrs, init, metadata: { ...defaults, ...metadata } };
  expectConsistent(path, artifact);
  return artifact;
}

/** Throws when the sizes of the tensors are not those in the metadata. */
function expectConsistent(path: string, { images, labels, lrs, metadata }: Artifact): void {
  const [steps, epochs, perStep] = [metadata.steps, metadata.epochs, metadata.per_step].map(Number);
  const got = [images.shape[0], labels.shape[0], lrs.shape[0]];
  const expected = [steps! * perStep!, steps! * perStep!, steps! * epochs!];
  const drawn = INIT_METHODS.some((name) => name === metadata.init_method) &&
    Number(metadata.init_param) > 0 && Number(metadata.init_param) < Infinity;
  const known = /^(fixed|random)$/.test(metadata.init ?? "");
  if (got.join() === expected.join() && known && drawn) return;
  throw new SyntaxError(
    `Cannot read ${path}: got ${got.join(", ")} images, labels and lrs and init ` +
      `${metadata.init} by ${metadata.init_method} with ${metadata.init_param}, expected ` +
      `${expected.join(", ")} as in its metadata, init fixed or random, and a known way to draw; ` +
      `distil again`,
  );
}

/** Makes a run's folder, or clears it of files that a killed run had not finished writing. */
export async function prepareFolder(dir: string): Promise<void> {
  await Deno.mkdir(dir, { recursive: true }).catch((cause) => {
    const message = `Cannot make folder ${dir}: got "${cause.message}", expected a place to write`;
    throw new Error(`${message}; choose another folder`, { cause });
  });
  for await (const { name } of Deno.readDir(dir)) {
    const isOurs = Object.values(FILES).some((file) => name.startsWith(`${file}.`));
    if (isOurs && name.endsWith(".tmp")) await Deno.remove(`${dir}/${name}`);
  }
}

/** Draws the images, a row a step, captioned with the step's rates. */
export async function writePicture(dir: string, artifact: Artifact, title: string): Promise<void> {
  const { metadata, images, lrs } = artifact;
  const [steps, epochs] = [Number(metadata.steps), Number(metadata.epochs)];
  const [, channels = 1, height = 1, width = 1] = images.shape;
  const captions = Array.from({ length: steps }, (_, step) => {
    const rates = Array.from({ length: epochs }, (_, epoch) => lrs.data[epoch * steps + step]!);
    return `step ${step + 1}: η ${rates.map((rate) => rate.toPrecision(3)).join(" ")}`;
  });
  const picture = encodeGrid({
    images: images.data,
    rows: steps,
    columns: images.shape[0]! / steps,
    channels,
    height,
    width,
    mean: JSON.parse(metadata.mean!),
    std: JSON.parse(metadata.std!),
    captions,
    title,
  });
  await writeAtomic(`${dir}/${FILES.picture}`, picture);
}
