/**
 * Matching: how far the gradient that a network has on the distilled images of a class points from the one that it
 * has on real images of it, summed over the classes (DC; Zhao, Mopuri & Bilen 2021). With siamese augmentation both
 * are varied alike (DSA; Zhao & Bilen 2021).
 *
 * An iteration is one image step. A network is matched `imageSteps` times; between two of them it takes
 * `networkSteps` on the distilled images as they then are. Classes are an axis like that of networks: they share θ,
 * which is copied for each, and differ in their data. For each class
 *
 *   a = ∇θ ℓ(x̃, ỹ, θ)   b = ∇θ ℓ(x, y, θ)   D = Σ rows of weights  1 − cos(a, b)   u = ∂D/∂a
 *
 * and ∂D/∂x̃ = ∂²ℓ/∂x̃∂θ · u, one pass of `Net.hvp`. Biases and the scales of norms do not count.
 *
 * Distribution matching (DM; Zhao & Bilen 2023) compares the means of the features h that the last layer takes. It is
 * a case of this: where the last layer is zero, its output and z̄ are the same for all images of a class, so the
 * gradient of its weights is z̄ ⊗ mean h and that of all others is zero. With D = Σ |a − b|² then
 *
 *   D = |z̄|² · |mean h(x̃) − mean h(x)|²
 */
import type { FloatTensor } from "../../base/safetensors.ts";
import { type Recorder, type Tensor, VIEW_FLOATS } from "../../gpu/mod.ts";
import { padded, type Parameter, sizeOf } from "../../layers/op.ts";
import type { Net } from "../../nets/net.ts";
import type { Theta } from "../../nets/theta.ts";
import type { Tangents, Workspace } from "../../nets/workspace.ts";
import { joinClasses, splitClasses } from "../../ops/classes.ts";
import { rowDistance } from "../../ops/row_distance.ts";
import { add, mean } from "../../ops/vector.ts";
import { BalancedBatches } from "../../sets/batches.ts";
import type { Split } from "../../sets/dataset.ts";
import { DistilledData } from "../distilled_data.ts";
import type { InitialNetworks } from "../initial_networks.ts";
import { type InnerSpec, stepImages } from "../inner_spec.ts";
import { InnerTraining } from "../inner_training.ts";
import { OPTIMIZERS } from "../optimizers/list.ts";
import { Point } from "../optimizers/optimizer.ts";
import { type Normalization, RealBatch, residentIfBindable } from "../real_batch.ts";
import { savedArray } from "../saved.ts";
import { Siamese } from "../siamese.ts";
import type { Draw, Objective } from "./objective.ts";

/** What gradient matching is made of. */
export interface MatchingOptions {
  /** One block of distilled images, and how a network trains on it: `total` steps between two image steps. */
  readonly spec: InnerSpec;
  /** Image steps for which a network stays. */
  readonly imageSteps: number;
  /** Where real batches come from. */
  readonly train: Split;
  /** Real images of an iteration, as many of each class. */
  readonly batch: number;
  /** Those of a class that run at once, a multiple of four. */
  readonly part: number;
  /** Pixel statistics of the data set, for images that are bytes. */
  readonly normalization: Normalization;
  /** What is compared: gradients, or the mean features that the last layer takes. */
  readonly match: "gradients" | "features";
  /** Whether real and distilled images are augmented, by one draw a step. */
  readonly isSiamese: boolean;
  /** What all draws depend on, an unsigned 32-bit integer. */
  readonly seed: number;
}

/** Images of every class, and one batch [classes, …] of them for each class. */
interface ClassBatch {
  /** Images of a class that `x` and `y` have room for. */
  readonly most: number;
  /** [classes, C·H·V, N]. */
  readonly x: Tensor;
  /** [classes, K, N]. */
  readonly y: Tensor;
  readonly work: Workspace;
}

/** A weight, the layer that it is of, and where the distances of its rows go [classes, rows]. */
interface Weight {
  readonly layer: number;
  readonly parameter: Parameter;
  readonly distance: Tensor;
}

/** The distance of gradients on distilled images from those on real ones. */
export class Matching implements Objective {
  /** Out: Σ D over the classes. */
  readonly loss: Tensor;
  /** Out: its gradient in the images. */
  readonly gradient: DistilledData;
  readonly #net: Net;
  readonly #initial: InitialNetworks;
  readonly #options: MatchingOptions;
  readonly #batches: BalancedBatches;
  readonly #real: RealBatch;
  readonly #siamese: Siamese | undefined;
  /** The network, where its steps lead to by turns, and what they take. */
  readonly #network: Point;
  readonly #other: Point;
  readonly #inner: InnerTraining;
  readonly #innerWork: Workspace;
  readonly #innerGradient: Theta;
  /** θ, a, b and u of each class. */
  readonly #theta: Theta;
  readonly #a: Theta;
  readonly #b: Theta;
  readonly #u: Theta;
  readonly #distilled: ClassBatch;
  readonly #ofReal: ClassBatch;
  readonly #tangents: Tangents;
  readonly #xBarDot: Tensor;
  /** ∂D/∂x̃ of all classes before it goes back through the augmentation. */
  readonly #joined: Tensor;
  /** Of the rows of all weights. */
  readonly #distances: Tensor;
  readonly #weights: readonly Weight[];
  readonly #owned: DisposableStack;

  /**
   * Allocates all that iterations take.
   *
   * @param net which has an output for each class.
   * @param initial the networks that start; it is disposed of with the objective.
   */
  constructor(net: Net, initial: InitialNetworks, options: MatchingOptions) {
    const { spec, train, batch, part, normalization, isSiamese, seed } = options;
    const { device, input, classes } = net;
    const [size, each] = [sizeOf(input), spec.perBlock / classes];
    using owned = new DisposableStack();
    const own = (label: string, ...shape: number[]) => owned.use(device.tensor(shape, label));
    const theta = () => owned.use(net.theta(classes, "tangents"));
    const classBatch = (label: string, images: number, total: number): ClassBatch => ({
      most: images,
      x: own(label, classes, size, padded(images)),
      y: own(label, classes, classes, padded(images)),
      work: owned.use(net.workspace(classes, images, { passes: "grad", total, label })),
    });
    this.#net = net;
    this.#initial = owned.use(initial);
    this.#options = options;
    this.#batches = new BalancedBatches(train, classes, batch, seed);
    const source = residentIfBindable(owned, net, train);
    this.#real = owned.use(new RealBatch(net, source, batch, classes * part, normalization));
    const images = Math.max(padded(spec.perBlock), padded(classes * part));
    this.#siamese = isSiamese
      ? owned.use(new Siamese(net, { images, draws: spec.total + 1, seed }))
      : undefined;
    const { slots } = OPTIMIZERS[spec.optimizer];
    const point = () => owned.use(new Point(net, 1, slots, "network"));
    [this.#network, this.#other] = [point(), point()];
    this.#inner = owned.use(new InnerTraining(net, spec));
    this.#innerWork = owned.use(net.workspace(1, stepImages(spec), { passes: "grad" }));
    this.#innerGradient = owned.use(net.theta(1, "network"));
    [this.#theta, this.#a, this.#b, this.#u] = [theta(), theta(), theta(), theta()];
    this.#distilled = classBatch("activations", each, each);
    this.#ofReal = classBatch("real batch", part, batch / classes);
    this.#tangents = owned.use(net.tangents(classes, each));
    this.#xBarDot = own("tangents", classes, size, padded(each));
    this.#joined = own("tangents", size, padded(spec.perBlock));
    const weights = weightsOf(net);
    const places = weights.map(({ parameter: { shape } }) => {
      return Math.ceil(classes * shape[0]! / VIEW_FLOATS) * VIEW_FLOATS;
    });
    const distances = own("tangents", places.reduce((a, b) => a + b, 0));
    let next = 0;
    this.#weights = weights.map(({ layer, parameter }, i) => {
      const distance = distances.view(next, [classes, parameter.shape[0]!]);
      next += places[i]!;
      return { layer, parameter, distance };
    });
    this.#distances = distances;
    this.gradient = owned.use(new DistilledData(net, spec));
    this.loss = own("tangents", 1);
    this.#owned = owned.move();
  }

  /** Draws the real batch, the augmentations and, where one is due, the network of iteration k. */
  draw(k: number): Draw {
    const { imageSteps, seed } = this.#options;
    this.#real.choose(this.#inParts(this.#batches.indices(k)));
    this.#siamese?.draw(k);
    const isFresh = k % imageSteps === 0;
    if (isFresh) this.#initial.draw(k / imageSteps, this.#network.theta);
    else this.#inner.draw(seed, k);
    return {
      key: isFresh ? "fresh" : "trained",
      record: (record, data) => this.#record(record, data, isFresh),
    };
  }

  /** Indices [classes, each] in the order of the parts, each of which has as many of every class. */
  #inParts(indices: Uint32Array): Uint32Array {
    const { batch, part } = this.#options;
    const { classes } = this.#net;
    const each = batch / classes;
    const ordered: number[] = [];
    for (let first = 0; first < each; first += part) {
      const end = Math.min(first + part, each);
      for (let k = 0; k < classes; k++) {
        ordered.push(...indices.subarray(k * each + first, k * each + end));
      }
    }
    return Uint32Array.from(ordered);
  }

  #record(record: Recorder, data: DistilledData, isFresh: boolean): void {
    if (isFresh) {
      this.#initial.record(record, this.#network.theta);
      this.#network.clearState(record);
    } else {
      this.#train(record, data);
    }
    const isOfFeatures = this.#options.match === "features";
    if (isOfFeatures) record.clear(this.#network.theta.layers.findLast((layer) => layer)!);
    this.#theta.spread(record, this.#network.theta);
    this.#differentiateReal(record);
    this.#differentiateDistilled(record, data);
    for (const { layer, parameter, distance } of this.#weights) {
      const [a, b, u] = [this.#a, this.#b, this.#u].map(({ layers }) => layers[layer]!);
      const kind = isOfFeatures ? "squared" : "cosine";
      rowDistance(record, { a: a!, b: b!, u: u!, distance }, parameter, kind);
    }
    mean(record, { a: this.#distances, out: this.loss }, 1);
    this.#back(record);
  }

  /** Records the steps of the network between two image steps. */
  #train(record: Recorder, data: DistilledData): void {
    const { spec } = this.#options;
    const [work, gradient] = [this.#innerWork, this.#innerGradient];
    let [from, to] = [this.#network, this.#other];
    for (let t = 0; t < spec.total; t++) {
      const { x, y } = this.#inner.batch(record, data, t);
      const seen = this.#siamese?.forward(record, t + 1, x, stepImages(spec)) ?? x;
      this.#net.grad(record, work, { theta: from.theta, x: seen, y, thetaBar: gradient });
      this.#inner.optimizer.step(record, { from, to, gradient, ...this.#inner.hyper(data, t) });
      [from, to] = [to, from];
    }
    if (from !== this.#network) this.#network.copy(record, from);
  }

  /** Records b, a part of the real batch after the other. */
  #differentiateReal(record: Recorder): void {
    const { work } = this.#ofReal;
    const theta = this.#theta;
    this.#real.record(record);
    this.#real.parts.forEach(({ x, y, count }, i) => {
      const seen = this.#siamese?.forward(record, 0, x, count) ?? x;
      const each = count / this.#net.classes;
      const batch = this.#split(record, this.#ofReal, seen, y, each);
      const thetaBar = i === 0 ? this.#b : this.#a; // a comes later
      this.#net.grad(record, work, { theta, ...batch, count: each, thetaBar });
      if (i > 0) thetaBar.parts.forEach((a, k) => add(record, { a, out: this.#b.parts[k]! }));
    });
  }

  /** Records a, and leaves the activations for the pass along u. */
  #differentiateDistilled(record: Recorder, { images, labels }: DistilledData): void {
    const { perBlock } = this.#options.spec;
    const x = images.each[0]!;
    const seen = this.#siamese?.forward(record, 0, x, perBlock) ?? x;
    const { most, work } = this.#distilled;
    const batch = this.#split(record, this.#distilled, seen, labels.each[0]!, most);
    this.#net.grad(record, work, { theta: this.#theta, ...batch, thetaBar: this.#a });
  }

  /** Records ∂D/∂x̃ from u. */
  #back(record: Recorder): void {
    const { x, y, work } = this.#distilled;
    this.#net.hvp(record, work, this.#tangents, {
      theta: this.#theta,
      thetaDot: this.#u,
      thetaBarDot: this.#b, // which is no longer wanted
      xBarDot: this.#xBarDot,
      x,
      y,
    });
    const xBar = this.gradient.images.each[0]!;
    const out = this.#siamese ? this.#joined : xBar;
    joinClasses(record, { a: this.#xBarDot, out }, this.#sizes(this.#distilled.most));
    this.#siamese?.transpose(record, 0, { from: out, to: xBar }, this.#options.spec.perBlock);
  }

  /** Records the images and labels of each class, `each` of them, from those of all classes. */
  #split(record: Recorder, to: ClassBatch, x: Tensor, y: Tensor, each: number) {
    const sizes = { ...this.#sizes(each), padded: padded(to.most) };
    splitClasses(record, { a: x, out: to.x }, sizes);
    splitClasses(record, { a: y, out: to.y }, { ...sizes, rows: this.#net.classes });
    return { x: to.x, y: to.y };
  }

  #sizes(each: number) {
    const { classes, input } = this.#net;
    return { classes, rows: sizeOf(input), each, padded: padded(each) };
  }

  /** The network, and what its optimiser keeps. */
  async save(): Promise<Record<string, FloatTensor>> {
    const tensors: Record<string, FloatTensor> = {};
    for (const [i, theta] of this.#network.all.entries()) {
      const data = await theta.read();
      tensors[`network/${i}`] = { shape: [data.length], data };
    }
    return tensors;
  }

  /** Puts back what `save` gave. @throws TypeError on a missing array or one of another size. */
  restore(tensors: Readonly<Record<string, FloatTensor>>): void {
    this.#network.all.forEach((theta, i) =>
      theta.write(savedArray(tensors, `network/${i}`, theta.stride))
    );
  }

  /** Frees everything, results included. */
  [Symbol.dispose](): void {
    this.#owned.dispose();
  }
}

/** The parameters whose gradients are compared, in order of the layers. */
function weightsOf({ ops }: Net): { layer: number; parameter: Parameter }[] {
  return ops.flatMap(({ parameters }, layer) =>
    parameters.filter(({ initial }) => initial === "weight")
      .map((parameter) => ({ layer, parameter }))
  );
}
