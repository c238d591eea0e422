// deno-lint-ignore-file camelcase -- metadata is spelled as in the file
/** Artifact: the folder a run leaves behind, written file by file under temporary names. */
import { archToText } from "../nets/arch.ts";
import { formatCsv, type TableFormat } from "../data/csv.ts";
import {
  decodeSafetensors,
  encodeSafetensors,
  expectFinite,
  type FloatTensor,
} from "../base/safetensors.ts";
import type { Dataset } from "../sets/dataset.ts";
import { unwhitened, type Whitening } from "../sets/whitening.ts";
import { writeAtomic } from "../base/atomic.ts";
import type { NetworkFile } from "./network_file.ts";
import { type Recipe, stepsOf } from "../recipe/recipe.ts";
import { isDrawable } from "../report/font.ts";
import { version } from "../base/version.ts";
import { expectWhole } from "./whole_artifact.ts";

/** What `distilled.safetensors` holds. */
export interface Artifact {
  /** [steps · perStep, C, H, W], normalised, in step order; of a table [steps · perStep, D, 1, 1]. */
  readonly images: FloatTensor;
  /** [steps · perStep, K]: probabilities, or for kernel regression any numbers. */
  readonly labels: FloatTensor;
  /** [steps_total] learning rates in the order of training; none where no training is recorded. */
  readonly lrs: FloatTensor;
  /** The fixed initial network under PyTorch's names, if there is one. */
  readonly init: Record<string, FloatTensor>;
  /** How real images are whitened, and distilled ones were, if so. */
  readonly whitening?: Whitening;
  /** Free text by name: what it takes to train on it again. */
  readonly metadata: Record<string, string>;
}

const FORMAT = "retort-1";

/** Names of the files in a run's folder. */
export const FILES = {
  artifact: "distilled.safetensors",
  table: "distilled.csv",
  recipe: "recipe.yaml",
  metrics: "metrics.jsonl",
  checkpoint: "checkpoint.safetensors",
} as const;

/**
 * The picture of a run: images.png, or images.svg where a name has letters that the bitmap font lacks; none of a table
 * that has not two columns.
 */
export function pictureOf({ name, columns, classNames = [] }: Named): string | undefined {
  if (columns && columns.length !== 2) return undefined;
  return [name, ...columns ?? [], ...classNames].every(isDrawable) ? "images.png" : "images.svg";
}

type Named = Pick<Dataset, "name" | "classNames"> & { columns?: readonly string[] | undefined };

/** Which of them a run of a data set leaves: a table is there as CSV too, and drawn where it is flat. */
export function filesOf(dataset: Named): string[] {
  const { table, ...always } = FILES;
  const picture = pictureOf(dataset);
  return [
    ...Object.values(always),
    ...(dataset.columns ? [table] : []),
    ...(picture === undefined ? [] : [picture]),
  ];
}

/** What the metadata says of a run, and of the file of trained networks that it starts from. */
export function metadataOf(
  recipe: Recipe,
  dataset: Dataset,
  adapter: string,
  networks?: NetworkFile,
): Record<string, string> {
  return {
    format: FORMAT,
    objective: recipe.objective,
    arch: archToText(recipe.arch),
    dataset: dataset.name,
    steps: `${recipe.steps}`,
    steps_total: `${stepsOf(recipe)}`,
    ...ofObjective(recipe),
    loss: recipe.objective === "kernel" ? "mse" : recipe.loss, // its labels are no probabilities
    per_step: `${recipe.per_class * dataset.classes}`,
    classes: `${dataset.classes}`,
    ...(dataset.classNames && { class_names: JSON.stringify(dataset.classNames) }),
    ...(dataset.columns && { columns: JSON.stringify(dataset.columns) }),
    mean: JSON.stringify(dataset.mean),
    std: JSON.stringify(dataset.std),
    ...(recipe.resize > 0 && { resize: `${recipe.resize}` }),
    ...(recipe.pad > 0 && { pad: `${recipe.pad}` }),
    ...(recipe.channels > 0 && { channels: `${recipe.channels}` }),
    ...(recipe.zca > 0 && { zca: `${recipe.zca}` }),
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

/** What it takes to train networks as recorded, or to predict by the kernel, or to test as the run did. */
function ofObjective(recipe: Recipe): Record<string, string> {
  if (recipe.objective === "kernel") {
    return {
      kernel: recipe.kernel,
      depth: `${recipe.depth}`,
      sigma_w2: `${recipe.sigma_w2}`,
      sigma_b2: `${recipe.sigma_b2}`,
      reg: `${recipe.reg}`,
      image_init: recipe.image_init,
      label_solve: `${recipe.label_solve}`,
    };
  }
  if (recipe.objective === "matching") {
    return {
      match: recipe.match,
      image_init: recipe.image_init,
      test_networks: `${recipe.test_networks}`,
    };
  }
  return {
    epochs: `${recipe.epochs}`,
    inner_batch: `${recipe.inner_batch}`,
    optimizer: recipe.optimizer,
    momentum: `${recipe.momentum}`,
    adam_beta1: `${recipe.adam_beta1}`,
    adam_beta2: `${recipe.adam_beta2}`,
    adam_eps_root: `${recipe.adam_eps_root}`,
  };
}

/** What the numbers of an artifact mean where it was made of a table, else undefined. */
export function tableOf({ columns, class_names, mean, std }: Artifact["metadata"]) {
  if (columns === undefined) return undefined;
  const [names, classNames] = [JSON.parse(columns), JSON.parse(class_names!)];
  const table: TableFormat = {
    columns: names,
    classNames,
    mean: JSON.parse(mean!),
    std: JSON.parse(std!),
  };
  return table;
}

/** Distilled images as they were before whitening, normalised alone, [steps · perStep, C, H, W]. */
export function unwhitenedImages({ images, whitening }: Artifact): Float32Array {
  return whitening ? unwhitened(images.data, whitening) : images.data;
}

/** The arrays of a whitening by their names in a file. */
export function whiteningTensors(
  { mean, matrix, inverse }: Whitening,
): Record<string, FloatTensor> {
  const D = mean.length;
  return {
    "zca/mean": { shape: [D], data: mean },
    "zca/matrix": { shape: [D, D], data: matrix },
    "zca/inverse": { shape: [D, D], data: inverse },
  };
}

/** Writes `distilled.safetensors`, and `distilled.csv` where it is a table. */
export async function writeArtifact(dir: string, artifact: Artifact): Promise<void> {
  const { labels, lrs, init, whitening, metadata } = artifact;
  const tensors: Record<string, FloatTensor> = { images: artifact.images, labels, lrs };
  if (whitening) Object.assign(tensors, whiteningTensors(whitening));
  for (const [name, tensor] of Object.entries(init)) tensors[`init/${name}`] = tensor;
  await writeAtomic(`${dir}/${FILES.artifact}`, encodeSafetensors(tensors, metadata));
  const table = tableOf(metadata);
  if (!table) return;
  await writeAtomic(
    `${dir}/${FILES.table}`,
    formatCsv(table, unwhitenedImages(artifact), labels.data),
  );
}

/**
 * Reads a run's `distilled.safetensors`.
 *
 * @throws Error when the folder has none, it is damaged, or another program wrote it.
 */
export async function readArtifact(dir: string): Promise<Artifact> {
  const path = `${dir}/${FILES.artifact}`;
  const bytes = await Deno.readFile(path).catch((error) => {
    if (error instanceof Deno.errors.NotADirectory) {
      throw new Deno.errors.NotADirectory(
        `Cannot read ${dir} as a run: got a file, expected the folder of a finished run; give that`,
      );
    }
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    throw new Deno.errors.NotFound(
      `Cannot read ${path}: got no such file, expected the folder of a finished run; finish one with ` +
        `distill --resume --out ${dir}`,
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
  const init = Object.fromEntries(
    Object.entries(tensors).filter(([name]) => name.startsWith("init/"))
      .map(([name, tensor]) => [name.slice("init/".length), tensor]),
  );
  const whitening = whiteningOf(path, tensors, metadata);
  const artifact = {
    images,
    labels,
    lrs,
    init,
    ...(whitening && { whitening }),
    metadata,
  };
  expectWhole(path, artifact);
  return artifact;
}

/** The whitening in a file, where its metadata speak of one. */
function whiteningOf(
  path: string,
  tensors: Record<string, FloatTensor>,
  { zca }: Artifact["metadata"],
): Whitening | undefined {
  if (zca === undefined) return undefined;
  const D = tensors.images!.shape.slice(1).reduce((a, b) => a * b, 1);
  const [mean, matrix, inverse] = ["mean", "matrix", "inverse"].map((name) =>
    tensors[`zca/${name}`]
  );
  const shapes = [mean, matrix, inverse].map((tensor) => `[${tensor?.shape.join(", ") ?? ""}]`);
  const expected = [`[${D}]`, `[${D}, ${D}]`, `[${D}, ${D}]`];
  if (shapes.join() !== expected.join()) {
    throw new SyntaxError(
      `Cannot read ${path}: got zca ${zca} with zca/mean, zca/matrix and zca/inverse of shapes ` +
        `${shapes.join(", ")}, expected ${expected.join(", ")}; distil again`,
    );
  }
  expectFinite({ "zca/mean": mean!, "zca/matrix": matrix!, "zca/inverse": inverse! }, path);
  const [of, by, back] = [mean!, matrix!, inverse!].map(({ data }) => data);
  return { zca: Number(zca), mean: of!, matrix: by!, inverse: back! };
}

/** Clears a run's folder of files that a killed run had not finished writing. */
export async function removeUnfinished(dir: string): Promise<void> {
  for await (const { name } of Deno.readDir(dir)) {
    const isOurs = [...Object.values(FILES), "images"].some((file) => name.startsWith(`${file}.`));
    if (isOurs && name.endsWith(".tmp")) await Deno.remove(`${dir}/${name}`);
  }
}
