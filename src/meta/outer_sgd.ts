/** Sgd: one learned array on the GPU with its velocity. */
import type { Recorder, Tensor } from "../gpu/mod.ts";
import { sgd, sgdStep } from "../ops/vector.ts";
import { OuterOptimizer, type OuterStep, type OuterTensors } from "./outer_optimizer.ts";

/** An array and gradient descent with momentum: v ← β₁·v + g, then the array moves by −rate·v (PyTorch's SGD). */
export class Sgd extends OuterOptimizer {
  /**
   * Allocates the velocity, which starts at zero.
   *
   * @param name of the array in a checkpoint.
   * @param array what is learned; the caller keeps owning it.
   */
  constructor(name: string, array: Tensor) {
    super(name, array, ["velocity"]);
  }

  /** Rate and decay. */
  protected override constants({ rate, beta1 }: OuterStep): Float32Array<ArrayBuffer> {
    return sgdStep(rate, beta1);
  }

  /** Records one step. */
  protected override move(record: Recorder, tensors: OuterTensors): void {
    sgd(record, { ...tensors, moment1: this.kept[0]! });
  }
}
