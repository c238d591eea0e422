// toy: three small networks off their kinks, for central differences through whole networks.
//
//   smooth   [2,3,4] → conv 2×2 → [3,2,3] → softplus → dense 5   no kinks at all
//   gated    [7] → dense 6 → relu → dense 4     |Σ x·w| ≤ 7·0.2 under biases of ±3: relus never flip
//   scalar   [5] → dense 4 → dense 1                      no kinks at all

import { conv2d } from "../../src/oracle/conv2d.ts";
import { dense } from "../../src/oracle/dense.ts";
import { type OracleLayer, sequence } from "../../src/oracle/layer.ts";
import { relu } from "../../src/oracle/relu.ts";
import { softplus } from "../../src/oracle/softplus.ts";
import { random } from "./numeric.ts";

/** A network and parameters [params] for it. */
export interface Toy {
  readonly logits: OracleLayer;
  readonly theta: Float64Array;
}

/** A convolution, a softplus and a dense layer: [n,2,3,4] → [n,5]. */
export function smoothToy(): Toy {
  const conv = conv2d({ C: 2, H: 3, V: 4, O: 3, K: 2, PAD: 0 });
  const logits = sequence([
    conv,
    softplus({ SIZE: conv.outSize, BETA: 2 }),
    dense({ C: conv.outSize, O: 5 }),
  ]);
  return { logits, theta: random(logits.params, 21, 0.5) };
}

/** Two dense layers around a relu: [n,7] → [n,4]. */
export function gatedToy(): Toy {
  const first = dense({ C: 7, O: 6 });
  const logits = sequence([first, relu(6), dense({ C: 6, O: 4 })]);
  const theta = random(logits.params, 22, 0.2);
  theta.set([3, -3, 3, 3, -3, 3], first.params - 6);
  return { logits, theta };
}

/** Two dense layers with one output: [n,5] → [n,1]. */
export function scalarToy(): Toy {
  const logits = sequence([dense({ C: 5, O: 4 }), dense({ C: 4, O: 1 })]);
  return { logits, theta: random(logits.params, 23, 0.5) };
}
