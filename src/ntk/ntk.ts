/**
 * Ntk: the neural tangent kernel of an infinitely wide network, and its gradient (Jacot et al. 2018; Lee et al. 2019).
 *
 * Θ(a, x) of `depth` layers of ReLUs follows from covariances of the two images by a recursion over layers,
 *
 *   Σ₁ = σ_b² + σ_w² M₁(a·x / C)     Θ₁ = Σ₁
 *   Σ_{l+1} = σ_b² + σ_w² M(s)       Θ_{l+1} = Σ_{l+1} + σ_w² M(t),   (s, t) = ReLU(Σ_l, Θ_l)     (ntk_relu.wgsl)
 *
 * Of a fully connected network (`fc`) an image is one pixel of C numbers and M does nothing. Of a convolutional one
 * without pooling (`conv`) covariances are kept for every pixel, M is the mean over the 3 × 3 pixels around it and,
 * in the last layer, which is fully connected, over all pixels. The kernel is Θ_{depth+1}.
 */
import type { Device, Recorder, Tensor } from "../gpu/mod.ts";
import type { Planes } from "../layers/op.ts";
import {
  type Extents,
  type Mean,
  mean,
  products,
  productsBack,
  relu,
  reluBack,
  ROWS,
  squares,
  sumRows,
} from "./passes.ts";

/** Kinds of networks that there are kernels of. */
export const KERNEL_NAMES = ["fc", "conv"] as const;

/** One of them. */
export type KernelName = typeof KERNEL_NAMES[number];

/** The network that a kernel is of. */
export interface NtkSpec {
  /** Fully connected, or convolutional without pooling. */
  readonly kernel: KernelName;
  /** Layers of ReLUs, at least one. */
  readonly depth: number;
  /** σ_w², variance of the weights times their number. */
  readonly sigmaW2: number;
  /** σ_b², variance of the biases. */
  readonly sigmaB2: number;
}

/** What a kernel is taken of. */
export interface Pair {
  /** Images on the left [C, H, V, A], which stand still. */
  readonly left: Tensor;
  /** Images x [C, H, V, N]. */
  readonly x: Tensor;
}

/** Covariances and variances at the entrance of a layer of ReLUs. */
interface Level {
  readonly sigma: Tensor;
  readonly theta: Tensor;
  readonly u: Tensor;
  readonly v: Tensor;
}

/** Tensors for the kernel of A images with N others, and for the way back to these. */
export class Ntk implements Disposable {
  /** Out: K [A, N]. */
  readonly kernel: Tensor;
  readonly #spec: NtkSpec;
  readonly #extents: Extents;
  readonly #levels: readonly Level[];
  /** Σ at the end, which K is a part of. */
  readonly #lastSigma: Tensor;
  /** Scratch of the size of all covariances, in pairs. */
  readonly #scratch: readonly [Tensor, Tensor, Tensor, Tensor];
  readonly #vTerm: Tensor;
  readonly #sums: readonly [Tensor, Tensor];
  readonly #vBar: readonly [Tensor, Tensor];
  readonly #owned: DisposableStack;

  /**
   * Allocates.
   *
   * @param input extents of an image.
   * @param left A, a multiple of four.
   * @param images N, a multiple of four.
   */
  constructor(device: Device, spec: NtkSpec, input: Planes, left: number, images: number) {
    const isFlat = spec.kernel === "fc";
    const { channels, height, width } = input;
    const planes = isFlat ? { channels: channels * height * width, height: 1, width: 1 } : input;
    const P = planes.height * planes.width;
    using owned = new DisposableStack();
    const own = (...shape: number[]) => owned.use(device.tensor(shape, "kernel"));
    const all = () => own(left, P, images);
    this.#spec = spec;
    this.#extents = { planes, left, images };
    this.#levels = Array.from({ length: spec.depth }, (_, l) => {
      const sigma = all();
      return { sigma, theta: l === 0 ? sigma : all(), u: own(P, left), v: own(P, images) };
    });
    this.#lastSigma = own(left, images);
    this.kernel = own(left, images);
    this.#scratch = [all(), all(), all(), all()];
    this.#vTerm = all();
    const chunks = Math.ceil(left / ROWS);
    this.#sums = [own(chunks, P, images), own(Math.ceil(chunks / ROWS), P, images)];
    this.#vBar = [own(P, images), own(P, images)];
    this.#owned = owned.move();
  }

  /** Records K of two batches of images. */
  forward(record: Recorder, { left, x }: Pair): void {
    const extents = this.#extents;
    const [s, t] = this.#scratch;
    const [first] = this.#levels as [Level];
    products(record, { left, x, out: s }, extents);
    this.#mean(record, 0, s, first.sigma);
    const [ofLeft, ofX] = this.#sidesOf(left, x);
    squares(record, { x: left, out: s }, ofLeft.extents);
    this.#variance(record, 0, s, first.u, ofLeft.count);
    squares(record, { x, out: t }, ofX.extents);
    this.#variance(record, 0, t, first.v, ofX.count);
    this.#levels.forEach((level, i) => {
      relu(record, { ...level, s, t }, extents);
      const next = this.#levels[i + 1];
      const [sigma, theta] = next ? [next.sigma, next.theta] : [this.#lastSigma, this.kernel];
      this.#mean(record, i + 1, s, sigma);
      this.#mean(record, i + 1, t, theta, sigma);
      if (!next) return;
      this.#variance(record, i + 1, level.u, next.u, ofLeft.count);
      this.#variance(record, i + 1, level.v, next.v, ofX.count);
    });
  }

  /** Records xBar [C, H, V, N] += what comes back from `kernelBar` [A, N], after `forward` of the same images. */
  backward(record: Recorder, { left, x }: Pair, kernelBar: Tensor, xBar: Tensor): void {
    const extents = this.#extents;
    const { left: A, images, planes } = extents;
    const length = planes.height * planes.width * images;
    // What comes back to Σ and Θ of one level, and to s and t before it, take turns in the scratch.
    let [sBar, tBar, sigmaBar, thetaBar] = this.#scratch;
    let [vBar, vBarNext] = this.#vBar;
    for (let i = this.#levels.length - 1; i >= 0; i--) {
      const isLast = i === this.#levels.length - 1;
      this.#back(record, i + 1, isLast ? kernelBar : thetaBar, tBar);
      if (isLast) record.copy(tBar, sBar); // the kernel has Σ as a part of Θ alone
      else this.#back(record, i + 1, sigmaBar, sBar, tBar);
      reluBack(record, { ...this.#levels[i]!, sBar, tBar, vTerm: this.#vTerm }, extents);
      sumRows(record, { a: this.#vTerm, out: this.#sums[0] }, A, length);
      sumRows(record, { a: this.#sums[0], out: this.#sums[1] }, Math.ceil(A / ROWS), length);
      const scale = this.#spec.sigmaW2 / 2;
      if (isLast) record.copy(this.#sums[1], vBar);
      else this.#back(record, i + 1, vBarNext, vBar, this.#sums[1], scale);
      [vBar, vBarNext] = [vBarNext, vBar];
      [sBar, tBar, sigmaBar, thetaBar] = [sigmaBar, thetaBar, sBar, tBar];
    }
    // Θ₁ = Σ₁: what comes back to both goes on to the products.
    this.#back(record, 0, thetaBar, tBar);
    this.#back(record, 0, sigmaBar, sBar, tBar);
    this.#back(record, 0, vBarNext, vBar);
    productsBack(record, { left, x, outBar: sBar, squaresBar: vBar, xBar }, extents);
  }

  /** How layer number i of weights takes its mean; the last, which is fully connected, over all pixels. */
  #howOf(i: number): Mean {
    return this.#spec.kernel === "fc" || i === this.#spec.depth ? "all" : "window";
  }

  #sidesOf(left: Tensor, x: Tensor) {
    const { planes } = this.#extents;
    const size = planes.channels * planes.height * planes.width;
    return [left, x].map((tensor) => {
      const images = tensor.size / size;
      return { count: images, extents: { planes, left: images, images } };
    }) as [{ count: number; extents: Extents }, { count: number; extents: Extents }];
  }

  /** out = M(a), with the bias, or added to `add`, which has it. */
  #mean(record: Recorder, i: number, a: Tensor, out: Tensor, add: Tensor | null = null): void {
    const { sigmaW2: scale, sigmaB2 } = this.#spec;
    const { planes, images } = this.#extents;
    const bias = add ? 0 : sigmaB2;
    mean(record, this.#howOf(i), { a, out, add }, planes, { images, scale, bias });
  }

  /** The variance of `count` images after layer i of weights; a layer of ReLUs before it halves it. */
  #variance(record: Recorder, i: number, a: Tensor, out: Tensor, images: number): void {
    const { sigmaW2, sigmaB2: bias } = this.#spec;
    const scale = i === 0 ? sigmaW2 : sigmaW2 / 2;
    mean(record, this.#howOf(i), { a, out }, this.#extents.planes, { images, scale, bias });
  }

  /** out = what comes back through layer i of weights, + add. */
  #back(
    record: Recorder,
    i: number,
    a: Tensor,
    out: Tensor,
    add: Tensor | null = null,
    scale = this.#spec.sigmaW2,
  ): void {
    const how = this.#howOf(i) === "all" ? "spread" : "window";
    const { planes, images } = this.#extents;
    mean(record, how, { a, out, add }, planes, { images, scale });
  }

  /** Frees everything. */
  [Symbol.dispose](): void {
    this.#owned.dispose();
  }
}
