import Networks
import TensorGraph

/// Rules of layers without weights: averages and additions.
extension GraphBuilder {
  /// R_i = x_i · Aᵀ(R / (A x + ε·sign)), A the average of `step` and x its input or (`onlyPositive`)
  /// the positive part of it.
  mutating func averageShares(
    _ step: NetworkGraph.Step, _ relevance: Value, onlyPositive: Bool, epsilon: Double
  ) throws -> Value {
    let x = onlyPositive ? try relu(step.inputs[0]) : step.inputs[0]
    if step.output.shape == x.shape { return relevance }  // windows of one pixel
    watch(x)
    let average = try self.average(step, x)
    let s = try divide(relevance, stabilized(average, epsilon))
    return try multiply(x, gradient(of: average, with: [x], seed: s)[0])
  }

  /// Aᵀ y, A the average of `step`.
  mutating func averageAdjoint(_ step: NetworkGraph.Step, _ y: Value) throws -> Value {
    let x = step.inputs[0]
    if step.output.shape == x.shape { return y }
    watch(x)
    return try gradient(of: average(step, x), with: [x], seed: y)[0]
  }

  /// The average of `step`, applied to `x`. A caller that wants its adjoint as its gradient watches
  /// x first, so that simplification does not look through it.
  private mutating func average(_ step: NetworkGraph.Step, _ x: Value) throws -> Value {
    switch step.layer {
    case .averagePool(let window, let countsPadding):
      try averagePool(x, window: window, countsPadding: countsPadding)
    case .adaptiveAveragePool(let height, let width):
      try adaptiveAveragePool(x, height: height, width: width)
    default: try mean(x, axes: [1, 2])
    }
  }

  /// R_k = x_k / (Σ_l x_l + ε·sign) · R for each summand x_k, or (`onlyPositive`) its positive part.
  mutating func additionShares(
    _ inputs: [Value], _ relevance: Value, onlyPositive: Bool, epsilon: Double
  ) throws -> [Value] {
    let parts = onlyPositive ? try inputs.map { try relu($0) } : inputs
    let total = try sum(parts.map(Optional.some))!
    let s = try divide(relevance, stabilized(total, epsilon))
    return try parts.map { try multiply($0, s) }
  }
}
