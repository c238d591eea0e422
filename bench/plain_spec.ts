/** PlainSpec: gradient descent on blocks in order, every step of it differentiated, as benches time it. */
import type { UnrollSpec } from "../src/meta/unroll.ts";

type Sizes = Pick<UnrollSpec, "blocks" | "perBlock" | "total" | "networks">;

/** The spec of such a training. */
export function plainSpec(sizes: Sizes): UnrollSpec {
  const adam = { beta1: 0.9, beta2: 0.99, epsRoot: 1e-6 };
  const learned = { rates: "per_step", labels: "fixed", learnMomentum: false } as const;
  return { ...sizes, ...adam, ...learned, window: sizes.total, innerBatch: 0, optimizer: "gd" };
}
