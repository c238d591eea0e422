/** Linear: the linear case (Wang et al. 2018, §3.3) from a table to its results: the closed form and what is found. */
import { writeAtomic } from "../base/atomic.ts";
import { snakeKeys } from "../base/casing.ts";
import { version } from "../base/version.ts";
import type { Regression } from "../data/regression.ts";
import type { Device } from "../gpu/mod.ts";
import { type ClosedForm, closedForm } from "../linear/closed_form.ts";
import { heldOut, linearNet, type Points } from "../linear/points.ts";
import { linearProblem } from "../linear/problem.ts";
import { LinearTheory } from "../linear/theory.ts";
import { trainPoints } from "../linear/train_points.ts";
import type { ExcessPoint } from "../report/excess_plot.ts";
import { lockFolder } from "../store/folder_lock.ts";

/** Networks that points are measured on. */
const HELD_OUT = 4096;

/** Iterations of the outer loop that look for points. */
const ITERATIONS = 800;

/** How the linear case is shown. */
export interface LinearOptions {
  /** Seed of everything drawn, an unsigned 32-bit integer. */
  readonly seed: number;
  /** Folder for `linear.json` and `linear.svg`. */
  readonly out: string;
  /** Called with a line when the points of a number are looked for. */
  readonly onProgress?: (line: string) => void;
}

/** M points that the trainer found, and what they leave, beside theory, in parts of the excess loss of θ₀. */
export interface LinearPoint extends ExcessPoint, Points {}

/** The linear case of a problem. */
export interface LinearResult {
  /** N. */
  readonly rows: number;
  /** Names of the D columns. */
  readonly columns: readonly string[];
  /** Name of the column that they tell. */
  readonly target: string;
  /** The share of its variance that the best linear model explains. */
  readonly explained: number;
  /** Eigenvalues of dᵀd/N, the largest first; they sum to D. */
  readonly eigenvalues: readonly number[];
  /** Seed of everything drawn. */
  readonly seed: number;
  /** Name of the WebGPU adapter. */
  readonly adapter: string;
  /** Version of Retort. */
  readonly version: string;
  /** Networks θ₀ that all is measured on, none of them trained with. */
  readonly networks: number;
  /** The closed form: how far its identities hold, and the excess loss that it leaves on the adapter. */
  readonly closedForm: Pick<ClosedForm, "remainder" | "optimum" | "determinant"> & {
    readonly rate: number;
    readonly found: number;
  };
  /** What was found for M = 1 … D + 2. */
  readonly points: readonly LinearPoint[];
}

/**
 * Shows the linear case of a table: the closed form, and what the trainer finds for M = 1 … D + 2. Writes
 * `linear.json` and `linear.svg`.
 *
 * @throws RangeError for a table that has no single best linear model, or that is too large.
 */
export async function linear(
  device: Device,
  table: Regression,
  { seed, out, onProgress }: LinearOptions,
): Promise<LinearResult & { files: string[] }> {
  const problem = linearProblem(table);
  const theory = new LinearTheory(problem);
  using _lock = await lockFolder(out);
  const net = linearNet(device, problem.dims);
  const measure = async (points: Points) => {
    const { before, after } = await heldOut(net, { points, networks: HELD_OUT, seed });
    const whole = theory.excess(before);
    const { bound, aligned } = theory.limits(points.count, before);
    return {
      ...points,
      found: theory.excess(after) / whole,
      outside: theory.outside(points, before) / whole,
      bound: bound / whole,
      aligned: aligned / whole,
    };
  };
  const { points: exact, ...identities } = closedForm(problem, theory.optimum);
  const { found, rate } = await measure(exact);
  const points: LinearPoint[] = [];
  for (let count = 1; count <= problem.dims + 2; count++) {
    onProgress?.(`${count} of ${problem.dims + 2} points`);
    const found = await trainPoints(net, problem, { count, iterations: ITERATIONS, seed });
    points.push(await measure(found));
  }
  const { columns, target } = table;
  const { explained, eigenvalues } = theory;
  const result = {
    rows: problem.rows,
    columns,
    target,
    explained,
    eigenvalues,
    seed,
    adapter: device.info.name,
    version,
    networks: HELD_OUT,
    closedForm: { ...identities, rate, found },
    points,
  };
  const { plotExcess } = await import("../report/excess_plot.ts"); // large; only here needed
  const files = [`${out}/linear.json`, `${out}/linear.svg`];
  await writeAtomic(files[0]!, `${JSON.stringify(snakeKeys(result), null, 2)}\n`);
  const title = `One step on M points: ${problem.rows} rows, D = ${problem.dims}`;
  await writeAtomic(files[1]!, plotExcess(title, points));
  return { ...result, files };
}
