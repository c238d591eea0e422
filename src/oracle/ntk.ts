/** Neural tangent kernels in float64, one pair of images at a time: the twin of ntk/ntk.ts, by the same recursion. */

/** The network that a kernel is of. */
interface Network {
  readonly kernel: "fc" | "conv";
  readonly depth: number;
  readonly sigmaW2: number;
  readonly sigmaB2: number;
}

/** Extents of an image. */
interface Extents {
  readonly channels: number;
  readonly height: number;
  readonly width: number;
}

/** Cosines that differ from ±1 by less count as ±1, as in ntk_relu.wgsl: acos has an infinite slope there. */
const SNAP = 1e-6;

/** Θ of two images [C, H, V]. */
export function ntk(
  a: ArrayLike<number>,
  x: ArrayLike<number>,
  { kernel, depth, sigmaW2, sigmaB2 }: Network,
  { channels, height, width }: Extents,
): number {
  const isFlat = kernel === "fc";
  const [C, H, V] = isFlat ? [channels * height * width, 1, 1] : [channels, height, width];
  const P = H * V;
  const product = (left: ArrayLike<number>, right: ArrayLike<number>) =>
    Float64Array.from({ length: P }, (_, p) => {
      let sum = 0;
      for (let c = 0; c < C; c++) sum += left[c * P + p]! * right[c * P + p]!;
      return sum / C;
    });
  const layer = (values: Float64Array, isLast: boolean) => {
    const mean = isFlat || isLast ? meanOfAll(values) : meanOfWindows(values, H, V);
    return mean.map((value) => sigmaB2 + sigmaW2 * value);
  };
  let [sigma, u, v] = [product(a, x), product(a, a), product(x, x)].map((g) => layer(g, false)) as [
    Float64Array,
    Float64Array,
    Float64Array,
  ];
  let theta = sigma;
  for (let l = 1; l <= depth; l++) {
    const isLast = l === depth;
    const s = new Float64Array(P);
    const t = new Float64Array(P);
    for (let p = 0; p < P; p++) {
      const r = Math.sqrt(u[p]! * v[p]!);
      const cosine = sigma[p]! / r;
      const c = Math.abs(cosine) > 1 - SNAP ? Math.sign(cosine) : cosine;
      const angle = Math.PI - Math.acos(c);
      s[p] = r * (Math.sqrt((1 - c) * (1 + c)) + angle * c) / Math.PI / 2;
      t[p] = angle / Math.PI * theta[p]! / 2;
    }
    sigma = layer(s, isLast);
    theta = layer(t, isLast).map((value, p) => value - sigmaB2 + sigma[p]!);
    u = layer(u.map((value) => value / 2), isLast);
    v = layer(v.map((value) => value / 2), isLast);
  }
  return theta[0]!;
}

function meanOfAll(values: Float64Array): Float64Array {
  return Float64Array.of(values.reduce((sum, value) => sum + value, 0) / values.length);
}

/** Means over 3 × 3 pixels; those outside of the image are 0. */
function meanOfWindows(values: Float64Array, H: number, V: number): Float64Array {
  return values.map((_, p) => {
    const [h, v] = [Math.floor(p / V), p % V];
    let sum = 0;
    for (let y = Math.max(0, h - 1); y <= Math.min(H - 1, h + 1); y++) {
      for (let x = Math.max(0, v - 1); x <= Math.min(V - 1, v + 1); x++) sum += values[y * V + x]!;
    }
    return sum / 9;
  });
}
