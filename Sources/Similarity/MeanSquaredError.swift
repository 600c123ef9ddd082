import Pictures

/// mean_j (a_j − b_j)², in the square of the maps' own unit.
public struct MeanSquaredError: SimilarityMeasure {
  public var name: String { "mse" }
  public var title: String { "MSE" }
  public var growsWithLikeness: Bool { false }
  public init() {}

  public func callAsFunction(_ a: Heatmap, _ b: Heatmap) -> Double {
    checkSizes(a, b)
    let sum = zip(a.values, b.values).reduce(0.0) { sum, pair in
      let difference = Double(pair.0) - Double(pair.1)
      return sum + difference * difference
    }
    return sum / Double(max(a.values.count, 1))
  }
}
