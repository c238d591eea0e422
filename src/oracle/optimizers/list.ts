// list: the inner optimizers by kind, one line each.

import { adam, type AdamSettings } from "./adam.ts";
import { gd } from "./gd.ts";
import { momentum } from "./momentum.ts";
import type { OracleOptimizer } from "./optimizer.ts";

/** An inner optimizer's kind and its own settings. */
export type OracleOptimizerSettings =
  | { readonly kind: "gd" }
  | { readonly kind: "momentum"; readonly momentum: number }
  | { readonly kind: "adam" } & AdamSettings;

/** The optimizer that the settings ask for. */
export function oracleOptimizer(settings: OracleOptimizerSettings): OracleOptimizer {
  switch (settings.kind) {
    case "gd":
      return gd();
    case "momentum":
      return momentum(settings.momentum);
    case "adam":
      return adam(settings);
  }
}
