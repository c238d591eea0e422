/** List: the kinds of layers that a network may have, by the names that recipes give them. */
import { avgPool } from "./avg_pool.ts";
import { conv } from "./conv.ts";
import { dense } from "./dense.ts";
import { instanceNorm } from "./instance_norm.ts";
import { lrn } from "./lrn.ts";
import { maxPool } from "./max_pool.ts";
import type { LayerKind } from "./op.ts";
import { relu } from "./relu.ts";
import { softplus } from "./softplus.ts";

/** Every kind of layer. */
export const LAYERS = {
  conv,
  dense,
  max_pool: maxPool,
  avg_pool: avgPool,
  lrn,
  instance_norm: instanceNorm,
  relu,
  softplus,
};

/** The name of a kind of layer. */
export type LayerName = keyof typeof LAYERS;

/** The settings of a kind of layer. */
export type LayerSettings<Name extends LayerName> = typeof LAYERS[Name] extends
  LayerKind<infer Settings> ? Settings
  : never;

/**
 * Adds a kind of layer of one's own, which architectures may name from then on.
 *
 * @throws RangeError for a name that is taken.
 */
export function registerLayer<Settings>(name: string, kind: LayerKind<Settings>): void {
  if (Object.hasOwn(LAYERS, name)) {
    throw new RangeError(
      `Cannot register layer ${name}: got a name that is taken, expected another`,
    );
  }
  Object.assign(LAYERS, { [name]: kind });
}

/** A kind of layer by its name. @throws RangeError for an unknown one. */
export function kindOf(name: string): LayerKind<Record<string, unknown>> {
  if (!Object.hasOwn(LAYERS, name)) {
    const known = Object.keys(LAYERS).join(", ");
    throw new RangeError(`Cannot build a layer ${name}: got an unknown kind, expected ${known}`);
  }
  return LAYERS[name as LayerName] as unknown as LayerKind<Record<string, unknown>>;
}
