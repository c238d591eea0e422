// dense: a matrix product plus a bias, or without.
//
//   fwd    y[n,o] = b[o] + Σ c  x[n,c] · W[o,c]
//   vjpX   x̄[n,c] = Σ o  ȳ[n,o] · W[o,c]
//   vjpW   W̄[o,c] = Σ n  ȳ[n,o] · x[n,c]
//
// x [N,C]   W [O,C]   b [O]   y [N,O]

import { affine } from "./affine.ts";
import type { OracleLayer } from "./layer.ts";

/** The layer x [n,C] → y [n,O] with parameters W [O,C] and, unless `bias` is false, then b [O]. */
export function dense(
  { C, O, bias }: {
    readonly C: number;
    readonly O: number;
    readonly bias?: boolean | undefined;
  },
): OracleLayer {
  return affine({
    name: "dense",
    inSize: C,
    O,
    AREA: 1,
    WEIGHTS: O * C,
    bias,
    f(x, W, N) {
      const y = new Float64Array(N * O);
      for (let n = 0; n < N; n++) {
        for (let o = 0; o < O; o++) {
          let sum = 0;
          for (let c = 0; c < C; c++) sum += x[n * C + c]! * W[o * C + c]!;
          y[n * O + o] = sum;
        }
      }
      return y;
    },
    fX(yBar, W, N) {
      const xBar = new Float64Array(N * C);
      for (let n = 0; n < N; n++) {
        for (let o = 0; o < O; o++) {
          const bar = yBar[n * O + o]!;
          for (let c = 0; c < C; c++) xBar[n * C + c]! += bar * W[o * C + c]!;
        }
      }
      return xBar;
    },
    fW(x, yBar, N) {
      const WBar = new Float64Array(O * C);
      for (let n = 0; n < N; n++) {
        for (let o = 0; o < O; o++) {
          const bar = yBar[n * O + o]!;
          for (let c = 0; c < C; c++) WBar[o * C + c]! += bar * x[n * C + c]!;
        }
      }
      return WBar;
    },
  });
}
