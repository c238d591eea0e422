// instance_norm: each channel of each image normalized over its pixels, then scaled and shifted,
// as PyTorch's InstanceNorm2d with affine and without running statistics.
//
//   μ = ⟨x⟩     σ² = ⟨(x − μ)²⟩     r = 1/√(σ² + EPS)     x̂ = r·(x − μ)
//
//   fwd   y = γ·x̂ + β                            jvp   ẏ = γ̇·x̂ + γ·x̂˙ + β̇
//   vjp   x̄ = γ·r·Pȳ                             hvp   x̄˙ = (γ̇·r + γ·ṙ)·Pȳ + γ·r·(Pȳ˙ + Ṗȳ)
//         γ̄[c] = Σ n,a  ȳ·x̂                            γ̄˙[c] = Σ n,a  ȳ˙·x̂ + ȳ·x̂˙
//         β̄[c] = Σ n,a  ȳ                              β̄˙[c] = Σ n,a  ȳ˙
//
// P takes the mean out of a plane, and the part along x̂ (all of it where EPS is 0); it is
// symmetric, and r·P = ∂x̂/∂x:
//
//   Pv = v − ⟨v⟩ − x̂·⟨x̂v⟩     Ṗv = −x̂˙·⟨x̂v⟩ − x̂·⟨x̂˙v⟩     x̂˙ = r·Pẋ     ṙ = −r²·⟨x̂ẋ⟩
//
// x, y [N,C,AREA]   γ, β [C]   w = γ then β, flat;  ⟨·⟩ is the mean over a (the AREA pixels) of one
// n and c, which have their own μ, σ², r and P.

import type { OracleLayer } from "./layer.ts";
import { dot } from "./vector.ts";

interface Shape {
  readonly C: number;
  /** Pixels of a channel. */
  readonly AREA: number;
  readonly EPS: number;
}

/** One channel of one image. */
interface Plane {
  readonly c: number;
  /** Its own part of a tensor [n,C,AREA]: a view, not a copy. */
  of(tensor: Float64Array): Float64Array;
  readonly r: number;
  readonly xHat: Float64Array;
}

/** The layer x [n,C,AREA] → y [n,C,AREA] with parameters γ [C] then β [C]. */
export function instanceNorm({ C, AREA, EPS }: Shape): OracleLayer {
  /** ⟨v⟩ of one plane. */
  const mean = (v: Float64Array) => sum(v) / AREA;
  /** ⟨uv⟩ of one plane. */
  const meanOf = (u: Float64Array, v: Float64Array) => dot(u, v) / AREA;

  function planes(x: Float64Array, n: number): Plane[] {
    return Array.from({ length: n * C }, (_, nc) => {
      const of = (tensor: Float64Array) => tensor.subarray(nc * AREA, (nc + 1) * AREA);
      const mu = mean(of(x));
      const centred = of(x).map((value) => value - mu);
      const r = 1 / Math.sqrt(meanOf(centred, centred) + EPS);
      return { c: nc % C, of, r, xHat: centred.map((value) => r * value) };
    });
  }

  /** Pv. */
  function project({ xHat }: Plane, v: Float64Array): Float64Array {
    const level = mean(v);
    const along = meanOf(xHat, v);
    return v.map((value, a) => value - level - xHat[a]! * along);
  }

  /** x̂˙ along ẋ, both of one plane. */
  function xHatDotOf(plane: Plane, xDot: Float64Array): Float64Array {
    return project(plane, xDot).map((value) => plane.r * value);
  }

  return {
    name: "instanceNorm",
    params: 2 * C,
    inSize: C * AREA,
    outSize: C * AREA,
    fwd(x, w, n) {
      const y = new Float64Array(x.length);
      for (const { c, of, xHat } of planes(x, n)) {
        of(y).set(xHat.map((value) => w[c]! * value + w[C + c]!));
      }
      return y;
    },
    jvp(x, w, xDot, wDot, n) {
      const yDot = new Float64Array(x.length);
      for (const plane of planes(x, n)) {
        const { c, of, xHat } = plane;
        const xHatDot = xHatDotOf(plane, of(xDot));
        of(yDot).set(xHat.map((value, a) => wDot[c]! * value + w[c]! * xHatDot[a]! + wDot[C + c]!));
      }
      return yDot;
    },
    vjp(x, w, yBar, n) {
      const xBar = new Float64Array(x.length);
      const wBar = new Float64Array(2 * C);
      for (const plane of planes(x, n)) {
        const { c, of, r, xHat } = plane;
        of(xBar).set(project(plane, of(yBar)).map((value) => w[c]! * r * value));
        wBar[c]! += dot(of(yBar), xHat);
        wBar[C + c]! += sum(of(yBar));
      }
      return { xBar, wBar };
    },
    hvp(x, w, xDot, wDot, yBar, yBarDot, n) {
      const xBarDot = new Float64Array(x.length);
      const wBarDot = new Float64Array(2 * C);
      for (const plane of planes(x, n)) {
        const { c, of, r, xHat } = plane;
        const [bar, barDot] = [of(yBar), of(yBarDot)];
        const xHatDot = xHatDotOf(plane, of(xDot));
        const rDot = -(r ** 2) * meanOf(xHat, of(xDot));
        const scaleDot = wDot[c]! * r + w[c]! * rDot;
        const [PBar, PBarDot] = [project(plane, bar), project(plane, barDot)];
        const [along, alongDot] = [meanOf(xHat, bar), meanOf(xHatDot, bar)];
        of(xBarDot).set(bar.map((_, a) => {
          const PDotBar = -xHatDot[a]! * along - xHat[a]! * alongDot;
          return scaleDot * PBar[a]! + w[c]! * r * (PBarDot[a]! + PDotBar);
        }));
        wBarDot[c]! += dot(barDot, xHat) + dot(bar, xHatDot);
        wBarDot[C + c]! += sum(barDot);
      }
      return { xBarDot, wBarDot };
    },
  };
}

function sum(v: Float64Array): number {
  return v.reduce((total, value) => total + value, 0);
}
