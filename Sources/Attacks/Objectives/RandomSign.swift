import Pictures
import Similarity
import TensorGraph

/// The baseline: signs resampled at every iteration. Ghorbani et al. 2019, Section 3.
///
/// Of its iterates that keep the label, the one with the smallest top-k intersection is the result.
public struct RandomSign: AttackObjective {
  public let topK: Int
  public var name: String { "random-sign" }

  public var largestProgress: Double? { 1 }

  public init(topK: Int) { self.topK = topK }

  static let kind = AttackKind("random-sign") { specification, height, width in
    RandomSign(topK: specification.topK(height: height, width: width))
  }

  public func objective(
    of relevance: Value, logits: (inout GraphBuilder) throws -> Value, reference: Value?,
    in graph: inout GraphBuilder
  ) throws -> Value? { nil }

  public func progress(of perturbed: Heatmap, from start: AttackStart) -> Double {
    1 - TopKIntersection(count: topK)(perturbed, start.relevance)
  }
}
