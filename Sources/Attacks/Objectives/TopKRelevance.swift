import Pictures
import Similarity
import TensorGraph

/// Relevance leaves the pixels that were the most relevant: D = −Σ_{j∈P} S_j, P the k largest pixels
/// of the clean relevance map. Progress is 1 − |P ∩ P(S)| / k. Ghorbani et al. 2019, Algorithm 1.
public struct TopKRelevance: AttackObjective {
  public let topK: Int
  public var name: String { "top-k" }

  public var largestProgress: Double? { 1 }

  public init(topK: Int) { self.topK = topK }

  static let kind = AttackKind("top-k") { specification, height, width in
    TopKRelevance(topK: specification.topK(height: height, width: width))
  }

  public func referenceShape(height: Int, width: Int, classes: Int) -> Shape? { [height, width] }

  /// 1 on P, 0 elsewhere.
  public func reference(of start: AttackStart) -> [Float] {
    start.relevance.top(topK).map { $0 ? 1 : 0 }
  }

  public func objective(
    of relevance: Value, logits: (inout GraphBuilder) throws -> Value, reference: Value?,
    in graph: inout GraphBuilder
  ) throws -> Value? {
    guard let mask = reference else { preconditionFailure("top-k without its reference") }
    return try graph.negate(graph.sum(graph.multiply(relevance, mask)))
  }

  public func progress(of perturbed: Heatmap, from start: AttackStart) -> Double {
    1 - TopKIntersection(count: topK)(perturbed, start.relevance)
  }
}
