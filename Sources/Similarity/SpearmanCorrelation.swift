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
  let order = values.indices.sorted { values[$0] < values[$1] }
  var ranks = [Double](repeating: 0, count: values.count)
  var begin = 0
  while begin < order.count {
    var end = begin + 1
    while end < order.count, values[order[end]] == values[order[begin]] { end += 1 }
    for position in begin..<end { ranks[order[position]] = Double(begin + end + 1) / 2 }
    begin = end
  }
  return ranks
}

/// Spearman's rank correlation in [−1, 1]: Pearson's correlation of the ranks. 0 if either side is
/// constant, where it is not defined.
public func spearmanCorrelation(_ a: [Float], _ b: [Float]) -> Double {
  precondition(a.count == b.count, "\(a.count) and \(b.count) values")
  let (x, y) = (ranks(a), ranks(b))
  let mean = Double(a.count + 1) / 2
  var (xy, xx, yy) = (0.0, 0.0, 0.0)
  for (p, q) in zip(x, y) {
    xy += (p - mean) * (q - mean)
    xx += (p - mean) * (p - mean)
    yy += (q - mean) * (q - mean)
  }
  return xx > 0 && yy > 0 ? xy / (xx * yy).squareRoot() : 0
}
