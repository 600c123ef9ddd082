import Foundation
import Pictures

/// DSSIM = (1 − SSIM) / 2 in [0, 1], SSIM the mean over all windows that lie within the maps of
///
/// (2μ_a μ_b + c₁)(2σ_ab + c₂) / ((μ_a² + μ_b² + c₁)(σ_a² + σ_b² + c₂)), c₁ = 0.01², c₂ = 0.03²,
///
/// each map scaled to [0, 1] by its minimum and maximum, means, variances and covariance weighted by a
/// Gaussian of σ 1.5 on windows of 11×11. Wang et al. 2004; Noppel, Peter, Wressnegger 2023.
///
/// Windows of maps with fewer than 11 rows or columns are as large as an odd side can be. A constant map
/// is scaled to 0 everywhere.
public struct StructuralDissimilarity: SimilarityMeasure {
  public static let windowSide = 11
  public static let deviation = 1.5  // Wang et al. 2004, Section III-B
  public static let (c1, c2) = (0.01 * 0.01, 0.03 * 0.03)  // of maps whose range is 1

  public var name: String { "dssim" }
  public var title: String { "DSSIM" }
  public var growsWithLikeness: Bool { false }
  public init() {}

  /// Weights along one side of the window for maps of this size; their sum is 1.
  public static func window(height: Int, width: Int) -> [Double] {
    let shorter = min(height, width, windowSide)
    let side = shorter % 2 == 0 ? shorter - 1 : shorter
    let weights = (0..<side).map { place in
      let distance = Double(place - side / 2)
      return exp(-distance * distance / (2 * deviation * deviation))
    }
    let total = weights.reduce(0, +)
    return weights.map { $0 / total }
  }

  public func callAsFunction(_ a: Heatmap, _ b: Heatmap) -> Double {
    checkSizes(a, b)
    let (x, y) = (Self.scaled(a.values), Self.scaled(b.values))
    let window = Self.window(height: a.height, width: a.width)
    func means(_ values: [Double]) -> [Double] {
      windowMeans(values, height: a.height, width: a.width, window)
    }
    let (mx, my) = (means(x), means(y))
    let (xx, yy) = (means(x.map { $0 * $0 }), means(y.map { $0 * $0 }))
    let xy = means(zip(x, y).map { $0 * $1 })
    var total = 0.0
    for place in mx.indices {
      let (p, q) = (mx[place], my[place])
      let (vx, vy, vxy) = (xx[place] - p * p, yy[place] - q * q, xy[place] - p * q)
      total +=
        (2 * p * q + Self.c1) * (2 * vxy + Self.c2)
        / ((p * p + q * q + Self.c1) * (vx + vy + Self.c2))
    }
    return (1 - total / Double(mx.count)) / 2
  }

  private static func scaled(_ values: [Float]) -> [Double] {
    guard let low = values.min(), let high = values.max(), high > low else {
      return [Double](repeating: 0, count: values.count)
    }
    return values.map { (Double($0) - Double(low)) / (Double(high) - Double(low)) }
  }

  /// Weighted means over every window within the map, along rows and then along columns.
  private func windowMeans(
    _ values: [Double], height: Int, width: Int, _ window: [Double]
  ) -> [Double] {
    let (rows, columns) = (height - window.count + 1, width - window.count + 1)
    var along = [Double](repeating: 0, count: height * columns)
    for row in 0..<height {
      for column in 0..<columns {
        var sum = 0.0
        for (tap, weight) in window.enumerated() {
          sum += weight * values[row * width + column + tap]
        }
        along[row * columns + column] = sum
      }
    }
    var means = [Double](repeating: 0, count: rows * columns)
    for row in 0..<rows {
      for column in 0..<columns {
        var sum = 0.0
        for (tap, weight) in window.enumerated() {
          sum += weight * along[(row + tap) * columns + column]
        }
        means[row * columns + column] = sum
      }
    }
    return means
  }
}
