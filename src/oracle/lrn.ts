// lrn: local response normalization across channels, as PyTorch's LocalResponseNorm.
//
//   D[c] = K + (ALPHA / SIZE) Σ j∈W(c)  x[j]²,     W(c) = { c − ⌊SIZE/2⌋, …, c + ⌊(SIZE−1)/2⌋ }
//
//   fwd   y[c] = x[c] · D[c]^−BETA
//   jvp   ẏ[c] = Σ i  J[c,i]·ẋ[i]                vjp   x̄[i] = Σ c  J[c,i]·ȳ[c]
//   hvp   x̄˙[i] = Σ c  J[c,i]·ȳ˙[c] + Σ c,k  T[c,i,k]·ȳ[c]·ẋ[k]
//
// J = ∂y/∂x and T = ∂²y/∂x² are written out entry by entry, with s = ALPHA / SIZE, [·] 1 or 0, and
// w[c,i] = [i∈W(c)]·2s·x[i] = ∂D[c]/∂x[i]:
//
//   J[c,i]   = [c=i]·D^−β − β·x[c]·D^(−β−1)·w[c,i]
//   T[c,i,k] = −β·D^(−β−1)·([c=i]·w[c,k] + [c=k]·w[c,i] + x[c]·[i=k, i∈W(c)]·2s)
//              + β(β+1)·x[c]·D^(−β−2)·w[c,i]·w[c,k],     D = D[c]
//
// x, y [N,C,AREA]; channels that do not exist are in no window.

import type { OracleLayer } from "./layer.ts";

interface Shape {
  readonly C: number;
  /** Pixels of a channel. */
  readonly AREA: number;
  readonly SIZE: number;
  readonly ALPHA: number;
  readonly BETA: number;
  readonly K: number;
}

/** The layer x [n,C,AREA] → y [n,C,AREA]; no parameters. */
export function lrn({ C, AREA, SIZE, ALPHA, BETA, K }: Shape): OracleLayer {
  const s = ALPHA / SIZE;
  const wBar = new Float64Array(0);

  /** Channels of W(c). */
  const windows = Array.from({ length: C }, (_, c) => {
    const first = c - Math.floor(SIZE / 2);
    return Array.from({ length: SIZE }, (_, k) => first + k).filter((j) => j >= 0 && j < C);
  });

  /** Calls back with the flat index of channel 0 of every pixel, and D of its channels. */
  function eachPixel(x: Float64Array, n: number, visit: (base: number, D: number[]) => void): void {
    for (let image = 0; image < n; image++) {
      for (let pixel = 0; pixel < AREA; pixel++) {
        const base = image * C * AREA + pixel;
        const D = windows.map((W) =>
          K + s * W.reduce((sum, j) => sum + x[base + j * AREA]! ** 2, 0)
        );
        visit(base, D);
      }
    }
  }

  /** Calls back with every J[c,i] that is not zero, as flat indices of y and x. */
  function eachJ(
    x: Float64Array,
    n: number,
    visit: (c: number, i: number, J: number) => void,
  ): void {
    eachPixel(x, n, (base, D) =>
      windows.forEach((W, c) => {
        const at = base + c * AREA;
        const slope = BETA * x[at]! * D[c]! ** (-BETA - 1);
        visit(at, at, D[c]! ** -BETA);
        for (const i of W) visit(at, base + i * AREA, -slope * 2 * s * x[base + i * AREA]!);
      }));
  }

  function vjp(x: Float64Array, yBar: Float64Array, n: number): Float64Array {
    const xBar = new Float64Array(x.length);
    eachJ(x, n, (c, i, J) => xBar[i]! += J * yBar[c]!);
    return xBar;
  }

  /** Adds Σ c,k T[c,i,k]·ȳ[c]·ẋ[k] to every x̄˙[i]. */
  function addCurvature(
    x: Float64Array,
    xDot: Float64Array,
    yBar: Float64Array,
    n: number,
    xBarDot: Float64Array,
  ): void {
    eachPixel(x, n, (base, D) =>
      windows.forEach((W, c) => {
        const at = base + c * AREA;
        const first = -BETA * D[c]! ** (-BETA - 1) * yBar[at]!;
        const second = BETA * (BETA + 1) * x[at]! * D[c]! ** (-BETA - 2) * yBar[at]!;
        for (const j of W) {
          const i = base + j * AREA;
          const w = 2 * s * x[i]!;
          xBarDot[at]! += first * w * xDot[i]!;
          xBarDot[i]! += first * (w * xDot[at]! + x[at]! * 2 * s * xDot[i]!);
          for (const k of W) {
            xBarDot[i]! += second * w * 2 * s * x[base + k * AREA]! * xDot[base + k * AREA]!;
          }
        }
      }));
  }

  return {
    name: "lrn",
    params: 0,
    inSize: C * AREA,
    outSize: C * AREA,
    fwd(x, _w, n) {
      const y = new Float64Array(x.length);
      eachPixel(
        x,
        n,
        (base, D) => D.forEach((d, c) => y[base + c * AREA] = x[base + c * AREA]! * d ** -BETA),
      );
      return y;
    },
    jvp(x, _w, xDot, _wDot, n) {
      const yDot = new Float64Array(x.length);
      eachJ(x, n, (c, i, J) => yDot[c]! += J * xDot[i]!);
      return yDot;
    },
    vjp: (x, _w, yBar, n) => ({ xBar: vjp(x, yBar, n), wBar }),
    hvp(x, _w, xDot, _wDot, yBar, yBarDot, n) {
      const xBarDot = vjp(x, yBarDot, n);
      addCurvature(x, xDot, yBar, n, xBarDot);
      return { xBarDot, wBarDot: wBar };
    },
  };
}
