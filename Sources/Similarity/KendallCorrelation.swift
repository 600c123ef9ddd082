import Pictures

/// Kendall's τ_b of the pixels in [−1, 1].
public struct KendallCorrelation: SimilarityMeasure {
  public var name: String { "kendall" }
  public var title: String { "Kendall" }
  public var growsWithLikeness: Bool { true }
  public init() {}

  public func callAsFunction(_ a: Heatmap, _ b: Heatmap) -> Double {
    checkSizes(a, b)
    return kendallCorrelation(a.values, b.values)
  }
}

/// τ_b = (C − D) / √((n₀ − n₁)(n₀ − n₂)) in [−1, 1]: of the n₀ pairs of places C are in the same order
/// in both lists, D in opposite orders, n₁ tied in `a` and n₂ tied in `b`. 0 if either side is
/// constant, where it is not defined.
///
/// Knight 1966: sorted by `a`, the discordant pairs are the exchanges that sorting by `b` takes, so
/// the work is of order n log n.
public func kendallCorrelation(_ a: [Float], _ b: [Float]) -> Double {
  precondition(a.count == b.count, "\(a.count) and \(b.count) values")
  let order = a.indices.sorted { (a[$0], b[$0]) < (a[$1], b[$1]) }
  func tiedPairs(_ isTied: (Int, Int) -> Bool) -> Int {
    var (pairs, run) = (0, 1)
    for place in 1..<max(order.count, 1) {
      run = isTied(order[place - 1], order[place]) ? run + 1 : 1
      pairs += run - 1
    }
    return pairs
  }
  let pairs = a.count * (a.count - 1) / 2
  let tiedA = tiedPairs { a[$0] == a[$1] }
  let tiedBoth = tiedPairs { a[$0] == a[$1] && b[$0] == b[$1] }
  var values = order.map { b[$0] }
  let discordant = exchanges(&values)
  var (tiedB, run) = (0, 1)
  for place in 1..<max(values.count, 1) {
    run = values[place - 1] == values[place] ? run + 1 : 1
    tiedB += run - 1
  }
  let (rest, other) = (pairs - tiedA, pairs - tiedB)
  guard rest > 0, other > 0 else { return 0 }
  let difference = pairs - tiedA - tiedB + tiedBoth - 2 * discordant
  return Double(difference) / (Double(rest) * Double(other)).squareRoot()
}

/// Sorts by merging and counts the pairs that stood in the wrong order.
private func exchanges(_ values: inout [Float]) -> Int {
  var (count, width) = (0, 1)
  var merged = values
  while width < values.count {
    for begin in stride(from: 0, to: values.count, by: 2 * width) {
      let (middle, end) = (min(begin + width, values.count), min(begin + 2 * width, values.count))
      var (left, right) = (begin, middle)
      for place in begin..<end {
        if right == end || (left < middle && values[left] <= values[right]) {
          merged[place] = values[left]
          left += 1
        } else {
          merged[place] = values[right]
          count += middle - left
          right += 1
        }
      }
    }
    swap(&values, &merged)
    width *= 2
  }
  return count
}
