/**
 * InnerTraining: how R networks train on distilled data: on which images step t is, at which rate, and what it does
 * to θ. Unrolled training and evaluation both take their steps here.
 *
 * Step t takes block t mod `blocks`. With `innerBatch` there is one block of all images instead, of which step t
 * takes a random part.
 */
import { permutation } from "../sets/batches.ts";
import { type Recorder, type Tensor, VIEW_FLOATS } from "../gpu/mod.ts";
import { padded, sizeOf } from "../layers/op.ts";
import type { Net } from "../nets/net.ts";
import type { Theta } from "../nets/theta.ts";
import type { Workspace } from "../nets/workspace.ts";
import { gather, scatter } from "../ops/minibatch.ts";
import { add } from "../ops/vector.ts";
import type { DistilledData, NetworkGradients } from "./distilled_data.ts";
import type { InnerSpec } from "./inner_spec.ts";
import { OPTIMIZERS } from "./optimizers/list.ts";
import type { Hyper, Optimizer, Point } from "./optimizers/optimizer.ts";

/** Steps of R networks on distilled data. */
export class InnerTraining implements Disposable {
  /** What takes the steps. */
  readonly optimizer: Optimizer;
  readonly #net: Net;
  readonly #spec: InnerSpec;
  /** Adam's corrections for each step. */
  readonly #corrections: readonly Tensor[];
  /** Which images steps draw, for all steps in one buffer, where they are drawn. */
  readonly #order: Tensor | undefined;
  /** The same, a view for each step. */
  readonly #indices: readonly Tensor[];
  /** The images that a step has drawn, and their labels. */
  readonly #drawn: { readonly x: Tensor; readonly y: Tensor } | undefined;
  readonly #owned: DisposableStack;

  /** Prepares the steps of R = `spec.networks` networks of `net`. */
  constructor(net: Net, spec: InnerSpec) {
    const { device, input, classes } = net;
    const { optimizer, networks, total, innerBatch, beta1, beta2 } = spec;
    using owned = new DisposableStack();
    const own = (words: number) => owned.use(device.tensor([words], "distilled data"));
    const views = (whole: Tensor, stride: number, length: number) =>
      Array.from({ length: total }, (_, t) => whole.view(t * stride, [length]));
    this.#net = net;
    this.#spec = spec;
    this.optimizer = owned.use(OPTIMIZERS[optimizer].make(net, networks, spec));
    const corrections = new Float32Array(total * VIEW_FLOATS);
    for (let t = 0; t < total; t++) {
      corrections.set(
        [beta1, beta2].map(Math.fround).map((beta) => 1 / (1 - beta ** (t + 1))),
        t * VIEW_FLOATS,
      );
    }
    this.#corrections = views(own(corrections.length).write(corrections), VIEW_FLOATS, 2);
    const stride = Math.ceil(innerBatch / VIEW_FLOATS) * VIEW_FLOATS;
    this.#order = innerBatch ? own(total * stride) : undefined;
    this.#indices = this.#order ? views(this.#order, stride, innerBatch) : [];
    this.#drawn = innerBatch
      ? { x: own(sizeOf(input) * padded(innerBatch)), y: own(classes * padded(innerBatch)) }
      : undefined;
    this.#owned = owned.move();
  }

  /**
   * Draws the images of every step, where they are drawn; no two of a step are the same.
   *
   * @param number of the training, from 0; those of tests are others than those of iterations.
   * @returns the images of each step.
   */
  draw(seed: number, number: number, isTest = false): Uint32Array[] {
    const { innerBatch, total, perBlock } = this.#spec;
    if (!this.#order) return [];
    const words = new Uint32Array(this.#order.size);
    const first = isTest ? FIRST_TEST_DRAW : FIRST_DRAW;
    const drawn = Array.from({ length: total }, (_, t) => {
      const order = permutation(perBlock, seed, first + (number * total + t) % MOST_DRAWS);
      return order.subarray(0, innerBatch);
    });
    drawn.forEach((indices, t) => words.set(indices, t * words.length / total));
    this.#order.write(words);
    return drawn;
  }

  /** The images and labels of step t; records what brings them together, where they are drawn. */
  batch(record: Recorder, { images, labels }: DistilledData, t: number): { x: Tensor; y: Tensor } {
    const i = t % this.#spec.blocks;
    const [x, y] = [images.each[i]!, labels.each[i]!];
    if (!this.#drawn) return { x, y };
    const indices = this.#indices[t]!;
    gather(record, { a: x, indices, out: this.#drawn.x }, this.#sizes);
    gather(record, { a: y, indices, out: this.#drawn.y }, this.#sizes);
    return this.#drawn;
  }

  /** Records the gradients in the images and labels of step t into those of the blocks that they are of. */
  batchBar(
    record: Recorder,
    t: number,
    { xBar, yBar }: { xBar: Tensor; yBar: Tensor },
    { images, labels }: NetworkGradients,
  ): void {
    const i = t % this.#spec.blocks;
    const indices = this.#indices[t];
    const into = (a: Tensor, out: Tensor) =>
      indices ? scatter(record, { a, indices, out }, this.#sizes) : add(record, { a, out });
    into(xBar, images.each[i]!);
    if (this.#spec.labels) into(yBar, labels.each[i]!);
  }

  get #sizes() {
    const { innerBatch: live, perBlock } = this.#spec;
    return { live, images: padded(live), all: padded(perBlock) };
  }

  /** The numbers of step t. */
  hyper({ lrs, momentum }: DistilledData, t: number): Hyper {
    const eta = lrs.each[this.rateOf(t)]!;
    return { eta, mu: momentum.each[0]!, corrections: this.#corrections[t]! };
  }

  /** Which rate step t takes. */
  rateOf(t: number): number {
    return this.#spec.rates === "per_step" ? t : 0;
  }

  /** Records step t, whose activations stay in `work`; `gradient` is scratch. */
  step(
    record: Recorder,
    data: DistilledData,
    t: number,
    { from, to, work, gradient }: { from: Point; to: Point; work: Workspace; gradient: Theta },
  ): void {
    const { x, y } = this.batch(record, data, t);
    this.#net.grad(record, work, { theta: from.theta, x, y, thetaBar: gradient });
    this.optimizer.step(record, { from, to, gradient, ...this.hyper(data, t) });
  }

  /** Records steps `first` up to `end` of the networks at `point`, by way of another. */
  run(
    record: Recorder,
    data: DistilledData,
    { point, other, work, gradient }: {
      point: Point;
      other: Point;
      work: Workspace;
      gradient: Theta;
    },
    [first, end]: readonly [number, number],
  ): void {
    let [from, to] = [point, other];
    for (let t = first; t < end; t++) {
      this.step(record, data, t, { from, to, work, gradient });
      [from, to] = [to, from];
    }
    if (from !== point) point.copy(record, from);
  }

  /** Frees the optimiser's room and the minibatches. */
  [Symbol.dispose](): void {
    this.#owned.dispose();
  }
}

/** Draws of minibatches are numbered from here, so that they are others than the orders of epochs. */
const FIRST_DRAW = 0xa0000000;
const FIRST_TEST_DRAW = 0xc0000000;
const MOST_DRAWS = 0x20000000;
