import Pictures

/// Spearman's rank correlation of the pixels in [−1, 1].
public struct SpearmanCorrelation: SimilarityMeasure {
  public var name: String { "spearman" }
  public var title: String { "Spearman" }
  public var growsWithLikeness: Bool { true }
  public init() {}

  public func callAsFunction(_ a: Heatmap, _ b: Heatmap) -> Double {
    checkSizes(a, b)
    return spearmanCorrelation(a.values, b.values)
  }
}

/// Ranks from 1; equal values share the mean of their ranks.
func ranks(_ values: [Float]) -> [Double] {
  // Keys in the order of the values, with the places below: integers are sorted without a closure.
  var keys = values.enumerated().map { place, value -> UInt64 in
    let bits = (value == 0 ? 0 : value).bitPattern
    let ordered = bits >> 31 == 0 ? bits | 1 << 31 : ~bits
    return UInt64(ordered) << 32 | UInt64(place)
  }
  keys.sort()
  var ranks = [Double](repeating: 0, count: values.count)
  var begin = 0
  while begin < keys.count {
    var end = begin + 1
    while end < keys.count, keys[end] >> 32 == keys[begin] >> 32 { end += 1 }
    for position in begin..<end {
      ranks[Int(keys[position] & 0xffff_ffff)] = Double(begin + end + 1) / 2
    }
    begin = end
  }
  return ranks
}

/// Ranks of values less their mean, for several correlations with the same values.
package struct CenteredRanks: Sendable {
  private let values: [Double]
  private let squares: Double

  package init(_ values: [Float]) {
    let mean = Double(values.count + 1) / 2
    self.values = ranks(values).map { $0 - mean }
    squares = self.values.reduce(0) { $0 + $1 * $1 }
  }

  /// Pearson's correlation of the ranks in [−1, 1]; `nil` if either side is constant.
  package func correlation(with other: CenteredRanks) -> Double? {
    precondition(
      values.count == other.values.count, "\(values.count) and \(other.values.count) values")
    guard squares > 0, other.squares > 0 else { return nil }
    var sum = 0.0
    for (x, y) in zip(values, other.values) { sum += x * y }
    return sum / (squares * other.squares).squareRoot()
  }
}

/// Spearman's rank correlation in [−1, 1]: Pearson's correlation of the ranks. 0 if either side is
/// constant, where it is not defined.
public func spearmanCorrelation(_ a: [Float], _ b: [Float]) -> Double {
  precondition(a.count == b.count, "\(a.count) and \(b.count) values")
  return CenteredRanks(a).correlation(with: CenteredRanks(b)) ?? 0
}
