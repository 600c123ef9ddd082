import Foolings
import TensorGraph

/// Σ s_I·L_I, s = softmax(L_I/g_I), which is not differentiated: the worst of several penalties leads.
func joined(
  _ penalties: [Value], _ goals: [PenaltyGoal], in graph: inout GraphBuilder
) throws -> Value {
  guard penalties.count > 1 else { return penalties[0] }
  let column = try graph.concatenate(
    penalties.map { try graph.reshape($0, to: [1, 1]) }, axis: 1)
  let scale = try graph.constant(
    Tensor(shape: [1, goals.count], values: goals.map { Float(1 / max($0.gap, 1e-3)) }))
  let weights = try graph.stopGradient(graph.softmax(graph.multiply(column, scale)))
  return try graph.reshape(graph.sum(graph.multiply(column, weights), axes: [1]), to: .scalar)
}

/// Share of heatmaps [N, h, w] in which every entry is 0, a scalar; `nil` of none.
func vanishedShare(of heatmaps: [Value], in graph: inout GraphBuilder) throws -> Value? {
  let shares = try heatmaps.map { map in
    try graph.mean(
      graph.isEqual(graph.sum(graph.absolute(map), axes: [1, 2]), graph.scalar(0)))
  }
  return try graph.mean(of: shares)
}
