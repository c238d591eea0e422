// avg_pool: the mean of each SIZE × SIZE window, STRIDE apart, the first PAD outside of the map, as
// PyTorch's AvgPool2d with count_include_pad: what is outside counts as zeros.
//
//   fwd   y[n,c,p,q] = (1/SIZE²) Σ i,j  x[n,c,p·STRIDE+i−PAD,q·STRIDE+j−PAD],   0 ≤ i, j < SIZE
//   vjp   x̄[n,c,h,v] = (1/SIZE²) Σ p,q,i,j  ȳ[n,c,p,q],   h = p·STRIDE+i−PAD, v = q·STRIDE+j−PAD
//   jvp   ẏ = fwd(ẋ)                          hvp   x̄˙ = vjp(ȳ˙)
//
// x [N,C,H,V]   y [N,C,P,Q],  P = ⌊(H + 2·PAD − SIZE) / STRIDE⌋ + 1,  Q with V for H

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
export function avgPool({ C, H, V, SIZE, STRIDE = SIZE, PAD = 0 }: Shape): OracleLayer {
  const P = Math.floor((H + 2 * PAD - SIZE) / STRIDE) + 1;
  const Q = Math.floor((V + 2 * PAD - SIZE) / STRIDE) + 1;
  const inSize = C * H * V;
  const outSize = C * P * Q;
  const wBar = new Float64Array(0);

  /** Calls back with the flat index of every y, and of every x inside its window. */
  function eachTap(N: number, visit: (yAt: number, xAt: number) => void): void {
    let yAt = 0;
    for (let nc = 0; nc < N * C; nc++) {
      for (let p = 0; p < P; p++) {
        for (let q = 0; q < Q; q++, yAt++) {
          const top = p * STRIDE - PAD;
          const left = q * STRIDE - PAD;
          for (let h = Math.max(0, top); h < Math.min(H, top + SIZE); h++) {
            for (let v = Math.max(0, left); v < Math.min(V, left + SIZE); v++) {
              visit(yAt, (nc * H + h) * V + v);
            }
          }
        }
      }
    }
  }

  function fwd(x: Float64Array, n: number): Float64Array {
    const sums = new Float64Array(n * outSize);
    eachTap(n, (yAt, xAt) => sums[yAt]! += x[xAt]!);
    return sums.map((sum) => sum / SIZE ** 2);
  }

  function vjp(yBar: Float64Array, n: number): Float64Array {
    const sums = new Float64Array(n * inSize);
    eachTap(n, (yAt, xAt) => sums[xAt]! += yBar[yAt]!);
    return sums.map((sum) => sum / SIZE ** 2);
  }

  return {
    name: "avgPool",
    params: 0,
    inSize,
    outSize,
    fwd: (x, _w, n) => fwd(x, n),
    jvp: (_x, _w, xDot, _wDot, n) => fwd(xDot, n),
    vjp: (_x, _w, yBar, n) => ({ xBar: vjp(yBar, n), wBar }),
    hvp: (_x, _w, _xDot, _wDot, _yBar, yBarDot, n) => ({
      xBarDot: vjp(yBarDot, n),
      wBarDot: wBar,
    }),
  };
}
