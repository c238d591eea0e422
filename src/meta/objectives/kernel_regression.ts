/**
 * KernelRegression: the error of kernel ridge regression from the distilled images to real ones, of the neural tangent
 * kernel of an infinitely wide network (KIP; Nguyen, Chen & Lee 2021). No network is trained.
 *
 * The GPU computes the kernels and what comes back through them; in between the processor solves for the predictions
 * and the gradient in the kernels, in float64 (sets/kernel_ridge.ts).
 */
import type { FloatTensor } from "../../base/safetensors.ts";
import type { Recorder, Tensor } from "../../gpu/mod.ts";
import { padded } from "../../layers/op.ts";
import { Ntk, type NtkSpec } from "../../ntk/ntk.ts";
import { BalancedBatches } from "../../sets/batches.ts";
import type { Split } from "../../sets/dataset.ts";
import { regressionGradient } from "../../sets/kernel_ridge.ts";
import { DistilledData, type Space } from "../distilled_data.ts";
import type { InnerSpec } from "../inner_spec.ts";
import { type Normalization, RealBatch, residentIfBindable } from "../real_batch.ts";
import type { Draw, Objective } from "./objective.ts";

/** What a kernel regression is made of. */
export interface KernelRegressionOptions {
  /** The sizes of the distilled data, one block. */
  readonly spec: InnerSpec;
  /** The network that the kernel is of. */
  readonly kernel: NtkSpec;
  /** λ in mean eigenvalues of K_ss. */
  readonly reg: number;
  /** Where targets come from. */
  readonly train: Split;
  /** m, targets of an iteration, as many of each class. */
  readonly batch: number;
  /** Targets that run at once, a multiple of four. */
  readonly part: number;
  /** Pixel statistics of the data set, for images that are bytes. */
  readonly normalization: Normalization;
  /** What draws depend on, an unsigned 32-bit integer. */
  readonly seed: number;
}

/** Most targets that run at once, for which the sums over them are two passes. */
export const MOST_AT_ONCE = 4096;

/** The error of predicting real labels from distilled ones. */
export class KernelRegression implements Objective {
  /** Out: L, one number. */
  readonly loss: Tensor;
  /** Out: its gradient in images and labels. */
  readonly gradient: DistilledData;
  readonly #space: Space;
  readonly #options: KernelRegressionOptions;
  readonly #batches: BalancedBatches;
  readonly #real: RealBatch;
  readonly #ts: Ntk;
  readonly #ss: Ntk;
  /** K_ts of each part, and what comes back to it; the same of K_ss. */
  readonly #kts: readonly Tensor[];
  readonly #ktsBar: readonly Tensor[];
  readonly #kssBar: Tensor;
  readonly #owned: DisposableStack;
  #targets: Uint32Array = new Uint32Array();

  /** Allocates all that iterations take. */
  constructor(space: Space, options: KernelRegressionOptions) {
    const { spec, kernel, train, batch, part, normalization, seed } = options;
    const { device, input, classes } = space;
    const images = padded(spec.perBlock);
    using owned = new DisposableStack();
    const own = (...shape: number[]) => owned.use(device.tensor(shape, "kernel"));
    const source = residentIfBindable(owned, space, train);
    this.#space = space;
    this.#options = options;
    this.#batches = new BalancedBatches(train, classes, batch, seed);
    this.#real = owned.use(new RealBatch(space, source, batch, part, normalization));
    this.#ts = owned.use(new Ntk(device, kernel, input, part, images));
    this.#ss = owned.use(new Ntk(device, kernel, input, images, images));
    this.#kts = this.#real.parts.map(() => own(part, images));
    this.#ktsBar = this.#real.parts.map(() => own(part, images));
    this.#kssBar = own(images, images);
    this.gradient = owned.use(new DistilledData(space, spec));
    this.loss = own(1);
    this.#owned = owned.move();
  }

  /** Draws the targets of iteration k. */
  draw(k: number): Draw {
    this.#targets = this.#batches.indices(k);
    this.#real.choose(this.#targets);
    return {
      key: "",
      record: (record, data) => this.#record(record, data),
      between: (data) => this.#solve(data),
      recordRest: (record, data) => this.#recordBack(record, data),
    };
  }

  #record(record: Recorder, { images }: DistilledData): void {
    const x = images.each[0]!;
    this.#real.record(record);
    this.#real.parts.forEach(({ x: left }, i) => {
      this.#ts.forward(record, { left, x });
      record.copy(this.#ts.kernel, this.#kts[i]!);
    });
    this.#ss.forward(record, { left: x, x });
  }

  async #solve({ labels }: DistilledData): Promise<void> {
    const { spec: { perBlock: n }, batch: m, part, reg } = this.#options;
    const { classes } = this.#space;
    const pitch = padded(n);
    const kts = new Float32Array(m * pitch);
    for (const [i, tensor] of this.#kts.entries()) {
      const here = Math.min(part, m - i * part);
      kts.set((await tensor.read()).subarray(0, here * pitch), i * part * pitch);
    }
    const { loss, ktsBar, kssBar, labelsBar } = regressionGradient({
      kts: { data: kts, rows: m, columns: n, pitch },
      kss: { data: await this.#ss.kernel.read(), rows: n, columns: n, pitch },
      labels: { data: await labels.read(), rows: n, columns: classes },
      targets: { data: this.#targetLabels(), rows: m, columns: classes },
      reg,
    });
    this.loss.write(Float32Array.of(loss));
    this.gradient.labels.write(Float32Array.from(labelsBar.to1DArray()));
    this.#ktsBar.forEach((tensor, i) => {
      const words = new Float32Array(part * pitch);
      for (let row = 0; row < Math.min(part, m - i * part); row++) {
        words.set(ktsBar.getRow(i * part + row), row * pitch);
      }
      tensor.write(words);
    });
    // K_ss depends on each image from both sides: k(x, x′) moves with x as k(x′, x) does.
    const words = new Float32Array(pitch * pitch);
    for (let row = 0; row < n; row++) {
      words.set(kssBar.getRow(row).map((value) => 2 * value), row * pitch);
    }
    this.#kssBar.write(words);
  }

  /** Centred one-hot labels of the targets, [m, K]. */
  #targetLabels(): Float32Array {
    const { train: { labels } } = this.#options;
    return centredLabels(Array.from(this.#targets, (index) => labels[index]!), this.#space.classes);
  }

  #recordBack(record: Recorder, { images }: DistilledData): void {
    const x = images.each[0]!;
    const xBar = this.gradient.images.each[0]!;
    const { parts } = this.#real;
    record.clear(this.gradient.images.all);
    parts.forEach(({ x: left }, i) => {
      if (parts.length > 1) this.#ts.forward(record, { left, x });
      this.#ts.backward(record, { left, x }, this.#ktsBar[i]!, xBar);
    });
    this.#ss.backward(record, { left: x, x }, this.#kssBar, xBar);
  }

  /** Nothing continues from iteration to iteration. */
  save(): Promise<Record<string, FloatTensor>> {
    return Promise.resolve({});
  }

  /** Puts nothing back. */
  restore(): void {}

  /** Frees everything, results included. */
  [Symbol.dispose](): void {
    this.#owned.dispose();
  }
}

/** One-hot labels minus 1/K, [N, K]: without a bias a regression predicts around 0 (ibid., appendix A). */
export function centredLabels(classes: readonly number[], K: number): Float32Array<ArrayBuffer> {
  const labels = new Float32Array(classes.length * K).fill(-1 / K);
  classes.forEach((k, n) => labels[n * K + k]! += 1);
  return labels;
}
