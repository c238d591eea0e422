/**
 * Closed form: D points from which one step reaches the global minimum from any θ₀ (Wang et al. 2018, §3.3), and the
 * algebra that says so.
 *
 *   θ₁ = θ₀ − (η̃/M) d̃ᵀ(d̃θ₀ − t̃) = (I − H)θ₀ + (η̃/M) d̃ᵀt̃      H = (η̃/M) d̃ᵀd̃
 *
 * is a global minimum for every θ₀ only if dᵀd(I − H) = 0. d̃ = N·I, t̃ = N·θ* and η̃ = D/N² with M = D have H = I
 * and θ₁ = θ*.
 */
import { Matrix } from "npm:@mathigon/fermat@1.1.24";
import type { Points } from "./points.ts";
import type { LinearProblem } from "./problem.ts";

const { determinant, identity, inverse, product, scalarProduct, sum, transpose } = Matrix;

/** The closed form, and how far its identities hold in float64. */
export interface ClosedForm {
  /** d̃, t̃ and η̃. */
  readonly points: Points;
  /** The largest number of dᵀd(I − H), in parts of the largest of dᵀd; 0 where it holds. */
  readonly remainder: number;
  /** The largest number of (dᵀd)⁻¹dᵀt − θ*; 0 where θ* is the minimum. */
  readonly optimum: number;
  /** det H; 1 where H = I, 0 for M < D. */
  readonly determinant: number;
}

/** The closed form of a problem with its optimum θ*. */
export function closedForm(
  { rows, dims, inputs, targets }: LinearProblem,
  optimum: readonly number[],
): ClosedForm {
  const d = matrix(inputs, dims);
  const gram = product(transpose(d), d);
  const solution = product(inverse(gram), transpose(d), matrix(targets, 1));
  const points = {
    count: dims,
    inputs: scalarProduct(identity(dims), rows).flat(),
    targets: optimum.map((value) => rows * value),
    rate: dims / rows ** 2,
  };
  return {
    points,
    remainder: largest(remainderOf(gram, points)) / largest(gram),
    optimum: largest(difference(solution, matrix(optimum, 1))),
    // Of four rows and more fermat's determinant adds up cyclic diagonals only; H is diagonal, so it is right.
    determinant: determinant(hessianOf(points)),
  };
}

/** H = (η̃/M) d̃ᵀd̃ of some points: the Hessian of their loss, times the rate. */
export function hessianOf({ count, inputs, rate }: Points): number[][] {
  const d = matrix(inputs, inputs.length / count);
  return scalarProduct(product(transpose(d), d), rate / count);
}

/** dᵀd(I − H). */
export function remainderOf(gram: number[][], points: Points): number[][] {
  return product(gram, difference(identity(gram.length), hessianOf(points)));
}

function difference(a: number[][], b: number[][]): number[][] {
  return sum(a, scalarProduct(b, -1));
}

function largest(a: number[][]): number {
  return Math.max(...a.flat().map(Math.abs));
}

function matrix(values: ArrayLike<number>, columns: number): number[][] {
  return Array.from(
    { length: values.length / columns },
    (_, n) => Array.from({ length: columns }, (_, d) => values[n * columns + d]!),
  );
}
