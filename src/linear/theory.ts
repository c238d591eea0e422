/**
 * Theory: what one step on M points leaves of the excess loss, in float64. With C = dᵀd/N and θ₀ from N(0, σ²I):
 *
 *   excess    L(θ) − L(θ*) = ½ (θ − θ*)ᵀ C (θ − θ*)
 *   outside   points whose rows span S lead at best to θ₁ = (I − P)θ₀ + b, where P is the orthogonal projection onto
 *             S and b the point of S with the least excess
 *   aligned   S of the M eigenvectors v of C with the largest eigenvalues λ: then θ₁ − θ* = (I − P)(θ₀ − θ*), and
 *             ½ Σ λ_i ⟨v_i, θ₀ − θ*⟩² is left, over the others
 *   bound     whatever the points, C^½(θ₁ − θ*) is C^½(θ₀ − θ*) but for something in M dimensions, so that at least
 *             half the D − M smallest eigenvalues of C^½ E[(θ₀ − θ*)(θ₀ − θ*)ᵀ] C^½ are left (Eckart & Young 1936)
 *
 * docs/linear.md has the proofs.
 */
import {
  EigenvalueDecomposition,
  Matrix,
  SingularValueDecomposition,
  solve,
} from "npm:ml-matrix@6.15.1";
import type { Points } from "./points.ts";
import type { LinearProblem } from "./problem.ts";

/** Eigenvalues of C, and singular values of d̃, below such a share of the largest are lost in float32. */
const RANK = { covariance: 1e-6, rows: 1e-5 };

/** The excess loss of a problem, and what theory says of it. */
export class LinearTheory {
  /** θ*, where the loss is least. */
  readonly optimum: readonly number[];
  /** λ, the eigenvalues of C, the largest first. */
  readonly eigenvalues: readonly number[];
  /** The share of t's variance that dθ* explains. */
  readonly explained: number;
  /** C. */
  readonly #covariance: Matrix;
  /** Its eigenvectors, a column each. */
  readonly #vectors: Matrix;

  /**
   * Decomposes dᵀd/N.
   *
   * @throws RangeError for columns of which one follows from the others, so that θ* is not one point.
   */
  constructor({ rows, dims, inputs, targets }: LinearProblem) {
    const d = Matrix.from1DArray(rows, dims, inputs);
    const covariance = d.transpose().mmul(d).div(rows);
    const [vectors, eigenvalues] = eigen(covariance);
    const rank = eigenvalues.filter((value) => value > RANK.covariance * eigenvalues[0]!).length;
    if (rank < dims) {
      throw new RangeError(
        `Cannot fit ${dims} columns: got ${rank} that do not follow from one another, expected all; leave ` +
          `out columns that are sums or multiples of others`,
      );
    }
    const products = d.transpose().mmul(Matrix.columnVector(targets)).div(rows);
    this.optimum = solve(covariance, products).to1DArray();
    this.explained = products.dot(Matrix.columnVector(this.optimum));
    this.eigenvalues = eigenvalues;
    this.#covariance = covariance;
    this.#vectors = vectors;
  }

  /** The excess loss, a mean over networks θ. */
  excess(thetas: readonly (readonly number[])[]): number {
    return this.#half(this.#errors(thetas));
  }

  /** What the best points with the rows of these would leave, of networks θ₀. */
  outside({ count, inputs }: Points, thetas: readonly (readonly number[])[]): number {
    const C = this.#covariance;
    const span = spanOf(Matrix.from1DArray(count, C.rows, inputs));
    if (span.columns === C.rows) return 0; // P = I and b = θ*
    const optimum = Matrix.columnVector(this.optimum);
    const within = span.transpose().mmul(C);
    const b = span.mmul(solve(within.mmul(span), within.mmul(optimum)));
    const before = new Matrix(thetas.map((theta) => [...theta]));
    const after = before.sub(before.mmul(span).mmul(span.transpose()));
    return this.#half(after.addRowVector(b.sub(optimum).to1DArray()));
  }

  /** What `count` points leave at least, and what points along the largest eigenvectors do, of networks θ₀. */
  limits(
    count: number,
    thetas: readonly (readonly number[])[],
  ): { bound: number; aligned: number } {
    const errors = this.#errors(thetas).mmul(this.#vectors); // in the coordinates of the eigenvectors
    errors.mulRowVector(this.eigenvalues.map(Math.sqrt));
    const energy = errors.transpose().mmul(errors).div(2 * errors.rows);
    const [, least] = eigen(energy);
    const rest = (values: readonly number[]) =>
      values.slice(count).reduce((sum, value) => sum + Math.max(0, value), 0);
    return { bound: rest(least), aligned: rest(energy.diagonal()) };
  }

  /** θ − θ*, a row each. */
  #errors(thetas: readonly (readonly number[])[]): Matrix {
    return new Matrix(
      thetas.map((theta) => theta.map((value, i) => value - this.optimum[i]!)),
    );
  }

  /** ½ eᵀCe, a mean over the rows e. */
  #half(errors: Matrix): number {
    return errors.mmul(this.#covariance).mul(errors).sum() / (2 * errors.rows);
  }
}

/** Eigenvectors of a symmetric matrix as columns, and its eigenvalues, the largest first. */
function eigen(symmetric: Matrix): [Matrix, number[]] {
  const { realEigenvalues, eigenvectorMatrix } = new EigenvalueDecomposition(symmetric, {
    assumeSymmetric: true,
  });
  const order = realEigenvalues.map((_, i) => i)
    .sort((a, b) => realEigenvalues[b]! - realEigenvalues[a]!);
  const { rows } = symmetric;
  return [
    eigenvectorMatrix.subMatrixColumn(order, 0, rows - 1),
    order.map((i) => realEigenvalues[i]!),
  ];
}

/** An orthonormal basis of what rows span, a column each. */
function spanOf(rows: Matrix): Matrix {
  const { leftSingularVectors, diagonal } = new SingularValueDecomposition(rows.transpose(), {
    autoTranspose: true,
  });
  const spanning = diagonal.flatMap((value, i) => value > RANK.rows * diagonal[0]! ? [i] : []);
  return leftSingularVectors.subMatrixColumn(spanning, 0, rows.columns - 1);
}
