import TensorGraph

extension AffineMap {
  /// R_i = x_i Σ_j w_ij R_j / (z_j + ε·sign z_j), z = x·w + b.
  func epsilonRule(
    _ x: Value, _ relevance: Value, epsilon: Double, countsBias: Bool, in graph: inout GraphBuilder
  ) throws -> Value {
    var z = try apply(x, weight, in: &graph)
    if countsBias, let bias { z = try graph.add(z, bias) }
    let s = try graph.divide(relevance, graph.stabilized(z, epsilon))
    return try graph.multiply(x, adjoint(s, weight, in: &graph))
  }
}
