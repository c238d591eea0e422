// max_pool: the maximum of each SIZE × SIZE window, windows side by side (stride SIZE, floor).
//
//   fwd   y[n,c,p,q] = max i,j  x[n,c,p·SIZE+i,q·SIZE+j],   0 ≤ i, j < SIZE
//
// The first maximum in row-major order of the window wins a tie and gets the whole cotangent.
//
// x [N,C,H,V]   y [N,C,P,Q],  P = ⌊H / SIZE⌋,  Q = ⌊V / SIZE⌋

import { gated } from "./gated.ts";
import type { OracleLayer } from "./layer.ts";

interface Shape {
  readonly C: number;
  readonly H: number;
  readonly V: number;
  readonly SIZE: number;
}

/** The layer x [n,C,H,V] → y [n,C,⌊H/SIZE⌋,⌊V/SIZE⌋]; no parameters. */
export function maxPool({ C, H, V, SIZE }: Shape): OracleLayer {
  const P = Math.floor(H / SIZE);
  const Q = Math.floor(V / SIZE);

  function source(x: Float64Array, N: number): Int32Array {
    const s = new Int32Array(N * C * P * Q);
    let k = 0;
    for (let nc = 0; nc < N * C; nc++) {
      for (let p = 0; p < P; p++) {
        for (let q = 0; q < Q; q++) s[k++] = argMax(x, (nc * H + p * SIZE) * V + q * SIZE);
      }
    }
    return s;
  }

  function argMax(x: Float64Array, corner: number): number {
    let best = corner;
    for (let i = 0; i < SIZE; i++) {
      for (let j = 0; j < SIZE; j++) {
        const at = corner + i * V + j;
        if (x[at]! > x[best]!) best = at;
      }
    }
    return best;
  }

  return gated({ name: "maxPool", inSize: C * H * V, outSize: C * P * Q, source });
}
