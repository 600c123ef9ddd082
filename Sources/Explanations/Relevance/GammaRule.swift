import TensorGraph

extension AffineMap {
  /// Outputs z > 0 share by x⁺(w + γw⁺) + x⁻(w + γw⁻) + b + γb⁺, outputs z < 0 by
  /// x⁺(w + γw⁻) + x⁻(w + γw⁺) + b + γb⁻. With x ≥ 0 and z > 0 that is the rule of Montavon et al.
  func gammaRule(
    _ x: Value, _ parts: Parts, _ relevance: Value, gamma: Double, epsilon: Double,
    countsBias: Bool, in graph: inout GraphBuilder
  ) throws -> Value {
    func favouring(_ w: Value, positive: Bool, _ graph: inout GraphBuilder) throws -> Value {
      let part = positive ? try graph.relu(w) : try graph.negativePart(w)
      return try graph.add(w, graph.multiply(part, gamma))
    }
    var z = try apply(x, weight, in: &graph)
    if let bias { z = try graph.add(z, bias) }
    let zero = try graph.scalar(0)
    let up = try favouring(weight, positive: true, &graph)
    let down = try favouring(weight, positive: false, &graph)
    let bias = countsBias ? bias : nil
    let positive = try shares(
      parts, of: graph.multiply(relevance, graph.isGreater(z, zero)), by: up, down,
      bias: bias.map { try favouring($0, positive: true, &graph) }, epsilon: epsilon, in: &graph)
    let negative = try shares(
      parts, of: graph.multiply(relevance, graph.isGreater(zero, z)), by: down, up,
      bias: bias.map { try favouring($0, positive: false, &graph) }, epsilon: epsilon, in: &graph)
    return try graph.add(positive, negative)
  }
}
