/** List: the inner optimisers, by the names that recipes give them. */
import { adam } from "./adam.ts";
import { gd } from "./gd.ts";
import { momentum } from "./momentum.ts";
import type { OptimizerKind } from "./optimizer.ts";

/** The name of an inner optimiser: gradient descent, the same with momentum, or Adam. */
export type OptimizerName = "gd" | "momentum" | "adam";

/** Every inner optimiser. */
export const OPTIMIZERS: Readonly<Record<OptimizerName, OptimizerKind>> = { gd, momentum, adam };

/** Names of the inner optimisers. */
export const OPTIMIZER_NAMES = Object.keys(OPTIMIZERS) as OptimizerName[];
