/** Adam: one learned array on the GPU with its moments and, where asked for, clipped gradients. */
import type { Recorder, Tensor } from "../gpu/mod.ts";
import { adam, adamStep, clip } from "../ops/vector.ts";
import type { OuterOptimizer, OuterStep, State } from "./outer_optimizer.ts";

/** An array and its optimiser (Kingma & Ba 2015, algorithm 1, with ε = 10⁻⁸). */
export class Adam implements OuterOptimizer {
  /** The array, its moments, and the running mean of its gradient's length. */
  readonly state: State;
  readonly #array: Tensor;
  readonly #moments: readonly [Tensor, Tensor];
  readonly #hyper: Tensor;
  /** What gradients are multiplied by, and the running mean of their length. */
  readonly #factor: Tensor;
  readonly #owned: DisposableStack;

  /**
   * Allocates the moments.
   *
   * @param name of the array in a checkpoint.
   * @param array what is learned; the caller keeps owning it.
   */
  constructor(name: string, array: Tensor) {
    const { device, shape } = array;
    using owned = new DisposableStack();
    const own = (shape: readonly number[]) => owned.use(device.tensor(shape, "distilled data"));
    const [moment1, moment2] = [own(shape), own(shape)];
    this.#array = array;
    this.#moments = [moment1, moment2];
    this.#hyper = own([6]);
    this.#factor = own([2]).write(Float32Array.of(1, 0));
    const kept = { moment1, moment2, factor: this.#factor };
    const named = Object.entries(kept).map(([k, tensor]) => [`${name}/${k}`, tensor] as const);
    this.state = [[name, array], ...named];
    this.#owned = owned.move();
  }

  /** Sets the constants of the step to take next. */
  set({ t, rate, beta1, beta2 }: OuterStep): void {
    this.#hyper.write(adamStep(t, rate, beta1, beta2));
  }

  /** Records one step of the array against `gradient`, clipped to `limit` unless that is 0. */
  step(record: Recorder, gradient: Tensor, limit: number): void {
    const [moment1, moment2] = this.#moments;
    const [hyper, factor] = [this.#hyper, this.#factor];
    if (limit > 0) clip(record, { a: gradient, factor }, limit);
    adam(record, { a: gradient, out: this.#array, moment1, moment2, hyper, factor });
  }

  /** Frees the moments, not the array. */
  [Symbol.dispose](): void {
    this.#owned.dispose();
  }
}
