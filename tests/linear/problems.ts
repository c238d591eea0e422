/** Small problems of the linear case. */
import { type LinearProblem, linearProblem } from "../../src/linear/problem.ts";
import { random } from "../oracle/numeric.ts";

/** A problem of columns that depend on one another, the more the larger `mix`. */
export function smallProblem(rows: number, dims: number, mix = 0.5): LinearProblem {
  const inputs = random(rows * dims, 3);
  for (let n = 0; n < rows; n++) {
    for (let d = 1; d < dims; d++) inputs[n * dims + d]! += mix * inputs[n * dims + d - 1]!;
  }
  const noise = random(rows, 4);
  const targets = noise.map((e, n) => {
    const row = inputs.subarray(n * dims, (n + 1) * dims);
    return row.reduce((sum, value, d) => sum + (d + 1) * value, e + 7);
  });
  const columns = Array.from({ length: dims }, (_, d) => `c${d}`);
  return linearProblem({ columns, target: "t", rows, inputs, targets });
}

/** Networks ±√D·e_i: their mean is 0 and their covariance I, exactly as far as float64 goes. */
export function balancedNetworks(dims: number): number[][] {
  return [1, -1].flatMap((sign) =>
    Array.from({ length: dims }, (_, i) => {
      return Array.from({ length: dims }, (_, j) => i === j ? sign * Math.sqrt(dims) : 0);
    })
  );
}
