// deno-lint-ignore-file camelcase -- settings are spelled as in the recipes
/**
 * MetaParameters: what the outer loop learns (images, raw rates, raw label scores) with Adam's
 * moments, and what it stands for (rates η = softplus(raw), labels ỹ = softmax(raw)).
 */
import type { FloatTensor } from "../data/safetensors.ts";
import type { Recorder } from "../gpu/mod.ts";
import type { Net } from "../nets/net.ts";
import { padded } from "../layers/op.ts";
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

/** Labels that are learned: raw scores, the gradient in them, and how they make labels. */
interface SoftLabels {
  readonly raw: Blocks;
  readonly rawBar: Blocks;
  readonly softmax: Softmax;
  readonly adam: Adam;
}

/** Learned arrays on the GPU. `data` is what networks train on. */
export class MetaParameters implements Disposable {
  readonly data: Synthetic;
  readonly #net: Net;
  readonly #spec: UnrollSpec;
  readonly #images: Adam;
  /** What rates are made of, and the gradient in it. */
  readonly #raw: Blocks;
  readonly #rawBar: Blocks;
  readonly #lrs: Adam;
  readonly #labels: SoftLabels | undefined;
  readonly #owned: DisposableStack;

  constructor(net: Net, spec: UnrollSpec) {
    const { steps, epochs } = spec;
    using owned = new DisposableStack();
    const lrs = () => owned.use(new Blocks(net.device, "distilled data", steps * epochs, 1, 1));
    this.#net = net;
    this.#spec = spec;
    this.data = owned.use(new Synthetic(net, spec));
    this.#raw = lrs();
    this.#rawBar = lrs();
    this.#images = owned.use(new Adam("images", this.data.images.all));
    this.#lrs = owned.use(new Adam("raw_lrs", this.#raw.all));
    this.#labels = spec.labels ? softLabels(net, spec, owned) : undefined;
    this.#owned = owned.move();
  }

  /**
   * One label a class in order, all rates at `distill_lr`, and images [steps · perStep, C, H, W] or
   * else noise.
   */
  async initialize({ seed, distill_lr }: Recipe, start?: Float32Array<ArrayBuffer>): Promise<void> {
    const { steps, epochs, perStep } = this.#spec;
    const { device, classes } = this.#net;
    const { images } = this.data;
    images.write(start ?? await drawNormal(device, seed, IMAGE_STREAM, images.length));
    const hot = hardLabels(steps, perStep, classes);
    this.data.labels.write(hot);
    this.#labels?.raw.write(hot.map((y) => y * LABEL_LEAD));
    const raw = distill_lr > 30 ? distill_lr : Math.log(Math.expm1(distill_lr)); // softplus⁻¹
    this.#raw.write(new Float32Array(steps * epochs).fill(raw));
  }

  /** Records the rates and labels that the raw numbers stand for. */
  derive(record: Recorder): void {
    softplus(record, { a: this.#raw.all, out: this.data.lrs.all });
    this.#labels?.softmax.forward(record, { x: this.#labels.raw.all, y: this.data.labels.all });
  }

  /** Sets the constants of Adam's next step. */
  set(step: Omit<AdamStep, "clip">): void {
    for (const adam of [this.#images, this.#lrs, this.#labels?.adam]) adam?.set(step);
  }

  /** Records Adam's step against the gradient in images, rates and, where learned, labels. */
  step(record: Recorder, gradient: Synthetic, clip: number): void {
    this.#images.step(record, gradient.images.all, clip);
    softplusVjp(record, { a: this.#raw.all, b: gradient.lrs.all, out: this.#rawBar.all });
    this.#lrs.step(record, this.#rawBar.all, clip);
    if (!this.#labels) return;
    const { softmax, rawBar: { all: xBar }, adam } = this.#labels;
    softmax.backward(record, { y: this.data.labels.all, yBar: gradient.labels.all, xBar });
    adam.step(record, xBar, clip);
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
    return [this.#images, this.#lrs, this.#labels?.adam].flatMap((adam) => adam?.state ?? []);
  }

  [Symbol.dispose](): void {
    this.#owned.dispose();
  }
}

function softLabels(net: Net, spec: UnrollSpec, owned: DisposableStack): SoftLabels {
  const { steps, perStep } = spec;
  const { device, classes } = net;
  const blocks = () => owned.use(new Blocks(device, "distilled data", steps, classes, perStep));
  const raw = blocks();
  const { stride } = raw;
  const sizes = { classes, images: padded(perStep), count: perStep, blocks: steps, stride };
  return {
    raw,
    rawBar: blocks(),
    softmax: new Softmax(device, sizes),
    adam: owned.use(new Adam("raw_labels", raw.all)),
  };
}

/** One-hot labels [steps · perStep, classes]: 0 … 0 1 … 1 … in every step, as in the original. */
function hardLabels(steps: number, perStep: number, classes: number): Float32Array<ArrayBuffer> {
  const labels = new Float32Array(steps * perStep * classes);
  for (let n = 0; n < steps * perStep; n++) {
    labels[n * classes + Math.floor((n % perStep) * classes / perStep)] = 1;
  }
  return labels;
}
