// lenet: LeNet-5 as Wang et al. use it, for images of 28 × 28 (padded by 2) or 32 × 32.
//
//   [C,size,size] → conv 5×5 → relu → max_pool 2 → [6,14,14] → conv 5×5 → relu → max_pool 2
//                 → [16,5,5] → dense 120 → relu → dense 84 → relu → dense classes

import { conv2d } from "./conv2d.ts";
import { dense } from "./dense.ts";
import { type OracleLayer, sequence } from "./layer.ts";
import { maxPool } from "./max_pool.ts";
import { relu } from "./relu.ts";

/** The logits x [n,C,size,size] → z [n,classes]; 61 706 parameters by default. */
export function lenet(
  { C = 1, size = 28, classes = 10 }: { C?: number; size?: number; classes?: number } = {},
): OracleLayer {
  if (size !== 28 && size !== 32) {
    throw new RangeError(`Cannot build lenet: got size ${size}, expected 28 or 32`);
  }
  return sequence([
    conv2d({ C, H: size, V: size, O: 6, K: 5, PAD: (32 - size) / 2 }),
    relu(6 * 28 * 28),
    maxPool({ C: 6, H: 28, V: 28, SIZE: 2 }),
    conv2d({ C: 6, H: 14, V: 14, O: 16, K: 5, PAD: 0 }),
    relu(16 * 10 * 10),
    maxPool({ C: 16, H: 10, V: 10, SIZE: 2 }),
    dense({ C: 16 * 5 * 5, O: 120 }),
    relu(120),
    dense({ C: 120, O: 84 }),
    relu(84),
    dense({ C: 84, O: classes }),
  ], "lenet");
}
