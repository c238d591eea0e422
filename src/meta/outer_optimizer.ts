/** OuterOptimizer: what moves an array that is learned, or the networks of standard training, against its gradient. */
import type { Recorder, Tensor } from "../gpu/mod.ts";
import { clip } from "../ops/vector.ts";

/** The name of an outer optimiser: Adam, or gradient descent with momentum. */
export type OuterOptimizerName = "adam" | "sgd";

/** Names of the outer optimisers. */
export const OUTER_OPTIMIZER_NAMES: readonly OuterOptimizerName[] = ["adam", "sgd"];

/** What an array and its optimiser need to go on later, by name. */
export type State = readonly (readonly [name: string, tensor: Tensor])[];

/** The settings of one step. */
export interface OuterStep {
  /** Number of the step, from 1. */
  readonly t: number;
  /** The learning rate. */
  readonly rate: number;
  /** Decay of the first moment, or of the velocity. */
  readonly beta1: number;
  /** Decay of the second moment, of Adam. */
  readonly beta2: number;
}

/** What the step of an optimiser reads besides what it keeps itself. */
export interface OuterTensors {
  /** The gradient. */
  readonly a: Tensor;
  /** The array, which it moves. */
  readonly out: Tensor;
  /** Constants of the step, 6 floats. */
  readonly hyper: Tensor;
  /** What the gradient is multiplied by, in its first word. */
  readonly factor: Tensor;
}

/** An array on the GPU and what steps it, against gradients that are clipped where asked for. */
export abstract class OuterOptimizer implements Disposable {
  /** The array, what is kept from step to step, and the running mean of its gradient's length. */
  readonly state: State;
  /** What an optimiser keeps, arrays of the same shape, in the order of their names. */
  protected readonly kept: readonly Tensor[];
  readonly #array: Tensor;
  readonly #hyper: Tensor;
  /** What gradients are multiplied by, and the running mean of their length. */
  readonly #factor: Tensor;
  readonly #owned: DisposableStack;

  /**
   * Allocates what is kept, all zeros.
   *
   * @param name of the array in a checkpoint.
   * @param array what is learned; the caller keeps owning it.
   * @param names of what is kept, in a checkpoint.
   */
  protected constructor(name: string, array: Tensor, names: readonly string[]) {
    const { device, shape } = array;
    using owned = new DisposableStack();
    const own = (shape: readonly number[]) => owned.use(device.tensor(shape, "distilled data"));
    this.#array = array;
    this.kept = names.map(() => own(shape));
    this.#hyper = own([6]);
    this.#factor = own([2]).write(Float32Array.of(1, 0));
    this.state = [
      [name, array],
      ...names.map((kept, i) => [`${name}/${kept}`, this.kept[i]!] as const),
      [`${name}/factor`, this.#factor],
    ];
    this.#owned = owned.move();
  }

  /** The words of `hyper` for a step. */
  protected abstract constants(step: OuterStep): Float32Array<ArrayBuffer>;

  /** Records one step. */
  protected abstract move(record: Recorder, tensors: OuterTensors): void;

  /** Sets the constants of the step to take next. */
  set(step: OuterStep): void {
    this.#hyper.write(this.constants(step));
  }

  /**
   * Records one step of the array against `gradient`, which is first shortened to `limit` times the running mean of
   * its length, unless that is 0.
   */
  step(record: Recorder, gradient: Tensor, limit: number): void {
    const [hyper, factor] = [this.#hyper, this.#factor];
    if (limit > 0) clip(record, { a: gradient, factor }, limit);
    this.move(record, { a: gradient, out: this.#array, hyper, factor });
  }

  /** Frees what is kept, not the array. */
  [Symbol.dispose](): void {
    this.#owned.dispose();
  }
}
