// conv2d: batched 2-D cross-correlation, stride 1, PAD zeros on every side, plus a bias.
//
//   fwd    y[n,o,p,q] = b[o] + Σ c,i,j  x[n,c,p+i−PAD,q+j−PAD] · W[o,c,i,j]
//   vjpX   x̄[n,c,h,v] = Σ o,i,j  ȳ[n,o,h−i+PAD,v−j+PAD] · W[o,c,i,j]
//   vjpW   W̄[o,c,i,j] = Σ n,p,q  x[n,c,p+i−PAD,q+j−PAD] · ȳ[n,o,p,q]
//
// x [N,C,H,V]   W [O,C,K,K]   b [O]   y [N,O,P,Q],  P = H + 2·PAD − K + 1,  Q = V + 2·PAD − K + 1

import { affine } from "./affine.ts";
import type { OracleLayer } from "./layer.ts";

interface Shape {
  readonly C: number;
  readonly H: number;
  readonly V: number;
  readonly O: number;
  readonly K: number;
  readonly PAD: number;
}

/** Sees the products x[xAt+s] · W[wAt] → y[yAt+s], 0 ≤ s < length, of one row of one tap. */
type VisitRow = (xAt: number, wAt: number, yAt: number, length: number) => void;

/** The layer x [n,C,H,V] → y [n,O,P,Q] with parameters W [O,C,K,K] then b [O]. */
export function conv2d(shape: Shape): OracleLayer {
  const { C, H, V, O, K, PAD } = shape;
  const AREA = (H + 2 * PAD - K + 1) * (V + 2 * PAD - K + 1);
  return affine({
    name: "conv2d",
    inSize: C * H * V,
    O,
    AREA,
    WEIGHTS: O * C * K * K,
    f(x, W, n) {
      const y = new Float64Array(n * O * AREA);
      eachRow(shape, n, (xAt, wAt, yAt, length) => {
        const tap = W[wAt]!;
        for (let s = 0; s < length; s++) y[yAt + s]! += x[xAt + s]! * tap;
      });
      return y;
    },
    fX(yBar, W, n) {
      const xBar = new Float64Array(n * C * H * V);
      eachRow(shape, n, (xAt, wAt, yAt, length) => {
        const tap = W[wAt]!;
        for (let s = 0; s < length; s++) xBar[xAt + s]! += yBar[yAt + s]! * tap;
      });
      return xBar;
    },
    fW(x, yBar, n) {
      const WBar = new Float64Array(O * C * K * K);
      eachRow(shape, n, (xAt, wAt, yAt, length) => {
        let sum = 0;
        for (let s = 0; s < length; s++) sum += x[xAt + s]! * yBar[yAt + s]!;
        WBar[wAt]! += sum;
      });
      return WBar;
    },
  });
}

/** Walks every product of the sum above, a row of y at a time; rows and ends in the padding skip. */
function eachRow({ C, H, V, O, K, PAD }: Shape, N: number, visit: VisitRow): void {
  const P = H + 2 * PAD - K + 1;
  const Q = V + 2 * PAD - K + 1;
  for (let n = 0; n < N; n++) {
    for (let o = 0; o < O; o++) {
      for (let c = 0; c < C; c++) {
        for (let i = 0; i < K; i++) {
          const pStart = Math.max(0, PAD - i);
          const pEnd = Math.min(P, H + PAD - i);
          for (let j = 0; j < K; j++) {
            const wAt = ((o * C + c) * K + i) * K + j;
            const q = Math.max(0, PAD - j);
            const length = Math.min(Q, V + PAD - j) - q;
            for (let p = pStart; p < pEnd; p++) {
              const xAt = ((n * C + c) * H + p + i - PAD) * V + q + j - PAD;
              const yAt = ((n * O + o) * P + p) * Q + q;
              visit(xAt, wAt, yAt, length);
            }
          }
        }
      }
    }
  }
}
