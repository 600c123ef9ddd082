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
    case .resize(let layer): try resized(x, layer)
    default: try mean(x, axes: [1, 2])
    }
  }

  /// All to the largest input; equal ones share.
  mutating func winnerTakesAll(
    _ inputs: [Value], _ output: Value, _ relevance: Value
  ) throws -> [Value] {
    let isLargest = try inputs.map { try isEqual($0, output) }
    let share = try divide(relevance, sum(isLargest.map(Optional.some))!)
    return try isLargest.map { try multiply($0, share) }
  }

  /// Equal parts of R to the inputs that are no gates, summed where they are repeated; 0 to the gates.
  mutating func signalShares(
    _ step: NetworkGraph.Step, _ relevance: Value, gates: [Bool]
  ) throws -> [Value] {
    let part = try multiply(relevance, 1 / Double(max(gates.count { !$0 }, 1)))
    return try zip(step.inputs, gates).map { input, isGate in
      isGate ? try constant(0, shape: input.shape) : try summed(part, to: input.shape)
    }
  }

  /// Sums over the axes along which an array of `shape` is repeated to become one of y's.
  mutating func summed(_ y: Value, to shape: Shape) throws -> Value {
    let axes = shape.dimensions.indices.filter { shape[$0] == 1 && y.shape[$0] > 1 }
    return try sum(y, axes: axes)
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
