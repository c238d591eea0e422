/**
 * StandardTraining: networks trained on real data, R side by side, by Adam on shuffled minibatches (Wang et al. 2018's
 * `--mode train`). Networks that train side by side share their minibatches, so that a batch is loaded once for all;
 * each such group has an order of its own.
 */
import { Batches } from "../sets/batches.ts";
import type { Dataset } from "../sets/dataset.ts";
import { type Recorder, type Tensor } from "../gpu/mod.ts";
import { pacing } from "../gpu/pacing.ts";
import { cropFlip } from "../meta/augment.ts";
import { Adam } from "../meta/outer_adam.ts";
import { partOf, RealBatch, residentIfBindable } from "../meta/real_batch.ts";
import type { Net } from "../nets/net.ts";
import type { Theta } from "../nets/theta.ts";
import type { Workspace } from "../nets/workspace.ts";
import { add, mean } from "../ops/vector.ts";
import { trainRate, type TrainSettings } from "../recipe/train_settings.ts";

/** Adam's decays, as the original's. */
const ADAM = { beta1: 0.5, beta2: 0.999, clip: 0 };

/** The tensors that groups of networks train in, one group after the other. */
export class StandardTraining implements Disposable {
  readonly #net: Net;
  readonly #settings: TrainSettings;
  readonly #real: RealBatch;
  readonly #batches: Batches;
  readonly #loss: Tensor;
  readonly #lossPart: Tensor;
  readonly #owned: DisposableStack;

  constructor(net: Net, dataset: Dataset, settings: TrainSettings) {
    const { device } = net;
    const { atOnce, batch, seed } = settings;
    using owned = new DisposableStack();
    this.#net = net;
    this.#settings = settings;
    const source = residentIfBindable(owned, net, dataset.train);
    const part = partOf(net, atOnce, batch, "grad");
    this.#real = owned.use(new RealBatch(net, source, batch, part, dataset));
    this.#batches = new Batches(dataset.train, batch, seed);
    this.#loss = owned.use(device.tensor([1], "loss"));
    this.#lossPart = owned.use(device.tensor([1], "loss part"));
    this.#owned = owned.move();
  }

  /**
   * Trains networks θ in place.
   *
   * @param first number of the first of them, by which groups have orders of their own.
   * @throws Error when the loss is not finite.
   */
  async train(theta: Theta, first: number, report?: (epochs: number, loss: number) => void) {
    const { epochs, batch, atOnce, augment, seed } = this.#settings;
    const { perEpoch } = this.#batches;
    const part = this.#real.parts[0]!.count;
    using owned = new DisposableStack();
    const adams = theta.parts.map((part) => owned.use(new Adam("theta", part)));
    using work = this.#net.workspace(theta.networks, part, { passes: "grad", total: batch });
    using gradient = this.#net.theta(theta.networks);
    using more = this.#net.theta(theta.networks);
    const record = this.#net.device.record();
    this.#real.record(record, augment === "crop-flip");
    this.#gradient(record, work, theta, gradient, more);
    adams.forEach((adam, i) => adam.step(record, gradient.parts[i]!, ADAM.clip));
    const pace = pacing(this.#net.device);
    const before = first / atOnce * epochs * perEpoch; // minibatches of earlier groups
    for (let k = 0; k < epochs * perEpoch; k++) {
      const epoch = Math.floor(k / perEpoch);
      const moves = augment === "crop-flip" ? cropFlip(batch, seed, before + k) : undefined;
      this.#real.choose(this.#batches.indices(before + k), moves);
      const constants = { ...ADAM, t: k + 1, rate: trainRate(this.#settings, epoch) };
      adams.forEach((adam) => adam.set(constants));
      record.submit();
      await pace();
      if ((k + 1) % perEpoch === 0) report?.(epoch + 1, await this.#readLoss(epoch + 1));
    }
  }

  /** Records the gradient of the mean loss on the batch, for each network, and that loss. */
  #gradient(record: Recorder, work: Workspace, theta: Theta, gradient: Theta, more: Theta) {
    const net = this.#net;
    this.#real.parts.forEach((batch, i) => {
      const thetaBar = i === 0 ? gradient : more;
      net.grad(record, work, { theta, ...batch, thetaBar });
      if (i > 0) more.parts.forEach((a, k) => add(record, { a, out: gradient.parts[k]! }));
      const { loss } = net.judge(record, work, batch);
      mean(record, { a: loss, out: i === 0 ? this.#loss : this.#lossPart }, 1 / work.span.networks);
      if (i > 0) add(record, { a: this.#lossPart, out: this.#loss });
    });
  }

  async #readLoss(epoch: number): Promise<number> {
    const loss = (await this.#loss.read())[0]!;
    if (Number.isFinite(loss)) return loss;
    throw new Error(
      `Cannot go on training at epoch ${epoch}: got a loss of ${loss}, expected a finite number; ` +
        `lower lr (now ${this.#settings.lr})`,
    );
  }

  [Symbol.dispose](): void {
    this.#owned.dispose();
  }
}
