/** Adam: one learned array on the GPU with its moments. */
import type { Recorder, Tensor } from "../gpu/mod.ts";
import { adam, adamStep } from "../ops/vector.ts";
import { OuterOptimizer, type OuterStep, type OuterTensors } from "./outer_optimizer.ts";

/** An array and its optimiser (Kingma & Ba 2015, algorithm 1, with ε = 10⁻⁸). */
export class Adam extends OuterOptimizer {
  /**
   * Allocates the moments.
   *
   * @param name of the array in a checkpoint.
   * @param array what is learned; the caller keeps owning it.
   */
  constructor(name: string, array: Tensor) {
    super(name, array, ["moment1", "moment2"]);
  }

  /** Rate, decays and the corrections for the number of the step. */
  protected override constants({ t, rate, beta1, beta2 }: OuterStep): Float32Array<ArrayBuffer> {
    return adamStep(t, rate, beta1, beta2);
  }

  /** Records one step. */
  protected override move(record: Recorder, tensors: OuterTensors): void {
    const [moment1, moment2] = this.kept;
    adam(record, { ...tensors, moment1: moment1!, moment2: moment2! });
  }
}
