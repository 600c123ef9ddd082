extension Collection where Element == Double {
  /// 0 of none.
  var mean: Double { isEmpty ? 0 : reduce(0, +) / Double(count) }
  /// Of a sample; 0 of fewer than two.
  var standardDeviation: Double {
    let mean = self.mean
    return count < 2
      ? 0 : (reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(count - 1)).squareRoot()
  }
  /// 0 of none.
  var median: Double {
    let sorted = self.sorted()
    guard !sorted.isEmpty else { return 0 }
    let middle = sorted.count / 2
    return sorted.count % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
  }
}
