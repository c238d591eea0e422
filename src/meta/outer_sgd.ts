/** Sgd: one learned array on the GPU with its velocity and, where asked for, clipped gradients. */
import type { Recorder, Tensor } from "../gpu/mod.ts";
import { clip, sgd, sgdStep } from "../ops/vector.ts";
import type { OuterOptimizer, OuterStep, State } from "./outer_optimizer.ts";

/** An array and gradient descent with momentum: v ← β₁·v + g, then the array moves by −rate·v (PyTorch's SGD). */
export class Sgd implements OuterOptimizer {
  /** The array, its velocity, and the running mean of its gradient's length. */
  readonly state: State;
  readonly #array: Tensor;
  readonly #velocity: Tensor;
  readonly #hyper: Tensor;
  /** What gradients are multiplied by, and the running mean of their length. */
  readonly #factor: Tensor;
  readonly #owned: DisposableStack;

  /**
   * Allocates the velocity, which starts at zero.
   *
   * @param name of the array in a checkpoint.
   * @param array what is learned; the caller keeps owning it.
   */
  constructor(name: string, array: Tensor) {
    const { device, shape } = array;
    using owned = new DisposableStack();
    const own = (shape: readonly number[]) => owned.use(device.tensor(shape, "distilled data"));
    this.#array = array;
    this.#velocity = own(shape);
    this.#hyper = own([6]);
    this.#factor = own([2]).write(Float32Array.of(1, 0));
    this.state = [
      [name, array],
      [`${name}/velocity`, this.#velocity],
      [`${name}/factor`, this.#factor],
    ];
    this.#owned = owned.move();
  }

  /** Sets the constants of the step to take next. */
  set({ rate, beta1 }: OuterStep): void {
    this.#hyper.write(sgdStep(rate, beta1));
  }

  /** Records one step of the array against `gradient`, clipped to `limit` unless that is 0. */
  step(record: Recorder, gradient: Tensor, limit: number): void {
    const [hyper, factor] = [this.#hyper, this.#factor];
    if (limit > 0) clip(record, { a: gradient, factor }, limit);
    sgd(record, { a: gradient, out: this.#array, moment1: this.#velocity, hyper, factor });
  }

  /** Frees the velocity, not the array. */
  [Symbol.dispose](): void {
    this.#owned.dispose();
  }
}
