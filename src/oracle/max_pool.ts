// max_pool: the maximum of each SIZE × SIZE window, STRIDE apart, the first PAD outside of the map.
//
//   fwd   y[n,c,p,q] = max i,j  x[n,c,p·STRIDE+i−PAD,q·STRIDE+j−PAD],   0 ≤ i, j < SIZE, inside x
//
// The first maximum in row-major order of the window wins a tie and gets the whole cotangent.
//
// x [N,C,H,V]   y [N,C,P,Q],  P = ⌊(H + 2·PAD − SIZE) / STRIDE⌋ + 1,  Q with V for H

import { gated } from "./gated.ts";
import type { OracleLayer } from "./layer.ts";

interface Shape {
  readonly C: number;
  readonly H: number;
  readonly V: number;
  readonly SIZE: number;
  /** Windows stand side by side when left out. */
  readonly STRIDE?: number;
  readonly PAD?: number;
}

/** The layer x [n,C,H,V] → y [n,C,P,Q]; no parameters. */
export function maxPool({ C, H, V, SIZE, STRIDE = SIZE, PAD = 0 }: Shape): OracleLayer {
  const P = Math.floor((H + 2 * PAD - SIZE) / STRIDE) + 1;
  const Q = Math.floor((V + 2 * PAD - SIZE) / STRIDE) + 1;

  function source(x: Float64Array, N: number): Int32Array {
    const s = new Int32Array(N * C * P * Q);
    let k = 0;
    for (let nc = 0; nc < N * C; nc++) {
      for (let p = 0; p < P; p++) {
        for (let q = 0; q < Q; q++) s[k++] = argMax(x, nc, p * STRIDE - PAD, q * STRIDE - PAD);
      }
    }
    return s;
  }

  /** The first largest of the window of plane `nc` whose corner is at `top`, `left`. */
  function argMax(x: Float64Array, nc: number, top: number, left: number): number {
    let best = -1;
    for (let h = Math.max(0, top); h < Math.min(H, top + SIZE); h++) {
      for (let v = Math.max(0, left); v < Math.min(V, left + SIZE); v++) {
        const at = (nc * H + h) * V + v;
        if (best < 0 || x[at]! > x[best]!) best = at;
      }
    }
    return best;
  }

  return gated({ name: "maxPool", inSize: C * H * V, outSize: C * P * Q, source });
}
