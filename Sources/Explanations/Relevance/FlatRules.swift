import TensorGraph

/// Rules that look at no activation, for the first layers of a network.
extension AffineMap {
  /// Every input that an output reads receives the same.
  func flatRule(
    _ relevance: Value, epsilon: Double, in graph: inout GraphBuilder
  ) throws -> Value {
    try weightShares(relevance, by: graph.constant(1, shape: weight.shape), nil, epsilon, &graph)
  }

  /// Shares by w² (and b², which nobody receives).
  func wSquareRule(
    _ relevance: Value, epsilon: Double, countsBias: Bool, in graph: inout GraphBuilder
  ) throws -> Value {
    let square = try (countsBias ? bias : nil).map { try graph.square($0) }
    return try weightShares(relevance, by: graph.square(weight), square, epsilon, &graph)
  }

  private func weightShares(
    _ relevance: Value, by u: Value, _ bias: Value?, _ epsilon: Double,
    _ graph: inout GraphBuilder
  ) throws -> Value {
    // The same for all images: a batch of one is enough.
    let one = try graph.constant(1, shape: inputShape.replacing(axis: 0, with: 1))
    let total = try graph.sum([apply(one, u, in: &graph), bias])!
    let s = try graph.divide(relevance, graph.stabilized(total, epsilon))
    return try adjoint(s, u, in: &graph)
  }
}
