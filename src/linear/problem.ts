/** Problem: a linear regression as Wang et al. 2018 have it in §3.3, from a table or drawn. */
import type { Regression } from "../data/regression.ts";
import type { Device } from "../gpu/mod.ts";
import { drawNormal } from "../meta/noise.ts";

/**
 * Rows d and targets t of a linear regression, ℓ(θ) = ‖dθ − t‖²/2N. Each column of d, and t, has mean 0 and variance
 * 1: the model has no bias, and one rate is to suit all columns.
 */
export interface LinearProblem {
  /** N, rows. */
  readonly rows: number;
  /** D, columns of d. */
  readonly dims: number;
  /** d [N, D]. */
  readonly inputs: Float32Array<ArrayBuffer>;
  /** t [N]. */
  readonly targets: Float32Array<ArrayBuffer>;
}

/** The largest problem: every iteration takes all rows, and there is a training for each number of points. */
const MOST = { rows: 10_000, dims: 64 };

/** Streams of the seed. */
const [INPUTS, TRUTH, NOISE] = [106, 107, 108];

/**
 * The problem that a table poses, in the float32 that networks see.
 *
 * @throws RangeError for no more rows than columns, too many of either, or a column with one value only.
 */
export function linearProblem(table: Regression): LinearProblem {
  const { columns, target, rows } = table;
  const dims = columns.length;
  if (rows <= dims) {
    throw new RangeError(
      `Cannot fit ${target}: got ${rows} rows for ${dims} columns, expected more rows than columns; ` +
        `add rows or leave out columns`,
    );
  }
  if (rows > MOST.rows || dims > MOST.dims) {
    throw new RangeError(
      `Cannot fit ${target}: got ${rows} rows of ${dims} columns, expected at most ${MOST.rows} of ` +
        `${MOST.dims}; take a part of the rows or columns`,
    );
  }
  const inputs = new Float32Array(rows * dims);
  columns.forEach((column, d) => {
    const values = Float64Array.from({ length: rows }, (_, n) => table.inputs[n * dims + d]!);
    standardized(column, values).forEach((value, n) => inputs[n * dims + d] = value);
  });
  return { rows, dims, inputs, targets: Float32Array.from(standardized(target, table.targets)) };
}

/** Values with their mean taken out, divided by their standard deviation. */
function standardized(column: string, values: Float64Array): Float64Array {
  if (values.every((value) => value === values[0])) {
    throw new RangeError(
      `Cannot fit column ${column}: got ${
        values[0]
      } in every row, expected two values or more; leave the ` +
        `column out`,
    );
  }
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  const deviation = Math.sqrt(squares / values.length);
  return values.map((value) => (value - mean) / deviation);
}

/** Draws a table with N(0, 1) in each of `dims` columns, and t = dθ + noise, θ and the noise from N(0, 1) too. */
export async function drawnRegression(
  device: Device,
  { rows, dims, seed }: { readonly rows: number; readonly dims: number; readonly seed: number },
): Promise<Regression> {
  const inputs = Float64Array.from(await drawNormal(device, seed, INPUTS, rows * dims));
  const truth = await drawNormal(device, seed, TRUTH, dims);
  const noise = await drawNormal(device, seed, NOISE, rows);
  const targets = Float64Array.from(
    noise,
    (e, n) => truth.reduce((sum, weight, d) => sum + weight * inputs[n * dims + d]!, e),
  );
  const columns = Array.from({ length: dims }, (_, d) => `x${d + 1}`);
  return { columns, target: "t", rows, inputs, targets };
}
