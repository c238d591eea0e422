/** OuterOptimizer: what moves an array that is learned, or the networks of standard training, against its gradient. */
import type { Recorder, Tensor } from "../gpu/mod.ts";

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

/** An array and what steps it. */
export interface OuterOptimizer extends Disposable {
  /** The array and what is kept from step to step. */
  readonly state: State;
  /** Sets the constants of the step to take next. */
  set(step: OuterStep): void;
  /**
   * Records one step of the array against `gradient`, which is first shortened to `limit` times the running mean of
   * its length, unless that is 0.
   */
  step(record: Recorder, gradient: Tensor, limit: number): void;
}
