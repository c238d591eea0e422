/**
 * MetaParameters: what the outer loop learns (images, raw rates, raw label scores) with Adam's
 * moments, and what it stands for (rates η = softplus(raw), labels ỹ = softmax(raw)).
 */
import type { FloatTensor } from "../data/safetensors.ts";
import type { Recorder, Tensor } from "../gpu/mod.ts";
import type { Net } from "../nets/net.ts";
import { padded } from "../ops/op.ts";
import { Softmax } from "../ops/softmax.ts";
import { adam, adamStep, softplus, softplusVjp } from "../ops/vector.ts";
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
  /** Raw rates and label scores; its images are unused in favour of `data`'s own. */
  readonly #raw: Synthetic;
  readonly #rawBar: Synthetic;
  readonly #moments: readonly [Synthetic, Synthetic];
  readonly #hyper: Tensor;
  readonly #softmax: Softmax;

  constructor(net: Net, spec: UnrollSpec) {
    this.#net = net;
    this.#spec = spec;
    this.data = new Synthetic(net, spec);
    this.#raw = new Synthetic(net, spec);
    this.#rawBar = new Synthetic(net, spec);
    this.#moments = [new Synthetic(net, spec), new Synthetic(net, spec)];
    this.#hyper = net.device.tensor([6], "hyper");
    this.#softmax = new Softmax(net.device, {
      classes: net.classes,
      images: padded(spec.perStep),
      count: spec.perStep,
      blocks: spec.steps,
      stride: this.data.labels.stride,
    });
  }

  /** Noise images, one label a class in order, and all rates at `distill_lr`. */
  async initialize({ seed, distill_lr }: Recipe): Promise<void> {
    const { steps, epochs, perStep } = this.#spec;
    const { device, classes, input } = this.#net;
    const size = steps * perStep * input.channels * input.height * input.width;
    this.data.images.write(await drawNormal(device, seed, IMAGE_STREAM, size));
    const hot = hardLabels(steps, perStep, classes);
    this.data.labels.write(hot);
    this.#raw.labels.write(hot.map((y) => y * LABEL_LEAD));
    const raw = Math.log(Math.expm1(distill_lr)); // softplus⁻¹
    this.#raw.lrs.write(new Float32Array(steps * epochs).fill(raw));
  }

  /** Records the rates and labels that the raw numbers stand for. */
  derive(record: Recorder): void {
    softplus(record, { a: this.#raw.lrs.all, out: this.data.lrs.all });
    if (this.#spec.labels) {
      this.#softmax.fwd(record, { x: this.#raw.labels.all, y: this.data.labels.all });
    }
  }

  /** Records Adam's step `t` (from 1) against the gradient in images, labels and rates. */
  step(record: Recorder, gradient: Synthetic, t: number, rate: number, recipe: Recipe): void {
    this.#hyper.write(adamStep(t, rate, recipe.beta1, recipe.beta2));
    this.#adam(record, "images", gradient, this.data);
    const { all: rawBar } = this.#rawBar.lrs;
    softplusVjp(record, { a: this.#raw.lrs.all, b: gradient.lrs.all, out: rawBar });
    this.#adam(record, "lrs", this.#rawBar, this.#raw);
    if (!this.#spec.labels) return;
    const [y, yBar, xBar] = [this.data.labels, gradient.labels, this.#rawBar.labels];
    this.#softmax.vjp(record, { y: y.all, yBar: yBar.all, xBar: xBar.all });
    this.#adam(record, "labels", this.#rawBar, this.#raw);
  }

  #adam(
    record: Recorder,
    part: "images" | "labels" | "lrs",
    gradient: Synthetic,
    parameters: Synthetic,
  ): void {
    const [moment1, moment2] = this.#moments.map((moment) => moment[part].all) as [Tensor, Tensor];
    const [a, out] = [gradient[part].all, parameters[part].all];
    adam(record, { a, out, moment1, moment2, hyper: this.#hyper });
  }

  /** Everything that continues the run, by name. */
  async save(): Promise<Record<string, FloatTensor>> {
    const tensors: Record<string, FloatTensor> = {};
    for (const [name, blocks] of this.#saved()) {
      const data = await blocks.read();
      tensors[name] = { shape: [data.length], data };
    }
    return tensors;
  }

  /** Puts back what `save` gave. @throws TypeError on a missing array or one of another size. */
  restore(tensors: Record<string, FloatTensor>): void {
    for (const [name, blocks] of this.#saved()) {
      const data = tensors[name]?.data;
      if (data?.length !== blocks.length) {
        throw new TypeError(
          `Cannot resume: got ${data?.length ?? "no"} numbers for ${name} in the checkpoint, ` +
            `expected ${blocks.length}; start again in another folder`,
        );
      }
      blocks.write(data);
    }
    const { steps, perStep } = this.#spec;
    this.data.labels.write(hardLabels(steps, perStep, this.#net.classes));
  }

  #saved() {
    const [first, second] = this.#moments;
    const learned = (prefix: string, s: Synthetic) =>
      [[`${prefix}labels`, s.labels], [`${prefix}lrs`, s.lrs]] as const;
    return [
      ["images", this.data.images] as const,
      ...learned("raw/", this.#raw),
      ["moment1/images", first.images] as const,
      ...learned("moment1/", first),
      ["moment2/images", second.images] as const,
      ...learned("moment2/", second),
    ];
  }

  [Symbol.dispose](): void {
    const all = [this.data, this.#raw, this.#rawBar, ...this.#moments];
    for (const each of [...all, this.#hyper]) each[Symbol.dispose]();
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
