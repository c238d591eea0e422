/**
 * Objective: what an iteration minimises. The outer loop knows no more of it than a loss and its gradient in the
 * distilled data; what is drawn, trained and compared for it is its own affair.
 */
import type { FloatTensor } from "../../base/safetensors.ts";
import type { Recorder, Tensor } from "../../gpu/mod.ts";
import type { DistilledData } from "../distilled_data.ts";

/** An iteration whose draws have been made. */
export interface Draw {
  /** Iterations of the same key have the same recordings. */
  readonly key: string;
  /** Records loss and gradient, or their first half where the processor has work to do in between. */
  record(record: Recorder, data: DistilledData): void;
  /** Waits for the first half, and leaves on the GPU what the second half reads. */
  between?(data: DistilledData): Promise<void>;
  /** Records the second half. */
  recordRest?(record: Recorder, data: DistilledData): void;
}

/** A loss of distilled data, and its gradient. */
export interface Objective extends Disposable {
  /** Out: L, one number. */
  readonly loss: Tensor;
  /** Out: the gradient of L in the distilled data. */
  readonly gradient: DistilledData;
  /** Makes the draws of iteration k (from 0). They depend on the seed, k and what `save` gives alone. */
  draw(k: number): Draw;
  /** What continues from iteration to iteration, by name. */
  save(): Promise<Record<string, FloatTensor>>;
  /** Puts back what `save` gave. */
  restore(tensors: Readonly<Record<string, FloatTensor>>): void;
}
