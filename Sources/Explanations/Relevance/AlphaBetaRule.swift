import TensorGraph

extension AffineMap {
  /// x and w by their signs. The negative part of an input that is known to have none is `nil`.
  struct Parts {
    let positive: Value
    let negative: Value?

    init(_ x: Value, isNonNegative: Bool = false, in graph: inout GraphBuilder) throws {
      positive = isNonNegative ? x : try graph.relu(x)
      negative = isNonNegative || positive == x ? nil : try graph.negativePart(x)
    }
  }

  /// Shares of relevance by x⁺·u + x⁻·v (+ bias), the same stabilised by ε:
  /// R_i = x_i⁺ Σ_j u_ij S_j + x_i⁻ Σ_j v_ij S_j, S = R / (x⁺·u + x⁻·v + bias).
  func shares(
    _ x: Parts, of relevance: Value, by u: Value, _ v: Value, bias: Value?, epsilon: Double,
    in graph: inout GraphBuilder
  ) throws -> Value {
    let negative = try x.negative.map { try apply($0, v, in: &graph) }
    let total = try graph.sum([apply(x.positive, u, in: &graph), negative, bias])!
    let s = try graph.divide(relevance, graph.stabilized(total, epsilon))
    let received = try x.negative.map { try graph.multiply($0, adjoint(s, v, in: &graph)) }
    return try graph.sum([
      graph.multiply(x.positive, adjoint(s, u, in: &graph)), received,
    ])!
  }

  /// α·(shares of the positive contributions x⁺w⁺ + x⁻w⁻ + b⁺) − β·(shares of the negative ones,
  /// x⁺w⁻ + x⁻w⁺ + b⁻).
  func alphaBetaRule(
    _ x: Parts, _ relevance: Value, alpha: Double, beta: Double, epsilon: Double, countsBias: Bool,
    in graph: inout GraphBuilder
  ) throws -> Value {
    let (up, down) = (try graph.relu(weight), try graph.negativePart(weight))
    let bias = countsBias ? bias : nil
    let positive = try shares(
      x, of: graph.multiply(relevance, alpha), by: up, down,
      bias: bias.map { try graph.relu($0) }, epsilon: epsilon, in: &graph)
    guard beta != 0 else { return positive }
    let negative = try shares(
      x, of: graph.multiply(relevance, beta), by: down, up,
      bias: bias.map { try graph.negativePart($0) }, epsilon: epsilon, in: &graph)
    return try graph.subtract(positive, negative)
  }
}
