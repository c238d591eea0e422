/** Specs: the sizes and constants of an inner training, with what tests seldom vary filled in. */
import type { UnrollSpec } from "../../src/meta/unroll.ts";
import type { OracleOptimizerSettings } from "../../src/oracle/optimizers/list.ts";

/**
 * Gradient descent of one network at a rate for each step, on each block once, all of it differentiated; hard
 * labels. Adam's constants are those of a recipe.
 */
export function unrollSpec(
  settings: Pick<UnrollSpec, "blocks" | "perBlock"> & Partial<UnrollSpec>,
): UnrollSpec {
  const { total = settings.blocks } = settings;
  return {
    networks: 1,
    total,
    window: total,
    innerBatch: 0,
    optimizer: "gd",
    beta1: 0.9,
    beta2: 0.99,
    epsRoot: 1e-6,
    rates: "per_step",
    labels: "fixed",
    learnMomentum: false,
    ...settings,
  };
}

/** A spec's inner optimiser as the oracle has it, in the numbers that f32 holds of its constants. */
export function oracleSettings(spec: UnrollSpec, momentum: number): OracleOptimizerSettings {
  const { optimizer } = spec;
  const [mu, beta1, beta2, epsRoot] = [momentum, spec.beta1, spec.beta2, spec.epsRoot]
    .map(Math.fround) as [number, number, number, number];
  if (optimizer === "momentum") return { kind: optimizer, momentum: mu };
  return optimizer === "adam" ? { kind: optimizer, beta1, beta2, epsRoot } : { kind: optimizer };
}
