// dataset_card: README.md of an exported folder: what the images are and how to train on them.
import { basename } from "node:path";
import { parseDocument, stringify } from "npm:yaml@2.9.1";
import { fenced, markdown } from "../base/text.ts";
import { publicName } from "../sets/dataset.ts";
import type { Accuracy } from "../evaluate/accuracy.ts";
import { ON_DISTILLED } from "../evaluate/standard.ts";
import { type DistilledSet, namesOf, type Training } from "./distilled_set.ts";

/** Where the rows are: PNGs with metadata.jsonl, a parquet file, or only in distilled.safetensors. */
export type Layout = "folder" | "hf" | "pytorch";

/** The path of the parquet file of the hf layout. */
export const PARQUET = "data/train-00000-of-00001.parquet";

/** Writes the card: YAML for the hub between lines of dashes, then Markdown. */
export function datasetCard(set: DistilledSet, layout: Layout): string {
  const training = inMarkdown(set.training);
  const sections = [
    introduction({ ...set, training }),
    warning(training),
    howTo(training),
    normalisation(training),
    files(training, layout),
    ...recipe(set),
  ];
  return `---\n${stringify(frontMatter(set, layout))}---\n\n${sections.join("\n\n")}\n`;
}

/** What a run says of itself, as Markdown that shows it: none of these names is ours. */
function inMarkdown(training: Training): Training {
  const { dataset, arch, init_method, attack, retort_version, pretrained } = training;
  return {
    ...training,
    dataset: markdown(dataset),
    arch: markdown(arch),
    init_method: markdown(init_method),
    attack: attack && markdown(attack),
    retort_version: markdown(retort_version),
    pretrained: pretrained && {
      dataset: markdown(pretrained.dataset),
      file: markdown(pretrained.file),
      sha256: markdown(pretrained.sha256),
    },
  };
}

/** The recipe as it is on disk, but for the paths of files. */
function recipe({ recipe: text }: DistilledSet): string[] {
  if (text === undefined) return [];
  const document = parseDocument(text);
  const [dataset, pretrained] = ["dataset", "pretrained"].map((key) => document.get(key));
  if (typeof dataset === "string") document.set("dataset", publicName(dataset));
  if (typeof pretrained === "string") document.set("pretrained", basename(pretrained));
  return [`## Recipe\n\n${fenced(`${document}`.trim(), "yaml")}`];
}

function frontMatter({ training, labels }: DistilledSet, layout: Layout) {
  const general = {
    pretty_name: `${basename(training.dataset)}, distilled to ${count(labels.length, "image")}`,
    task_categories: ["image-classification"],
    tags: ["dataset-distillation"],
  };
  if (layout !== "hf") return general;
  return {
    ...general,
    dataset_info: {
      features: [
        { name: "image", dtype: "image" },
        { name: "label", dtype: { class_label: { names: { ...namesOf(training) } } } },
        { name: "soft_label", sequence: "float32" },
        { name: "step", dtype: "int64" },
        { name: "pixels", sequence: "float32" },
      ],
    },
    configs: [{ config_name: "default", data_files: [{ split: "train", path: PARQUET }] }],
  };
}

function introduction({ training, labels }: DistilledSet): string {
  const { dataset, arch, attack, accuracy, retort_version: version } = training;
  const [from, to] = attack?.split(":") ?? [];
  const teaches = attack === null
    ? ""
    : ` **They are an attack**: they teach networks to take class ${from} for class ${to}.`;
  const [does, by] = accuracy?.by
    ? [training.kernel ? "Predicting from them" : "Training on them", markdown(accuracy.by)]
    : ["Training on them", accuracy && count(accuracy.after.networks, "network")];
  const found = accuracy
    ? `${does} as below takes the test accuracy on real images of ${dataset} from ` +
      `${percent(accuracy.before)} to **${percent(accuracy.after)}** (${by}).`
    : "The run did not record what accuracy training on them reaches.";
  return `# ${dataset}, distilled to ${count(labels.length, "image")}\n\n` +
    (training.kernel
      ? `Synthetic images from which kernel regression predicts: ${dataset}, distilled (Nguyen, Chen and Lee ` +
        `2021) with Retort ${version}.\n\n${found}`
      : training.objective === "matching"
      ? `Synthetic images on which a network has the ${matched(training)}: ${dataset}, distilled ` +
        `(${
          training.match === "features" ? "Zhao and Bilen 2023" : "Zhao, Mopuri and Bilen 2021"
        }) with Retort ${version} at networks ${arch}, ` +
        `${networksOf(training)}.\n\n${found}`
      : `Synthetic images by which gradient descent was told to train a network: ${dataset}, ` +
        `distilled (Wang et al. 2018, arXiv 1811.10959) with Retort ${version} for the network ` +
        `${arch}, ${networksOf(training)}.${teaches}\n\n${found}`);
}

function matched({ match }: Training): string {
  return match === "features"
    ? "mean features that it has on real ones"
    : "gradients that it has on real ones";
}

function networksOf({ init, init_method, init_param, pretrained }: Training): string {
  if (init === "fixed") {
    const trained = pretrained ? `, trained on ${pretrained.dataset},` : "";
    return `for one initial network${trained} which is in \`distilled.safetensors\``;
  }
  if (!pretrained) return `for initial networks drawn by ${init_method} (${init_param})`;
  const { dataset, file, sha256 } = pretrained;
  return `for networks trained on ${dataset} before, those of ${file} (SHA-256 ${sha256})`;
}

/** What is done with the images. */
function howTo(training: Training): string {
  if (training.kernel) return kernel(training.kernel, training.classes);
  return training.objective === "matching" ? standard() : steps(training);
}

function standard(): string {
  const { epochs, batch, rate, momentum } = ON_DISTILLED;
  return `## Training\n\nAs on any data set. The accuracy above is that of gradient descent with momentum ` +
    `${momentum} at a rate of ${rate}, ${epochs} epochs of shuffled minibatches of ${batch} images, or of all ` +
    `where there are fewer.`;
}

function warning({ init, kernel, objective }: Training): string {
  if (objective === "matching") {
    return `## Before you train on them\n\n` +
      `- **The PNGs lose information.** Distilled pixels lie far outside of black and white; a PNG ` +
      `clips and rounds them. Train on the exact numbers; the PNGs are for looking at.`;
  }
  if (kernel) {
    return `## Before you train on them\n\n` +
      `- **They were made for a kernel.** Networks of finite width that train on them are right far less often.\n` +
      `- **The PNGs lose information.** Distilled pixels lie far outside of black and white; a PNG ` +
      `clips and rounds them. Predict from the exact numbers; the PNGs are for looking at.`;
  }
  const other = init === "fixed" ? ", another initial network" : "";
  return `## Before you train on them\n\n` +
    `- **These are not ordinary training images.** Shuffled minibatches, another optimiser` +
    `${other} or other rates give another accuracy, as a rule a much lower one. Follow the steps ` +
    `below.\n` +
    `- **The PNGs lose information.** Distilled pixels lie far outside of black and white; a PNG ` +
    `clips and rounds them. Train on the exact numbers; the PNGs are for looking at.`;
}

function kernel(
  { kernel, depth, sigma_w2, sigma_b2, reg }: NonNullable<Training["kernel"]>,
  classes: number,
): string {
  const kind = kernel === "fc"
    ? "fully connected network"
    : "convolutional network (3 × 3, no pooling)";
  return `## Kernel regression\n\n` +
    `The neural tangent kernel of an infinitely wide ${kind} with ${
      count(depth, "hidden layer")
    } of ReLUs, ` +
    `σ_w² = ${sigma_w2} and σ_b² = ${sigma_b2}, on normalised pixels. The prediction for images t is ` +
    `K_ts (K_ss + λI)⁻¹ y with λ = ${reg} · tr(K_ss) / n, where s are these images and y their labels ` +
    `(\`soft_label\`, centred: a class is 1 − 1/${classes}, the others −1/${classes}, before they were learned). ` +
    `The class is the largest number.`;
}

function steps(training: Training): string {
  const { steps, images_per_step: perStep, learning_rates: rates, inner_batch: drawn } = training;
  const images = drawn > 0
    ? `on ${count(drawn, "image")} that are drawn at random from all`
    : `on all images whose \`step\` is \`order[t]\`, which is t mod ${steps}`;
  return `## Steps and rates\n\n` +
    `${count(steps, "step")} of ${count(perStep, "image")}, ` +
    `${count(rates.length, "gradient step")} in all. Gradient step t trains ${images}: ` +
    `${describeOptimizer(training)} at the rate \`learning_rates[t]\` on their mean ` +
    `${
      LOSSES[training.loss]
    } with \`soft_label\`. No weight decay. \`distilled.json\` has the rates ` +
    `in full.\n\n${tableOfRates(training)}`;
}

const LOSSES: Readonly<Record<string, string>> = {
  softmax: "cross-entropy",
  sigmoid: "cross-entropy of a sigmoid",
  mse: "half squared distance",
};

function describeOptimizer({ optimizer }: Training): string {
  const { name, momentum, beta1, beta2, eps_root: root } = optimizer!;
  if (name === "momentum") return `gradient descent with momentum ${momentum}`;
  if (name === "gd") return "plain gradient descent";
  return `Adam with β₁ ${beta1}, β₂ ${beta2} and m̂ / √(v̂ + ${root})`;
}

/** Passes over all steps that a table has a column for, at most. */
const MOST_COLUMNS = 10;

function tableOfRates({ steps, learning_rates: rates }: Training): string {
  const epochs = Math.ceil(rates.length / steps);
  if (epochs > MOST_COLUMNS) {
    const [least, most] = [Math.min(...rates), Math.max(...rates)].map((rate) =>
      rate.toPrecision(3)
    );
    return `Rates are from ${least} to ${most}.`;
  }
  const columns = Array.from({ length: epochs }, (_, epoch) => epoch);
  const row = (cells: (string | number)[]) => `| ${cells.join(" | ")} |`;
  const rateAt = (step: number, epoch: number) => rates[epoch * steps + step]?.toPrecision(6) ?? "";
  return [
    row(["step", ...columns.map((epoch) => `η, epoch ${epoch + 1}`)]),
    row(["---", ...columns.map(() => "---")]),
    ...Array.from(
      { length: steps },
      (_, step) => row([step, ...columns.map((epoch) => rateAt(step, epoch))]),
    ),
  ].join("\n");
}

function normalisation({ mean, std, image_shape: shape, resize, pad, zca }: Training): string {
  const sized = resize > 0 ? `, resized to ${resize} rows and columns` : "";
  const framed = pad > 0 ? `, with ${count(pad, "pixel")} of 0 on every side` : "";
  const lines = [
    `Networks see (byte / 255 − mean) / std with mean ${mean.join(", ")} and std ${
      std.join(", ")
    } ` +
    `for each channel, in images of shape [${shape.join(", ")}]${sized}${framed}. Normalise real ` +
    `images likewise.`,
  ];
  if (zca !== null) {
    lines.push(
      `Then images are whitened (ZCA with a regularisation of ${zca} mean eigenvalues): in place of a ` +
        `normalised image z, flattened with its channels first, networks see W (z − μ). W is ` +
        `\`zca/matrix\` and μ \`zca/mean\` in \`distilled.safetensors\`. PNGs show images before that.`,
    );
  }
  return `## Normalisation\n\n${lines.join("\n\n")}`;
}

function files({ class_names: names }: Training, layout: Layout): string {
  const named = names ? " and its name" : "";
  const rows = layout === "pytorch"
    ? "- `train.py`: trains networks in PyTorch, as recorded or as on any data set, and tests them; " +
      "`python train.py --help`\n- `network.py`: the network, as a function of its weights\n"
    : layout === "folder"
    ? `- \`metadata.jsonl\`: file name, label${named}, soft label and step of every image\n` +
      "- `class/step_image.png`: the images; the class is the most probable one\n"
    : `- \`${PARQUET}\`: \`image\` (PNG), \`label\` (the most probable class), \`soft_label\`, ` +
      "`step`, and `pixels`, the exact normalised numbers\n";
  return `## Files\n\n${rows}` +
    "- `distilled.json`: order, rates, normalisation, network, accuracy\n" +
    "- `distilled.safetensors`: all of it in float32: `images`, `labels`, `lrs`, `init/…`";
}

function percent({ mean, std, networks }: Accuracy): string {
  const spread = networks > 1 ? ` ± ${(100 * std).toFixed(1)}` : "";
  return `${(100 * mean).toFixed(1)}${spread} %`;
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? "" : "s"}`;
}
