import Pictures

/// Pearson's correlation of the pixels in [−1, 1]. 0 if either map is constant, where it is not defined.
public struct PearsonCorrelation: SimilarityMeasure {
  public var name: String { "pearson" }
  public var title: String { "Pearson" }
  public var growsWithLikeness: Bool { true }
  public init() {}

  public func callAsFunction(_ a: Heatmap, _ b: Heatmap) -> Double {
    checkSizes(a, b)
    let (x, y) = (a.values.map(Double.init), b.values.map(Double.init))
    let count = Double(max(x.count, 1))
    let (mx, my) = (x.reduce(0, +) / count, y.reduce(0, +) / count)
    var (xy, xx, yy) = (0.0, 0.0, 0.0)
    for (p, q) in zip(x, y) {
      xy += (p - mx) * (q - my)
      xx += (p - mx) * (p - mx)
      yy += (q - my) * (q - my)
    }
    return xx > 0 && yy > 0 ? xy / (xx.squareRoot() * yy.squareRoot()) : 0
  }
}
