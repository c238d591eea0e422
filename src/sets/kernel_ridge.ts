/**
 * Kernel ridge regression in float64: what n distilled images predict of m others by a kernel, and the gradient of the
 * error (Nguyen, Chen & Lee 2021, eq. 7).
 *
 *   A = K_ss + λI,  λ = reg · tr(K_ss) / n     α = A⁻¹ y_s     ŷ_t = K_ts α
 *   L = 1/2m ‖ŷ_t − y_t‖²      e = (ŷ_t − y_t) / m
 *   ∂L/∂K_ts = e αᵀ            β = A⁻¹ K_tsᵀ e            ∂L/∂y_s = β
 *   ∂L/∂A = −β αᵀ              ∂L/∂K_ss = ∂L/∂A + reg/n · tr(∂L/∂A) I
 *
 * It runs on the processor: for n ≤ 1000 a factorisation takes less than the risks of one in float32.
 */
import { CholeskyDecomposition, Matrix } from "npm:ml-matrix@6.15.1";

/** Rows of numbers, [rows, columns], each row `pitch` numbers after the one before. */
export interface Rows {
  readonly data: ArrayLike<number>;
  readonly rows: number;
  readonly columns: number;
  /** `columns` when left out. */
  readonly pitch?: number;
}

/** K_ss + λI, factorised. */
export class Ridge {
  /** λ in mean eigenvalues of K_ss. */
  readonly reg: number;
  readonly #matrix: Matrix;
  readonly #factors: CholeskyDecomposition;

  /**
   * Factorises.
   *
   * @param kernel K_ss [n, n], symmetric but for rounding.
   * @throws Error where it is not positive definite, even with λ.
   */
  constructor(kernel: Rows, reg: number) {
    const n = kernel.rows;
    const raw = matrixOf(kernel);
    const matrix = raw.clone().add(raw.transpose()).mul(0.5);
    const lambda = reg * matrix.trace() / n;
    for (let i = 0; i < n; i++) matrix.set(i, i, matrix.get(i, i) + lambda);
    this.reg = reg;
    this.#matrix = matrix;
    if (!Number.isFinite(matrix.sum())) {
      throw new Error(
        `Cannot solve kernel regression on ${n} images: got a kernel with numbers that are not finite, expected ` +
          `finite ones; lower lr, or sigma_w2 and depth`,
      );
    }
    this.#factors = new CholeskyDecomposition(matrix);
    if (this.#factors.isPositiveDefinite()) return;
    throw new Error(
      `Cannot solve kernel regression on ${n} images: got a kernel that is singular in float32, expected a ` +
        `positive definite one, as of images that differ; raise reg (now ${reg})`,
    );
  }

  /** A⁻¹ b, of b [n, K]. */
  solve(b: Matrix): Matrix {
    return this.#factors.solve(b);
  }

  /** A z, of z [n, K]. */
  times(z: Matrix): Matrix {
    return this.#matrix.mmul(z);
  }
}

/** The error of a regression, and its gradient. */
export interface RegressionGradient {
  /** L. */
  readonly loss: number;
  /** ∂L/∂K_ts, [m, n]. */
  readonly ktsBar: Matrix;
  /** ∂L/∂K_ss, [n, n], symmetric. */
  readonly kssBar: Matrix;
  /** ∂L/∂y_s, [n, K]. */
  readonly labelsBar: Matrix;
}

/** L and its gradient, of K_ts [m, n], y_s [n, K] and y_t [m, K]. @throws Error for a singular K_ss. */
export function regressionGradient(
  { kts, kss, labels, targets, reg }: {
    readonly kts: Rows;
    readonly kss: Rows;
    readonly labels: Rows;
    readonly targets: Rows;
    readonly reg: number;
  },
): RegressionGradient {
  const [m, n] = [kts.rows, kts.columns];
  const ridge = new Ridge(kss, reg);
  const alpha = ridge.solve(matrixOf(labels));
  const ofTargets = matrixOf(kts);
  const errors = ofTargets.mmul(alpha).sub(matrixOf(targets));
  const loss = errors.norm() ** 2 / (2 * m);
  errors.div(m);
  const beta = ridge.solve(ofTargets.transpose().mmul(errors));
  const half = beta.mmul(alpha.transpose()).mul(-0.5);
  const kssBar = half.clone().add(half.transpose());
  const ofLambda = reg / n * kssBar.trace();
  for (let i = 0; i < n; i++) kssBar.set(i, i, kssBar.get(i, i) + ofLambda);
  return { loss, ktsBar: errors.mmul(alpha.transpose()), kssBar, labelsBar: beta };
}

/** A matrix of rows. */
export function matrixOf({ data, rows, columns, pitch = columns }: Rows): Matrix {
  const matrix = new Matrix(rows, columns);
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < columns; j++) matrix.set(i, j, data[i * pitch + j]!);
  }
  return matrix;
}

/**
 * The labels of n images that lead to the least error on all targets (Label Solve, ibid. eq. 8): y_s = A z, where z
 * minimises ‖K_ts z − y_t‖². Targets are given some at a time.
 */
export class LabelSolve {
  readonly #products: Matrix;
  readonly #rightSide: Matrix;

  /** Starts with no targets, for n images and labels of K numbers. */
  constructor(images: number, classes: number) {
    this.#products = Matrix.zeros(images, images);
    this.#rightSide = Matrix.zeros(images, classes);
  }

  /** Adds targets: their kernel with the images K_ts [m, n], and y_t [m, K]. */
  add(kts: Matrix, targets: Matrix): void {
    const transposed = kts.transpose();
    this.#products.add(transposed.mmul(kts));
    this.#rightSide.add(transposed.mmul(targets));
  }

  /** y_s [n, K]. @throws Error where targets do not determine them. */
  labels(ridge: Ridge): Matrix {
    const factors = new CholeskyDecomposition(this.#products);
    if (!factors.isPositiveDefinite()) {
      throw new Error(
        `Cannot solve for labels of ${this.#products.rows} images: got targets that do not determine them, ` +
          `expected images that differ, and more targets than images; distil fewer images`,
      );
    }
    return ridge.times(factors.solve(this.#rightSide));
  }
}
