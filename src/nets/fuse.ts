/** Fuse: one op for neighbours that it computes in fewer dispatches. */
import { Conv2d } from "../ops/conv2d.ts";
import { MaxPool } from "../ops/max_pool.ts";
import type { Op } from "../ops/op.ts";

/** A chain of ops with each convolution and the 2 × 2 max-pooling after it in one. */
export function fuse(ops: readonly Op[]): Op[] {
  const fused: Op[] = [];
  for (const op of ops) {
    const last = fused.at(-1);
    if (last instanceof Conv2d && op instanceof MaxPool && op.size === 2 && !last.pools) {
      fused[fused.length - 1] = last.pooled();
    } else fused.push(op);
  }
  return fused;
}
