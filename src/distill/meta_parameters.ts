// deno-lint-ignore-file camelcase -- settings are spelled as in the recipes
/**
 * MetaParameters: what the outer loop learns (images, raw rates, raw label scores) with Adam's
 * moments, and what it stands for (rates η = softplus(raw), labels ỹ = softmax(raw)).
 */
import type { FloatTensor } from "../data/safetensors.ts";
import type { Recorder } from "../gpu/mod.ts";
import type { Net } from "../nets/net.ts";
import { padded } from "../ops/op.ts";
import { Softmax } from "../ops/softmax.ts";
import { softplus, softplusVjp } from "../ops/vector.ts";
import { Adam, type AdamStep, type State } from "./adam.ts";
import { Blocks } from "./blocks.ts";
import { drawNormal } from "./noise.ts";
import type { Recipe } from "./recipe.ts";
import { Synthetic, type UnrollSpec } from "./unroll.ts";

const IMAGE_STREAM = 100;
/** The score by which a learned label starts ahead of the others: 94 % of ten classes. */
const LABEL_LEAD = 5;

/** Learned arrays on the GPU. `data` is what networks train on. */
export class MetaParameters implements Disposable {
  readonly data: Synthetic;
  readonly #net: Net;
  readonly #spec: UnrollSpec;
  /** What rates and labels are made of; images are learned as they are. */
  readonly #rawLrs: Blocks;
  readonly #rawLabels: Blocks;
  /** The gradient in the raw rates or labels. */
  readonly #rawLrsBar: Blocks;
  readonly #rawLabelsBar: Blocks;
  readonly #softmax: Softmax;
  readonly #adam: Readonly<Record<"images" | "lrs" | "labels", Adam>>;

  constructor(net: Net, spec: UnrollSpec) {
    const { steps, epochs, perStep } = spec;
    const { device, classes } = net;
    const lrs = (label: string) => new Blocks(device, label, steps * epochs, 1, 1);
    const labels = (label: string) => new Blocks(device, label, steps, classes, perStep);
    this.#net = net;
    this.#spec = spec;
    this.data = new Synthetic(net, spec);
    [this.#rawLrs, this.#rawLrsBar] = [lrs("raw lrs"), lrs("raw lrs gradient")];
    [this.#rawLabels, this.#rawLabelsBar] = [labels("raw labels"), labels("raw labels gradient")];
    this.#adam = {
      images: new Adam("images", this.data.images.all),
      lrs: new Adam("raw_lrs", this.#rawLrs.all),
      labels: new Adam("raw_labels", this.#rawLabels.all),
    };
    const { stride } = this.#rawLabels;
    const images = padded(perStep);
    this.#softmax = new Softmax(device, { classes, images, count: perStep, blocks: steps, stride });
  }

  /** Noise images, one label a class in order, and all rates at `distill_lr`. */
  async initialize({ seed, distill_lr }: Recipe): Promise<void> {
    const { steps, epochs, perStep } = this.#spec;
    const { device, classes } = this.#net;
    const { images } = this.data;
    images.write(await drawNormal(device, seed, IMAGE_STREAM, images.length));
    const hot = hardLabels(steps, perStep, classes);
    this.data.labels.write(hot);
    this.#rawLabels.write(hot.map((y) => y * LABEL_LEAD));
    const raw = distill_lr > 30 ? distill_lr : Math.log(Math.expm1(distill_lr)); // softplus⁻¹
    this.#rawLrs.write(new Float32Array(steps * epochs).fill(raw));
  }

  /** Records the rates and labels that the raw numbers stand for. */
  derive(record: Recorder): void {
    softplus(record, { a: this.#rawLrs.all, out: this.data.lrs.all });
    if (!this.#spec.labels) return;
    this.#softmax.fwd(record, { x: this.#rawLabels.all, y: this.data.labels.all });
  }

  /** Records Adam's step against the gradient in images, rates and, where learned, labels. */
  step(record: Recorder, gradient: Synthetic, step: AdamStep): void {
    this.#adam.images.step(record, gradient.images.all, step);
    const rawLrsBar = this.#rawLrsBar.all;
    softplusVjp(record, { a: this.#rawLrs.all, b: gradient.lrs.all, out: rawLrsBar });
    this.#adam.lrs.step(record, rawLrsBar, step);
    if (!this.#spec.labels) return;
    const xBar = this.#rawLabelsBar.all;
    this.#softmax.vjp(record, { y: this.data.labels.all, yBar: gradient.labels.all, xBar });
    this.#adam.labels.step(record, xBar, step);
  }

  /** Everything that continues the run, by name. */
  async save(): Promise<Record<string, FloatTensor>> {
    const tensors: Record<string, FloatTensor> = {};
    for (const [name, tensor] of this.#state()) {
      tensors[name] = { shape: [tensor.size], data: await tensor.read() };
    }
    return tensors;
  }

  /** Puts back what `save` gave. @throws TypeError on a missing array or one of another size. */
  restore(tensors: Record<string, FloatTensor>): void {
    for (const [name, tensor] of this.#state()) {
      const data = tensors[name]?.data;
      if (data?.length !== tensor.size) {
        throw new TypeError(
          `Cannot resume: got ${data?.length ?? "no"} numbers for ${name} in the checkpoint, ` +
            `expected ${tensor.size}; start again in another folder`,
        );
      }
      tensor.write(Float32Array.from(data));
    }
  }

  #state(): State {
    return Object.values(this.#adam).flatMap(({ state }) => state);
  }

  [Symbol.dispose](): void {
    const blocks = [this.#rawLrs, this.#rawLrsBar, this.#rawLabels, this.#rawLabelsBar];
    for (const part of [this.data, ...blocks, ...Object.values(this.#adam)]) part[Symbol.dispose]();
  }
}

/** One-hot labels [steps · perStep, classes]: 0 … 0 1 … 1 … in every step, as in the original. */
function hardLabels(steps: number, perStep: number, classes: number): Float32Array<ArrayBuffer> {
  const labels = new Float32Array(steps * perStep * classes);
  for (let n = 0; n < steps * perStep; n++) {
    labels[n * classes + Math.floor((n % perStep) * classes / perStep)] = 1;
  }
  return labels;
}
