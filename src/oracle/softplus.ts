// softplus: a smooth ReLU; with σ = 1 / (1 + exp −BETA·x):
//
//   fwd   y = log(1 + exp BETA·x) / BETA      jvp   ẏ = σ·ẋ
//   vjp   x̄ = σ·ȳ                             hvp   x̄˙ = σ·ȳ˙ + BETA·σ·(1 − σ)·ẋ·ȳ
//
// x, y [N,SIZE]

import type { OracleLayer } from "./layer.ts";

interface Shape {
  readonly SIZE: number;
  readonly BETA: number;
}

/** The layer x [n, SIZE] → y [n, SIZE]; no parameters. */
export function softplus({ SIZE, BETA }: Shape): OracleLayer {
  const wBar = new Float64Array(0);
  const slope = (x: number) => 1 / (1 + Math.exp(-BETA * x));
  return {
    name: "softplus",
    params: 0,
    inSize: SIZE,
    outSize: SIZE,
    fwd: (x) => x.map((v) => Math.max(v, 0) + Math.log1p(Math.exp(-BETA * Math.abs(v))) / BETA),
    jvp: (x, _w, xDot) => x.map((v, i) => slope(v) * xDot[i]!),
    vjp: (x, _w, yBar) => ({ xBar: x.map((v, i) => slope(v) * yBar[i]!), wBar }),
    hvp: (x, _w, xDot, _wDot, yBar, yBarDot) => ({
      xBarDot: x.map((v, i) => {
        const s = slope(v);
        return s * yBarDot[i]! + BETA * s * (1 - s) * xDot[i]! * yBar[i]!;
      }),
      wBarDot: wBar,
    }),
  };
}
