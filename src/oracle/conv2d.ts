// conv2d: batched 2-D cross-correlation, PAD zeros on every side, plus a bias. With s = STRIDE:
//
//   fwd    y[n,o,p,q] = b[o] + Σ c,i,j  x[n,c,s·p+i−PAD,s·q+j−PAD] · W[o,c,i,j]
//   vjpX   x̄[n,c,h,v] = Σ o,i,j,p,q  ȳ[n,o,p,q] · W[o,c,i,j]  where h = s·p+i−PAD, v = s·q+j−PAD
//   vjpW   W̄[o,c,i,j] = Σ n,p,q  x[n,c,s·p+i−PAD,s·q+j−PAD] · ȳ[n,o,p,q]
//
// x [N,C,H,V]   W [O,C,K,K]   b [O]   y [N,O,P,Q],  P = ⌊(H + 2·PAD − K) / s⌋ + 1,  Q with V for H

import { affine } from "./affine.ts";
import type { OracleLayer } from "./layer.ts";

interface Shape {
  readonly C: number;
  readonly H: number;
  readonly V: number;
  readonly O: number;
  readonly K: number;
  readonly PAD: number;
  /** 1 when left out. */
  readonly STRIDE?: number;
}

/** Sees the products x[xAt+STRIDE·s] · W[wAt] → y[yAt+s], 0 ≤ s < length, of one row of one tap. */
type VisitRow = (xAt: number, wAt: number, yAt: number, length: number) => void;

/** The layer x [n,C,H,V] → y [n,O,P,Q] with parameters W [O,C,K,K] then b [O]. */
export function conv2d(shape: Shape): OracleLayer {
  const { C, H, V, O, K, STRIDE = 1 } = shape;
  const [P, Q] = extents(shape);
  const AREA = P * Q;
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
        for (let s = 0; s < length; s++) y[yAt + s]! += x[xAt + STRIDE * s]! * tap;
      });
      return y;
    },
    fX(yBar, W, n) {
      const xBar = new Float64Array(n * C * H * V);
      eachRow(shape, n, (xAt, wAt, yAt, length) => {
        const tap = W[wAt]!;
        for (let s = 0; s < length; s++) xBar[xAt + STRIDE * s]! += yBar[yAt + s]! * tap;
      });
      return xBar;
    },
    fW(x, yBar, n) {
      const WBar = new Float64Array(O * C * K * K);
      eachRow(shape, n, (xAt, wAt, yAt, length) => {
        let sum = 0;
        for (let s = 0; s < length; s++) sum += x[xAt + STRIDE * s]! * yBar[yAt + s]!;
        WBar[wAt]! += sum;
      });
      return WBar;
    },
  });
}

/** P and Q. */
function extents({ H, V, K, PAD, STRIDE = 1 }: Shape): [number, number] {
  const along = (side: number) => Math.floor((side + 2 * PAD - K) / STRIDE) + 1;
  return [along(H), along(V)];
}

/** Walks every product of the sum above, a row of y at a time; rows and ends in the padding skip. */
function eachRow(shape: Shape, N: number, visit: VisitRow): void {
  const { C, H, V, O, K, PAD, STRIDE = 1 } = shape;
  const [P, Q] = extents(shape);
  /** The first p of tap i that is inside of a side of x, and the first beyond. */
  const inside = (i: number, side: number, most: number) => [
    Math.max(0, Math.ceil((PAD - i) / STRIDE)),
    Math.min(most, Math.floor((side - 1 + PAD - i) / STRIDE) + 1),
  ];
  for (let n = 0; n < N; n++) {
    for (let o = 0; o < O; o++) {
      for (let c = 0; c < C; c++) {
        for (let i = 0; i < K; i++) {
          const [pStart, pEnd] = inside(i, H, P);
          for (let j = 0; j < K; j++) {
            const wAt = ((o * C + c) * K + i) * K + j;
            const [q, qEnd] = inside(j, V, Q);
            for (let p = pStart!; p < pEnd!; p++) {
              const row = ((n * C + c) * H + STRIDE * p + i - PAD) * V;
              visit(row + STRIDE * q! + j - PAD, wAt, ((n * O + o) * P + p) * Q + q!, qEnd! - q!);
            }
          }
        }
      }
    }
  }
}
