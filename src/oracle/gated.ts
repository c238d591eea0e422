// gated: a layer that copies some inputs, chosen by comparing inputs, and is linear given the choice.
//
//   fwd   y[k] = x[s(k)],  0 where s(k) = −1          jvp   ẏ[k] = ẋ[s(k)]
//   vjp   x̄[i] = Σ k: s(k) = i  ȳ[k]                  hvp   x̄˙ = vjp(ȳ˙)
//
// s is constant near every x off the kinks, so it has no derivative of its own.

import type { OracleLayer } from "./layer.ts";

interface Gate {
  readonly name: string;
  readonly inSize: number;
  readonly outSize: number;
  /** s: for each of the n · outSize outputs, the flat index of its input in x, or −1. */
  source(x: Float64Array, n: number): Int32Array;
}

/** The parameterless layer x [n, inSize] → y [n, outSize] that copies y[k] = x[source(x)[k]]. */
export function gated({ name, inSize, outSize, source }: Gate): OracleLayer {
  const wBar = new Float64Array(0);

  function gather(x: Float64Array, s: Int32Array): Float64Array {
    return Float64Array.from(s, (i) => i < 0 ? 0 : x[i]!);
  }

  function scatter(yBar: Float64Array, s: Int32Array, n: number): Float64Array {
    const xBar = new Float64Array(n * inSize);
    for (let k = 0; k < s.length; k++) if (s[k]! >= 0) xBar[s[k]!]! += yBar[k]!;
    return xBar;
  }

  return {
    name,
    params: 0,
    inSize,
    outSize,
    fwd: (x, _w, n) => gather(x, source(x, n)),
    jvp: (x, _w, xDot, _wDot, n) => gather(xDot, source(x, n)),
    vjp: (x, _w, yBar, n) => ({ xBar: scatter(yBar, source(x, n), n), wBar }),
    hvp: (x, _w, _xDot, _wDot, _yBar, yBarDot, n) => ({
      xBarDot: scatter(yBarDot, source(x, n), n),
      wBarDot: wBar,
    }),
  };
}
