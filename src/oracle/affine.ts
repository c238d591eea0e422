// affine: a layer y = f(x, W) + b, or without b, whose f is bilinear, from f and its two adjoints.
//
//   fwd   y = f(x, W) + b              jvp   ẏ  = f(ẋ, W) + f(x, Ẇ) + ḃ
//   vjp   x̄ = fX(ȳ, W)                 hvp   x̄˙ = fX(ȳ˙, W) + fX(ȳ, Ẇ)
//         W̄ = fW(x, ȳ)                       W̄˙ = fW(x, ȳ˙) + fW(ẋ, ȳ)
//         b̄[o] = Σ n,a  ȳ[n,o,a]             b̄˙[o] = Σ n,a  ȳ˙[n,o,a]
//
// y [N,O,AREA]   b [O]   w = W then b, flat

import type { OracleLayer } from "./layer.ts";
import { axpy } from "./vector.ts";

interface Bilinear {
  readonly name: string;
  readonly inSize: number;
  readonly O: number;
  readonly AREA: number;
  /** Length of W. */
  readonly WEIGHTS: number;
  /** Whether there is a b; true when left out. */
  readonly bias?: boolean | undefined;
  f(x: Float64Array, W: Float64Array, n: number): Float64Array;
  fX(yBar: Float64Array, W: Float64Array, n: number): Float64Array;
  fW(x: Float64Array, yBar: Float64Array, n: number): Float64Array;
}

/** The layer f(x, W) + b: x [n, inSize], w [WEIGHTS + O], or [WEIGHTS] without bias, y [n,O,AREA]. */
export function affine(
  { name, inSize, O, AREA, WEIGHTS, bias: hasBias = true, f, fX, fW }: Bilinear,
): OracleLayer {
  const params = WEIGHTS + (hasBias ? O : 0);
  const weight = (w: Float64Array) => w.subarray(0, WEIGHTS);
  const bias = (w: Float64Array) => w.subarray(WEIGHTS);

  function addBias(y: Float64Array, b: Float64Array): Float64Array {
    if (!hasBias) return y;
    for (let i = 0; i < y.length; i++) y[i]! += b[Math.floor(i / AREA) % O]!;
    return y;
  }

  function withBias(WBar: Float64Array, yBar: Float64Array): Float64Array {
    if (!hasBias) return WBar;
    const wBar = new Float64Array(params);
    wBar.set(WBar);
    for (let i = 0; i < yBar.length; i++) {
      wBar[WEIGHTS + Math.floor(i / AREA) % O]! += yBar[i]!;
    }
    return wBar;
  }

  return {
    name,
    inSize,
    params,
    outSize: O * AREA,
    fwd: (x, w, n) => addBias(f(x, weight(w), n), bias(w)),
    jvp: (x, w, xDot, wDot, n) =>
      addBias(axpy(1, f(xDot, weight(w), n), f(x, weight(wDot), n)), bias(wDot)),
    vjp: (x, w, yBar, n) => ({
      xBar: fX(yBar, weight(w), n),
      wBar: withBias(fW(x, yBar, n), yBar),
    }),
    hvp: (x, w, xDot, wDot, yBar, yBarDot, n) => ({
      xBarDot: axpy(1, fX(yBarDot, weight(w), n), fX(yBar, weight(wDot), n)),
      wBarDot: withBias(axpy(1, fW(x, yBarDot, n), fW(xDot, yBar, n)), yBarDot),
    }),
  };
}
