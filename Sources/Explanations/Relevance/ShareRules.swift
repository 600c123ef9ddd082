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
    // The average is appended anew, on a value that simplification takes as given, so that its
    // adjoint is its gradient.
    watch(x)
    let average: Value
    switch step.layer {
    case .averagePool(let window, let countsPadding):
      average = try averagePool(x, window: window, countsPadding: countsPadding)
    case .adaptiveAveragePool(let height, let width):
      average = try adaptiveAveragePool(x, height: height, width: width)
    default: average = try mean(x, axes: [1, 2])
    }
    let s = try divide(relevance, stabilized(average, epsilon))
    return try multiply(x, gradient(of: average, with: [x], seed: s)[0])
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
