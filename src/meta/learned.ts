/**
 * Learned: what the outer loop learns, each array with its optimiser, and what it stands for: rates
 * η = softplus(raw), labels ỹ = softmax(raw) where they are probabilities, momentum μ = sigmoid(raw).
 */
import type { FloatTensor } from "../base/safetensors.ts";
import type { Recorder, Tensor } from "../gpu/mod.ts";
import { padded } from "../layers/op.ts";
import { Softmax } from "../ops/softmax.ts";
import { sigmoid, sigmoidVjp, softplus, softplusVjp } from "../ops/vector.ts";
import { Blocks } from "./blocks.ts";
import { DistilledData, type Space } from "./distilled_data.ts";
import { type InnerSpec, ratesOf } from "./inner_spec.ts";
import { Adam } from "./outer_adam.ts";
import type { OuterOptimizer, OuterOptimizerName, OuterStep, State } from "./outer_optimizer.ts";
import { Sgd } from "./outer_sgd.ts";
import { restoreState, saveState } from "./saved.ts";

/** The score by which a learned label starts ahead of the others: 94 % of ten classes. */
const LABEL_LEAD = 5;

/** What distilled data start as. */
export interface Start {
  /** [blocks · perBlock, C, H, W], normalised. */
  readonly images: Float32Array;
  /** η, the same for every step. */
  readonly rate: number;
  /** μ; strictly between 0 and 1 where it is learned. */
  readonly momentum: number;
  /** [blocks · perBlock, K]; of one class each, in order, when left out. */
  readonly labels?: Float32Array;
}

/** The outer optimisers. */
const OPTIMIZERS = { adam: Adam, sgd: Sgd } as const;

/** Numbers that are learned in place of others, which follow from them. */
interface Raw {
  readonly raw: Blocks;
  readonly optimizer: OuterOptimizer;
  derive(record: Recorder): void;
  /** Records the gradient in the raw numbers, which it gives. */
  pull(record: Recorder, gradient: DistilledData): Tensor;
}

/** Learned arrays on the GPU. */
export class Learned implements Disposable {
  /** What networks train on; `derive` keeps it up to date. */
  readonly data: DistilledData;
  readonly #classes: number;
  readonly #spec: InnerSpec;
  readonly #images: OuterOptimizer;
  /** Of labels that are learned as they are. */
  readonly #numbers: OuterOptimizer | undefined;
  readonly #rates: Raw | undefined;
  readonly #labels: Raw | undefined;
  readonly #momentum: Raw | undefined;
  readonly #owned: DisposableStack;

  /** Allocates what is learned, all zeros, by what `spec` says is; `optimizer` learns it. */
  constructor(space: Space, spec: InnerSpec, optimizer: OuterOptimizerName = "adam") {
    const Optimizer = OPTIMIZERS[optimizer];
    using owned = new DisposableStack();
    const data = owned.use(new DistilledData(space, spec));
    this.#classes = space.classes;
    this.#spec = spec;
    this.data = data;
    this.#images = owned.use(new Optimizer("images", data.images.all));
    this.#numbers = spec.labels === "numbers"
      ? owned.use(new Optimizer("labels", data.labels.all))
      : undefined;
    const blocks = (blocks: number, rows: number, count: number) =>
      owned.use(new Blocks(space.device, "distilled data", blocks, rows, count));
    const raw = (
      name: string,
      like: () => Blocks,
      derive: (record: Recorder, raw: Tensor) => void,
      pull: (record: Recorder, gradient: DistilledData, raw: Tensor, out: Tensor) => void,
    ): Raw => {
      const [numbers, bar] = [like(), like()];
      return {
        raw: numbers,
        optimizer: owned.use(new Optimizer(name, numbers.all)),
        derive: (record) => derive(record, numbers.all),
        pull(record, gradient) {
          pull(record, gradient, numbers.all, bar.all);
          return bar.all;
        },
      };
    };
    this.#rates = spec.rates === "fixed" ? undefined : raw(
      "raw_lrs",
      () => blocks(ratesOf(spec), 1, 1),
      (record, a) => softplus(record, { a, out: data.lrs.all }),
      (record, { lrs }, a, out) => softplusVjp(record, { a, b: lrs.all, out }),
    );
    const isSoft = spec.labels === "probabilities";
    if (isSoft && space.classes === 1) {
      throw new RangeError("Cannot learn labels of one output: got 1, expected at least 2 classes");
    }
    const softmax = isSoft ? softmaxOf(space, spec, data) : undefined;
    this.#labels = softmax && raw(
      "raw_labels",
      () => blocks(spec.blocks, space.classes, spec.perBlock),
      (record, x) => softmax.forward(record, { x, y: data.labels.all }),
      (record, { labels }, _, xBar) =>
        softmax.backward(record, { y: data.labels.all, yBar: labels.all, xBar }),
    );
    this.#momentum = !spec.learnMomentum ? undefined : raw(
      "raw_momentum",
      () => blocks(1, 1, 1),
      (record, a) => sigmoid(record, { a, out: data.momentum.all }),
      (record, { momentum }, _, out) =>
        sigmoidVjp(record, { a: data.momentum.all, b: momentum.all, out }),
    );
    this.#owned = owned.move();
  }

  /** One label a class in order, as in the original; the rest as given. */
  initialize({ images, rate, momentum, labels }: Start): void {
    const { data } = this;
    data.images.write(images);
    const hot = labels ?? labelsInOrder(this.#spec, this.#classes);
    data.labels.write(hot);
    this.#labels?.raw.write(hot.map((y) => y * LABEL_LEAD));
    data.lrs.write(new Float32Array(data.lrs.length).fill(rate));
    const raw = rate > 30 ? rate : Math.log(Math.expm1(rate)); // softplus⁻¹
    this.#rates?.raw.write(new Float32Array(data.lrs.length).fill(raw));
    data.momentum.write([momentum]);
    this.#momentum?.raw.write([Math.log(momentum / (1 - momentum))]); // sigmoid⁻¹
  }

  /** Records the numbers that the raw ones stand for. */
  derive(record: Recorder): void {
    for (const raw of this.#raws) raw.derive(record);
  }

  /** Sets the constants of the next step. */
  set(step: OuterStep): void {
    for (const optimizer of this.#optimizers) optimizer.set(step);
  }

  /** Records a step against the gradient, clipped to `clip` unless that is 0. */
  step(record: Recorder, gradient: DistilledData, clip: number): void {
    this.#images.step(record, gradient.images.all, clip);
    this.#numbers?.step(record, gradient.labels.all, clip);
    for (const raw of this.#raws) raw.optimizer.step(record, raw.pull(record, gradient), clip);
  }

  /** Everything that continues the run, by name. */
  async save(): Promise<Record<string, FloatTensor>> {
    return await saveState(this.#state);
  }

  /** Puts back what `save` gave. @throws TypeError on a missing array or one of another size. */
  restore(tensors: Record<string, FloatTensor>): void {
    restoreState(this.#state, tensors);
  }

  get #raws(): Raw[] {
    return [this.#rates, this.#labels, this.#momentum].filter((raw) => raw !== undefined);
  }

  get #optimizers(): OuterOptimizer[] {
    const direct = this.#numbers ? [this.#images, this.#numbers] : [this.#images];
    return [...direct, ...this.#raws.map(({ optimizer }) => optimizer)];
  }

  get #state(): State {
    return this.#optimizers.flatMap(({ state }) => state);
  }

  /** Frees the data and the optimisers. */
  [Symbol.dispose](): void {
    this.#owned.dispose();
  }
}

function softmaxOf(
  { device, classes }: Space,
  { blocks, perBlock }: InnerSpec,
  data: DistilledData,
) {
  const { stride } = data.labels;
  return new Softmax(device, {
    classes,
    images: padded(perBlock),
    count: perBlock,
    blocks,
    stride,
  });
}

/**
 * One-hot labels [blocks · perBlock, K]: 0 … 0 1 … 1 … in every block, as in the original. Of a network with one
 * output, the second half of a block is 1.
 */
function labelsInOrder({ blocks, perBlock }: InnerSpec, K: number): Float32Array<ArrayBuffer> {
  const labels = new Float32Array(blocks * perBlock * K);
  for (let n = 0; n < blocks * perBlock; n++) {
    const label = Math.floor((n % perBlock) * Math.max(K, 2) / perBlock);
    if (K > 1) labels[n * K + label] = 1;
    else labels[n] = label;
  }
  return labels;
}
