import Pictures

/// SSIM in [−1, 1]: the mean over all windows that lie within the maps of
///
/// (2μ_a μ_b + c₁)(2σ_ab + c₂) / ((μ_a² + μ_b² + c₁)(σ_a² + σ_b² + c₂)), c₁ = (0.01 L)², c₂ = (0.03 L)²,
///
/// with means, sample variances and covariance of 7×7 windows and L the largest minus the smallest
/// value of the two maps. Wang et al. 2004 with the windows that scikit-image's
/// `structural_similarity` has by default; Dombrowski et al. 2019 report it.
///
/// Windows of maps with fewer than 7 rows or columns are as large as an odd side can be. Two maps of
/// one and the same value are alike: 1.
public struct StructuralSimilarity: SimilarityMeasure {
  static let windowSide = 7
  static let (k1, k2) = (0.01, 0.03)  // Wang et al. 2004

  public var name: String { "ssim" }
  public var title: String { "SSIM" }
  public var growsWithLikeness: Bool { true }
  public init() {}

  public func callAsFunction(_ a: Heatmap, _ b: Heatmap) -> Double {
    checkSizes(a, b)
    let (x, y) = (a.values.map(Double.init), b.values.map(Double.init))
    let range =
      max(x.max() ?? 0, y.max() ?? 0) - min(x.min() ?? 0, y.min() ?? 0)
    guard range > 0 else { return 1 }
    let shorter = min(a.height, a.width, Self.windowSide)
    let side = shorter % 2 == 0 ? shorter - 1 : shorter
    func sums(_ value: (Int) -> Double) -> [Double] {
      windowSums(height: a.height, width: a.width, side: side, value)
    }
    let (sx, sy) = (sums { x[$0] }, sums { y[$0] })
    let (sxx, syy) = (sums { x[$0] * x[$0] }, sums { y[$0] * y[$0] })
    let sxy = sums { x[$0] * y[$0] }
    let count = Double(side * side)
    // One pixel has no variance.
    let scale = side > 1 ? 1 / (count - 1) : 0
    let (c1, c2) = ((Self.k1 * range) * (Self.k1 * range), (Self.k2 * range) * (Self.k2 * range))
    var total = 0.0
    for window in sx.indices {
      let (mx, my) = (sx[window] / count, sy[window] / count)
      let vx = (sxx[window] - count * mx * mx) * scale
      let vy = (syy[window] - count * my * my) * scale
      let vxy = (sxy[window] - count * mx * my) * scale
      total +=
        (2 * mx * my + c1) * (2 * vxy + c2) / ((mx * mx + my * my + c1) * (vx + vy + c2))
    }
    return total / Double(sx.count)
  }

  /// Σ of `value(position)` over every square window within the map.
  private func windowSums(
    height: Int, width: Int, side: Int, _ value: (Int) -> Double
  ) -> [Double] {
    var rows: [Double] = []
    for row in 0..<height {
      for column in 0...(width - side) {
        rows.append((column..<column + side).reduce(0) { $0 + value(row * width + $1) })
      }
    }
    let columns = width - side + 1
    return (0...(height - side)).flatMap { row in
      (0..<columns).map { column in
        (row..<row + side).reduce(0) { $0 + rows[$1 * columns + column] }
      }
    }
  }
}
