/** Kernel ridge regression in float64, by elimination: the error of predicting targets from images and labels. */
import { ntk } from "./ntk.ts";

type Network = Parameters<typeof ntk>[2];
type Extents = Parameters<typeof ntk>[3];

/** What a regression predicts from, and for. */
export interface RegressionProblem {
  /** [n, C, H, V]. */
  readonly images: Float64Array;
  /** [n, K]. */
  readonly labels: Float64Array;
  /** [m, C, H, V]. */
  readonly targets: Float64Array;
  /** [m, K]. */
  readonly targetLabels: Float64Array;
}

/** L = 1/2m ‖K_ts (K_ss + λI)⁻¹ y_s − y_t‖², with λ = reg · tr(K_ss) / n. */
export function regressionLoss(
  { images, labels, targets, targetLabels }: RegressionProblem,
  { network, extents, reg }: { network: Network; extents: Extents; reg: number },
): number {
  const D = extents.channels * extents.height * extents.width;
  const [n, m] = [images.length / D, targets.length / D];
  const K = labels.length / n;
  const row = (of: Float64Array, i: number, size: number) => of.subarray(i * size, (i + 1) * size);
  const kernel = (a: Float64Array, i: number, j: number) =>
    ntk(row(a, i, D), row(images, j, D), network, extents);
  const indices = Array.from({ length: n }, (_, i) => i);
  const square = indices.map((i) => indices.map((j) => kernel(images, i, j)));
  const lambda = reg * indices.reduce((sum, i) => sum + square[i]![i]!, 0) / n;
  const augmented = indices.map((i) => [
    ...square[i]!.map((value, j) => i === j ? value + lambda : value),
    ...row(labels, i, K),
  ]);
  const alpha = eliminated(augmented);
  let sum = 0;
  for (let t = 0; t < m; t++) {
    const kernels = indices.map((j) => kernel(targets, t, j));
    for (let k = 0; k < K; k++) {
      const predicted = indices.reduce((sum, j) => sum + kernels[j]! * alpha[j]![k]!, 0);
      sum += (predicted - targetLabels[t * K + k]!) ** 2;
    }
  }
  return sum / (2 * m);
}

/** The solution of [A | b] by Gauss–Jordan elimination with pivots; A is square. */
function eliminated(rows: number[][]): number[][] {
  const n = rows.length;
  for (let i = 0; i < n; i++) {
    const rest = rows.slice(i).map((row) => Math.abs(row[i]!));
    const pivot = i + rest.indexOf(Math.max(...rest));
    [rows[i], rows[pivot]] = [rows[pivot]!, rows[i]!];
    const scaled = rows[i] = rows[i]!.map((value) => value / rows[i]![i]!);
    rows.forEach((row, j) => {
      const factor = row[i]!;
      if (j !== i) rows[j] = row.map((value, c) => value - factor * scaled[c]!);
    });
  }
  return rows.map((row) => row.slice(n));
}
