import Foundation
import ImageData

/// On how few pixels is relevance?
///
/// The Gini index of |h|: Σ_i (2i − n − 1)·a_i/(n·Σ a), a_1 ≤ … ≤ a_n the values of |h|/max|h| + 1e-7. In
/// [0, 1], higher is sparser: 0 for an even map. Chalasani et al. 2020; Quantus's `Sparseness`.
/// - Note: Quantus divides by the largest value of all maps that it is given, here each by its own.
public struct Sparseness: HeatmapMetric {
  static let stabilizer = 1e-7  // Quantus

  public init() {}

  public func cost(_ size: ImageSize, layers: Int) -> MetricCost { MetricCost() }

  public func result(
    of images: ExplainedImages, by network: any MetricNetwork, seed: UInt64
  ) throws -> MetricResult {
    MetricResult(images.heatmaps.map { Self.gini($0.values) })
  }

  /// - Parameter values: of a map; `nil` if all are 0.
  static func gini(_ values: [Float]) -> Double? {
    let sizes = values.map { abs($0) }
    guard let largest = sizes.max(), largest > 0 else { return nil }
    let sorted = sizes.sorted().map { Double($0 / largest) + stabilizer }
    let count = sorted.count
    let weighted = sorted.enumerated().reduce(0.0) {
      $0 + Double(2 * ($1.offset + 1) - count - 1) * $1.element
    }
    return weighted / (Double(count) * sorted.reduce(0, +))
  }
}

/// Over how many pixels is relevance spread?
///
/// −Σ_i p_i·ln(p_i + 1e-12), p = |h|/Σ|h|. In [0, ln n], lower is simpler. Bhatt, Weller, Moura 2020;
/// Quantus's `Complexity`.
public struct Complexity: HeatmapMetric {
  static let stabilizer = 1e-12  // Quantus

  public init() {}

  public func cost(_ size: ImageSize, layers: Int) -> MetricCost { MetricCost() }

  public func result(
    of images: ExplainedImages, by network: any MetricNetwork, seed: UInt64
  ) throws -> MetricResult {
    MetricResult(
      images.heatmaps.map { map in
        let sum = map.values.reduce(0.0) { $0 + Double(abs($1)) }
        guard sum > 0 else { return nil }
        return map.values.reduce(0.0) {
          let share = Double(abs($1)) / sum
          return $0 - share * log(share + Self.stabilizer)
        }
      })
  }
}
