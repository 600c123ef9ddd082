import Pictures
import TensorGraph

/// Relevance goes to a region A: D = Σ_{j∈A} S_j. Progress is the share of relevance in A that was not
/// there before. Ghorbani et al. 2019, Algorithm 1, targeted attack.
public struct TargetedRegion: AttackObjective {
  /// Rows and columns of the heatmap.
  public let rows: Range<Int>
  public let columns: Range<Int>
  let height: Int
  let width: Int
  public var name: String { "targeted" }

  /// - Precondition: the region lies within maps of this size and is not empty.
  public init(rows: Range<Int>, columns: Range<Int>, height: Int, width: Int) {
    precondition(
      !rows.isEmpty && !columns.isEmpty && rows.lowerBound >= 0 && columns.lowerBound >= 0
        && rows.upperBound <= height && columns.upperBound <= width,
      "rows \(rows) and columns \(columns) of \(height)×\(width)")
    (self.rows, self.columns, self.height, self.width) = (rows, columns, height, width)
  }

  static let kind = AttackKind("targeted", options: [.region]) {
    (specification, height, width) throws(AttackError) in
    guard let region = specification.region else {
      preconditionFailure("targeted has a region, checked by AttackSpecification")
    }
    // Pixels whose middle lies in the region.
    func range(_ from: Double, _ to: Double, _ count: Int) -> Range<Int> {
      let first = Int((from * Double(count) - 0.5).rounded(.up))
      return first..<max(first, Int((to * Double(count) - 0.5).rounded(.up)))
    }
    let (columns, rows) = (range(region[0], region[2], width), range(region[1], region[3], height))
    guard !rows.isEmpty, !columns.isEmpty else {
      throw AttackError(
        "attack.region \(region) holds the middle of no pixel of the \(height)×\(width) heatmap; "
          + "give a larger one")
    }
    return TargetedRegion(rows: rows, columns: columns, height: height, width: width)
  }

  public func objective(
    of relevance: Value, logits: (inout GraphBuilder) throws -> Value, reference: Value?,
    in graph: inout GraphBuilder
  ) throws -> Value? {
    let part = try graph.slice(graph.slice(relevance, axis: 1, rows), axis: 2, columns)
    return try graph.sum(part)
  }

  public func progress(of perturbed: Heatmap, from start: AttackStart) -> Double {
    share(perturbed) - share(start.relevance)
  }

  /// Of relevance within the region, in [0, 1].
  func share(_ map: Heatmap) -> Double {
    var (inside, all) = (0.0, 0.0)
    for (position, value) in map.values.enumerated() {
      all += Double(value)
      if rows.contains(position / width), columns.contains(position % width) {
        inside += Double(value)
      }
    }
    return all > 0 ? inside / all : 0
  }
}
