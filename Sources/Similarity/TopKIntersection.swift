import Pictures

/// |P(a) ∩ P(b)| / k, P the k largest pixels of a map: 1 if they are the same. Ghorbani et al. 2019,
/// Section 3. Of equal pixels the first by rows come first.
public struct TopKIntersection: SimilarityMeasure {
  /// k, at least 1.
  public let count: Int
  public var name: String { "topKIntersection" }
  public var title: String { "top-k" }
  public var growsWithLikeness: Bool { true }

  public init(count: Int) {
    precondition(count > 0, "the \(count) largest pixels")
    self.count = count
  }

  public func callAsFunction(_ a: Heatmap, _ b: Heatmap) -> Double {
    checkSizes(a, b)
    let shared = zip(a.top(count), b.top(count)).count { $0 && $1 }
    return Double(shared) / Double(min(count, a.values.count))
  }
}

extension Heatmap {
  /// Which pixels are among the `count` largest, of equals the first by rows; all if there are not so
  /// many. What is not a number comes last. The work grows with the number of pixels.
  public func top(_ count: Int) -> [Bool] {
    guard count < values.count else { return [Bool](repeating: true, count: values.count) }
    let values = values.map { $0.isNaN ? -.infinity : $0 }
    let least = smallest(ofTop: count, in: values)
    var equal = count - values.count { $0 > least }
    return values.map { value in
      if value > least { return true }
      guard value == least, equal > 0 else { return false }
      equal -= 1
      return true
    }
  }

  /// The `count`-th largest value: Hoare's selection, 1961.
  private func smallest(ofTop count: Int, in values: [Float]) -> Float {
    var (rest, left) = (values, count)
    while true {
      // The middle of three, so that sorted and constant maps are no worst case.
      let middle = [rest[0], rest[rest.count / 2], rest[rest.count - 1]].sorted()[1]
      let above = rest.filter { $0 > middle }
      if left <= above.count {
        rest = above
        continue
      }
      let equal = rest.count { $0 == middle }
      if left <= above.count + equal { return middle }
      left -= above.count + equal
      rest = rest.filter { $0 < middle }
    }
  }
}
