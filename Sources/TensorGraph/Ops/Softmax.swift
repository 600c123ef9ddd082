extension GraphBuilder {
  /// log softmax(x)_k = x_k − m − log Σ_j exp(x_j − m), m = max_j x_j, along the last axis.
  ///
  /// Subtracting m keeps the exponentials within range and changes neither the value nor any
  /// derivative, so no gradient flows through it.
  /// - Operand: logits [N, K]. Result: [N, K].
  public mutating func logSoftmax(_ x: Value) throws(ShapeError) -> Value {
    guard x.shape.rank == 2 else {
      throw ShapeError("log-softmax: logits \(x.shape) are not [N, K]")
    }
    let shifted = try subtract(x, stopGradient(maximum(of: x, axes: [1])))
    return try subtract(shifted, logarithm(sum(exponential(shifted), axes: [1])))
  }

  /// softmax(x)_k = exp(x_k) / Σ_j exp(x_j), as the exponential of `logSoftmax`: [N, K].
  public mutating func softmax(_ x: Value) throws(ShapeError) -> Value {
    try exponential(logSoftmax(x))
  }

  /// −(1/N) Σ_n Σ_k labels[n,k] · log softmax(logits)[n,k], in nats.
  /// - Operands: `logits` [N, K], `labels` [N, K], one-hot or any distribution. Result: a scalar.
  public mutating func crossEntropy(
    _ logits: Value, labels: Value
  ) throws(ShapeError) -> Value {
    guard logits.shape.rank == 2, labels.shape == logits.shape else {
      throw ShapeError(
        "cross-entropy: logits \(logits.shape) and labels \(labels.shape) are not both [N, K]")
    }
    let likelihood = try sum(multiply(labels, logSoftmax(logits)))
    return try multiply(likelihood, -1 / Double(logits.shape[0]))
  }
}
