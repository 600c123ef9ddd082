import TensorGraph

/// What a network's ReLU layers compute.
public enum Rectifier: Hashable, Sendable {
  /// max(x, 0). Its second derivative is zero wherever it exists.
  case relu
  /// log(1 + e^(βx)) / β with a scalar β > 0: smooth, and ReLU as β grows. Explanations are
  /// gradients, so an attack on them follows second derivatives, which ReLU does not have (Ghorbani
  /// et al. 2019, Section 3; Dombrowski et al. 2019, Section 4.1).
  case softplus(beta: Value)
}

extension GraphBuilder {
  public mutating func rectified(_ x: Value, _ rectifier: Rectifier) throws(ShapeError) -> Value {
    switch rectifier {
    case .relu: try relu(x)
    case .softplus(let beta): try divide(softplus(multiply(x, beta)), beta)
    }
  }

  /// The derivative of `rectified` in x: 1 where x > 0, else 0; or 1 / (1 + e^(−βx)).
  public mutating func slope(of rectifier: Rectifier, at x: Value) throws(ShapeError) -> Value {
    switch rectifier {
    case .relu: try isPositive(x)
    case .softplus(let beta): try sigmoid(multiply(x, beta))
    }
  }
}
