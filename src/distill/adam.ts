/** Adam: one learned array on the GPU with its moments. */
import type { Recorder, Tensor } from "../gpu/mod.ts";
import { adam, adamStep } from "../ops/vector.ts";

/** What an array and its optimiser need to go on later, by name. */
export type State = readonly (readonly [name: string, tensor: Tensor])[];

/** Adam's settings for one step. */
export interface AdamStep {
  /** Number of the step, from 1. */
  readonly t: number;
  readonly rate: number;
  readonly beta1: number;
  readonly beta2: number;
}

/** An array and its optimiser. */
export class Adam implements Disposable {
  readonly state: State;
  readonly #array: Tensor;
  readonly #moments: readonly [Tensor, Tensor];
  readonly #hyper: Tensor;
  readonly #owned: DisposableStack;

  /** @param name of the array in a checkpoint; the caller keeps owning `array`. */
  constructor(name: string, array: Tensor) {
    const { device, shape } = array;
    using owned = new DisposableStack();
    const own = (shape: readonly number[], label: string) => owned.use(device.tensor(shape, label));
    const [moment1, moment2] = [own(shape, "moment 1"), own(shape, "moment 2")];
    this.#array = array;
    this.#moments = [moment1, moment2];
    this.#hyper = own([6], "hyper");
    this.state = [[name, array], [`${name}/moment1`, moment1], [`${name}/moment2`, moment2]];
    this.#owned = owned.move();
  }

  /** Records one step of the array against `gradient`. */
  step(record: Recorder, gradient: Tensor, { t, rate, beta1, beta2 }: AdamStep): void {
    this.#hyper.write(adamStep(t, rate, beta1, beta2));
    const [moment1, moment2] = this.#moments;
    const hyper = this.#hyper;
    adam(record, { a: gradient, out: this.#array, moment1, moment2, hyper });
  }

  [Symbol.dispose](): void {
    this.#owned.dispose();
  }
}
