/// Which regions of an image are perturbed first.
public enum PerturbationOrder: String, Codable, Hashable, Sendable, CaseIterable {
  /// MoRF: a heatmap that is right makes the score fall fast.
  case mostRelevantFirst = "most-relevant-first"
  /// LeRF: a heatmap that is right makes it stay.
  case leastRelevantFirst = "least-relevant-first"
  /// What a heatmap that knows nothing would give.
  case random

  /// The regions one after the other.
  /// - Parameters:
  ///   - relevance: of each region; of no consequence for a random order.
  ///   - permutation: of all regions at random. It is the random order, and says which of equally
  ///     relevant regions comes first: where a heatmap is 0, it has no order of its own.
  public func regions(relevance: [Double], permutation: [Int]) -> [Int] {
    switch self {
    case .random: return permutation
    case .mostRelevantFirst, .leastRelevantFirst:
      precondition(
        relevance.count == permutation.count,
        "relevance of \(relevance.count) regions, an order of \(permutation.count)")
      let isFalling = self == .mostRelevantFirst
      return permutation.enumerated().sorted { a, b in
        let (first, second) = (relevance[a.element], relevance[b.element])
        if first != second { return isFalling ? first > second : first < second }
        return a.offset < b.offset
      }.map(\.element)
    }
  }

  /// Whether it needs a heatmap.
  public var usesHeatmap: Bool { self != .random }
}
