// relu: the positive part; its derivative at 0 is 0.
//
//   fwd   y[n,i] = x[n,i] if x[n,i] > 0, else 0
//
// x, y [N,SIZE]

import { gated } from "./gated.ts";
import type { OracleLayer } from "./layer.ts";

/** The layer x [n, size] → y [n, size]; no parameters. */
export function relu(size: number): OracleLayer {
  return gated({
    name: "relu",
    inSize: size,
    outSize: size,
    source: (x) => Int32Array.from(x, (value, i) => value > 0 ? i : -1),
  });
}
