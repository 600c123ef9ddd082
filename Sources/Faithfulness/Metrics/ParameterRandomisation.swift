import Foundation
import ImageData
import Pictures
import Similarity

/// Does a heatmap depend on what the network has learned?
///
/// Spearman's ρ of |h| and |h_l|, h_l the heatmap after the parameters of the last l layers are random, for
/// every l from 1 to all layers (from the top down, cascading). The score is the mean over l: in [−1, 1],
/// lower is better. Adebayo et al. 2018; Quantus's `MPRT`.
/// - Note: `return_average_correlation` of Quantus takes the network as it is, with ρ = 1, into the mean;
///   here it is not in it. The curve has every layer's.
public struct ParameterRandomisation: HeatmapMetric {
  public init() {}

  public var randomisesLayers: Bool { true }

  public func cost(_ size: ImageSize, layers: Int) -> MetricCost {
    MetricCost(explanations: layers)
  }

  public func result(
    of images: ExplainedImages, by network: any MetricNetwork, seed: UInt64
  ) throws -> MetricResult {
    let layers = Array(network.layers.reversed())
    let own = images.heatmaps.map { $0.values.map { abs($0) } }
    let ranks = own.map { ($0.max() ?? 0) > ($0.min() ?? 0) ? CenteredRanks($0) : nil }
    var rows = [[Double?]](repeating: [], count: images.count)
    try network.randomised {
      for layer in layers {
        try network.randomise(layer)
        try network.explain(PerturbedImages(of: images, versions: 1)) { image, heatmap in
          let values = heatmap.finite.resizedBilinearly(to: images.size).values.map { abs($0) }
          rows[image].append(ranks[image].flatMap { $0.correlation(with: CenteredRanks(values)) })
        }
      }
    }
    return MetricResult(
      rows.map(MetricResult.mean),
      curve: MetricResult.curve(rows, layers.enumerated().map { ($1, Double($0 + 1)) }))
  }
}

/// Does a heatmap become more complex when all that the network has learned is gone?
///
/// (H(h_rand) − H(h))/H(h), H the entropy of a histogram of a map's values with 100 bins from its least to
/// its largest one, h_rand the heatmap after the parameters of all layers are random. Higher is better.
/// Hedström et al. 2024; Quantus's `EfficientMPRT`.
public struct EfficientParameterRandomisation: HeatmapMetric {
  public static let standardBins = 100  // Quantus

  public let bins: Int

  public init(bins: Int = standardBins) { self.bins = bins }

  public var randomisesLayers: Bool { true }

  public func cost(_ size: ImageSize, layers: Int) -> MetricCost { MetricCost(explanations: 1) }

  public func result(
    of images: ExplainedImages, by network: any MetricNetwork, seed: UInt64
  ) throws -> MetricResult {
    let own = images.heatmaps.map { Self.entropy($0.values, bins: bins) }
    var scores: [Double?] = []
    try network.randomised {
      for layer in network.layers { try network.randomise(layer) }
      try network.explain(PerturbedImages(of: images, versions: 1)) { image, heatmap in
        let values = heatmap.finite.resizedBilinearly(to: images.size).values
        scores.append(
          own[image] > 0
            ? (Self.entropy(values, bins: bins) - own[image]) / own[image] : nil)
      }
    }
    return MetricResult(scores)
  }

  /// Entropy in nats of a histogram of equal bins from the least to the largest value, NumPy's rule for
  /// values on an edge: they belong to the bin above, but for the last one.
  package static func entropy(_ values: [Float], bins: Int) -> Double {
    guard var low = values.min(), var high = values.max() else { return 0 }
    if low == high { (low, high) = (low - 0.5, high + 0.5) }
    let step = (high - low) / Float(bins)
    // In single precision, as NumPy has them for such values.
    let edges = (0..<bins).map { Float($0) * step + low } + [high]
    var counts = [Int](repeating: 0, count: bins)
    for value in values {
      var bin = min(Int((value - low) / (high - low) * Float(bins)), bins - 1)
      if value < edges[bin] {
        bin -= 1
      } else if bin < bins - 1, value >= edges[bin + 1] {
        bin += 1
      }
      counts[bin] += 1
    }
    return counts.reduce(0.0) {
      let share = Double($1) / Double(values.count)
      return $1 > 0 ? $0 - share * log(share) : $0
    }
  }
}
