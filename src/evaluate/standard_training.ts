/**
 * StandardTraining: networks trained on real data, R side by side, by Adam on shuffled minibatches (Wang et al. 2018's
 * `--mode train`). Networks that train side by side share their minibatches, so that a batch is loaded once for all;
 * each such group has an order of its own.
 */
import { Batches } from "../sets/batches.ts";
import type { Dataset } from "../sets/dataset.ts";
import type { FloatTensor } from "../base/safetensors.ts";
import type { Recorder, Tensor } from "../gpu/mod.ts";
import { cropFlip } from "../meta/augment.ts";
import { Adam } from "../meta/outer_adam.ts";
import type { State } from "../meta/outer_optimizer.ts";
import { partOf, RealBatch, residentIfBindable } from "../meta/real_batch.ts";
import { restoreState, saveState } from "../meta/saved.ts";
import type { Net } from "../nets/net.ts";
import type { Theta } from "../nets/theta.ts";
import type { Workspace } from "../nets/workspace.ts";
import { add, mean } from "../ops/vector.ts";
import { trainRate, type TrainSettings } from "../recipe/train_settings.ts";

/** Adam's decays, as the original's. */
const ADAM = { beta1: 0.5, beta2: 0.999, clip: 0 };

/** Everything that continues the training of a group, and how far it was. */
export interface GroupState {
  /** Minibatches done, those of all epochs. */
  readonly step: number;
  /** θ, Adam's moments and its constants, by name. */
  readonly tensors: Readonly<Record<string, FloatTensor>>;
}

/** Where the training of a group stands after a step. */
export interface GroupProgress {
  /** Minibatches done, those of all epochs. */
  readonly step: number;
  /** Mean loss over the group on the last minibatch. @throws Error when it is not finite. */
  loss(): Promise<number>;
  /** What continues the training from here. @throws Error when a number of it is not finite. */
  save(): Promise<GroupState>;
}

/** How a group trains. */
interface GroupOptions {
  /** Where it goes on; from its first step when left out. */
  readonly from?: GroupState | undefined;
  /** Awaited after every step; what it throws ends the training. */
  readonly onStep?: (progress: GroupProgress) => Promise<void>;
}

/** The tensors that groups of networks train in, one group after the other. */
export class StandardTraining implements Disposable {
  /** Minibatches of an epoch. */
  readonly perEpoch: number;
  /** Minibatches that a group trains on, those of all epochs. */
  readonly steps: number;
  readonly #net: Net;
  readonly #settings: TrainSettings;
  readonly #real: RealBatch;
  readonly #batches: Batches;
  readonly #loss: Tensor;
  readonly #lossPart: Tensor;
  readonly #owned: DisposableStack;

  constructor(net: Net, dataset: Dataset, settings: TrainSettings) {
    const { device } = net;
    const { atOnce, batch, epochs, seed } = settings;
    using owned = new DisposableStack();
    this.#net = net;
    this.#settings = settings;
    const source = residentIfBindable(owned, net, dataset.train);
    const part = partOf(net, atOnce, batch, "grad");
    this.#real = owned.use(new RealBatch(net, source, batch, part, dataset));
    this.#batches = new Batches(dataset.train, batch, seed);
    this.perEpoch = this.#batches.perEpoch;
    this.steps = epochs * this.perEpoch;
    this.#loss = owned.use(device.tensor([1], "loss"));
    this.#lossPart = owned.use(device.tensor([1], "loss part"));
    this.#owned = owned.move();
  }

  /** Bytes of GPU memory that a group of `atOnce` networks trains in. */
  static bytes(net: Net, dataset: Dataset, settings: TrainSettings): number {
    return net.device.count(() => {
      using owned = new DisposableStack();
      const training = owned.use(new StandardTraining(net, dataset, settings));
      const theta = owned.use(net.theta(settings.atOnce));
      owned.use(new Group(net, theta, training.#part, settings.batch));
      return owned.move();
    }).bytes;
  }

  /** Images that run at once. */
  get #part(): number {
    return this.#real.parts[0]!.count;
  }

  /**
   * Trains networks θ in place.
   *
   * @param first number of the first of them, by which groups have orders of their own.
   * @throws Error when the loss is not finite in the end.
   */
  async train(theta: Theta, first: number, { from, onStep }: GroupOptions = {}): Promise<void> {
    const { batch, atOnce, augment, seed } = this.#settings;
    const { perEpoch, steps } = this;
    using group = new Group(this.#net, theta, this.#part, batch);
    if (from) group.restore(from.tensors);
    const record = this.#net.device.record();
    this.#real.record(record, augment === "crop-flip");
    this.#gradient(record, theta, group);
    group.step(record);
    const before = first / atOnce * steps; // minibatches of earlier groups
    for (let k = from?.step ?? 0; k < steps; k++) {
      const epoch = Math.floor(k / perEpoch);
      const moves = augment === "crop-flip" ? cropFlip(batch, seed, before + k) : undefined;
      this.#real.choose(this.#batches.indices(before + k), moves);
      group.set(k + 1, trainRate(this.#settings, epoch));
      await record.run();
      await onStep?.({
        step: k + 1,
        loss: () => this.#readLoss(epoch + 1),
        save: async () => {
          const tensors = await group.save();
          this.#expectFinite(tensors, epoch + 1);
          return { step: k + 1, tensors };
        },
      });
    }
    await this.#readLoss(this.#settings.epochs);
  }

  /** Records the gradient of the mean loss on the batch, for each network, and that loss. */
  #gradient(record: Recorder, theta: Theta, { work, gradient, more }: Group): void {
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
    throw this.#diverged(`a loss of ${loss}`, epoch);
  }

  #expectFinite(tensors: GroupState["tensors"], epoch: number): void {
    for (const [name, { data }] of Object.entries(tensors)) {
      const bad = data.find((value) => !Number.isFinite(value));
      if (bad !== undefined) throw this.#diverged(`${bad} in ${name}`, epoch);
    }
  }

  #diverged(got: string, epoch: number): Error {
    return new Error(
      `Cannot go on training at epoch ${epoch}: got ${got}, expected finite numbers; lower lr ` +
        `(now ${this.#settings.lr})`,
    );
  }

  [Symbol.dispose](): void {
    this.#owned.dispose();
  }
}

/** What a group of networks trains in, beside its θ and the batch. */
class Group implements Disposable {
  readonly work: Workspace;
  /** ∇θ of a minibatch, and that of a part of it. */
  readonly gradient: Theta;
  readonly more: Theta;
  readonly #adams: readonly Adam[];
  readonly #owned: DisposableStack;

  /** Room for θ's networks, for `part` images of `batch` at once. */
  constructor(net: Net, theta: Theta, part: number, batch: number) {
    const { networks } = theta;
    using owned = new DisposableStack();
    this.#adams = theta.parts.map((part, i) => owned.use(new Adam(`theta/${i}`, part)));
    this.work = owned.use(net.workspace(networks, part, { passes: "grad", total: batch }));
    this.gradient = owned.use(net.theta(networks));
    this.more = owned.use(net.theta(networks));
    this.#owned = owned.move();
  }

  /** Sets the constants of the step to take next, from 1. */
  set(t: number, rate: number): void {
    this.#adams.forEach((adam) => adam.set({ ...ADAM, t, rate }));
  }

  /** Records a step of θ against the gradient. */
  step(record: Recorder): void {
    this.#adams.forEach((adam, i) => adam.step(record, this.gradient.parts[i]!, ADAM.clip));
  }

  /** θ and its moments, by name. */
  async save(): Promise<Record<string, FloatTensor>> {
    return await saveState(this.#state);
  }

  /** Puts back what `save` gave. @throws TypeError on a missing array or one of another size. */
  restore(tensors: GroupState["tensors"]): void {
    restoreState(this.#state, tensors);
  }

  get #state(): State {
    return this.#adams.flatMap(({ state }) => state);
  }

  [Symbol.dispose](): void {
    this.#owned.dispose();
  }
}
