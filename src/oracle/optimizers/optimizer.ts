// optimizer: one step of training and its adjoint. With λ = ∂L/∂θ and σ = ∂L/∂s, s the state:
//
//   step      (θ', s') = step(θ, s, g, η)
//   adjoint   u = ∂L/∂g,  ∂L/∂η,  ∂L/∂μ,  and λ and σ of (λ', σ'), with g held fixed
//
// What λ gets through g, (∂²ℓ/∂θ²)·u, needs the network and is added by the caller.
//
// θ, g, u, λ and every array of s and σ [params]

/** Parameters and what the optimizer keeps for them; or the derivatives of L in both. */
export interface OptimizerPoint {
  /** θ [params], or λ = ∂L/∂θ. */
  readonly theta: Float64Array;
  /** s: `slots` arrays [params], or σ = ∂L/∂s. */
  readonly state: readonly Float64Array[];
}

/** What a step takes besides the point it starts from. */
export interface OptimizerUpdate {
  /** g [params], the gradient at the point. */
  readonly g: Float64Array;
  /** The learning rate η. */
  readonly eta: number;
  /** Steps that the network has taken before this one: 0 for its first. */
  readonly t: number;
}

/** What the adjoint of a step gives. */
export interface OptimizerAdjoint {
  /** ∂L/∂g [params]. */
  readonly u: Float64Array;
  /** ∂L/∂η. */
  readonly dEta: number;
  /** ∂L/∂μ, 0 for an optimizer without momentum. */
  readonly dMomentum: number;
  /** λ and σ before the step, with g held fixed. */
  readonly before: OptimizerPoint;
}

/** An inner optimizer in float64. */
export interface OracleOptimizer {
  /** Number of arrays in the state. */
  readonly slots: number;
  /** The point after a step from `at`. */
  step(at: OptimizerPoint, update: OptimizerUpdate): OptimizerPoint;
  /** The adjoint of that step, from the derivatives `after` it. */
  adjoint(after: OptimizerPoint, at: OptimizerPoint, update: OptimizerUpdate): OptimizerAdjoint;
}
