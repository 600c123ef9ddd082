import ImageData

/// A measure of how faithful heatmaps are, or of what they depend on. One metric, one file.
///
/// Definitions are those of Quantus 0.6 (Hedström et al. 2023). Random choices can be given, so that
/// numbers can be compared with those of other programs on the same choices.
public protocol HeatmapMetric: Sendable {
  /// Scores each image's heatmap.
  /// - Parameters:
  ///   - images: with their heatmaps.
  ///   - network: that the heatmaps are of.
  ///   - seed: of random choices, which depend on it and on the images' identities alone: two networks
  ///     are measured with the same.
  func result(
    of images: ExplainedImages, by network: any MetricNetwork, seed: UInt64
  ) throws -> MetricResult

  /// What an image costs.
  /// - Parameters:
  ///   - size: of the images.
  ///   - layers: with parameters.
  func cost(_ size: ImageSize, layers: Int) -> MetricCost

  /// Why images of this size cannot be measured: one sentence; `nil` if they can.
  /// - Parameters:
  ///   - size: of the images.
  ///   - channels: of the images.
  func obstacle(_ size: ImageSize, channels: Int) -> String?

  /// Whether heatmaps are compared with those of a network with random parameters.
  var randomisesLayers: Bool { get }
}

extension HeatmapMetric {
  public func obstacle(_ size: ImageSize, channels: Int) -> String? { nil }
  public var randomisesLayers: Bool { false }
}

/// Runs of a network for one image.
public struct MetricCost: Hashable, Sendable {
  /// Forward passes.
  public var classifications = 0
  /// Heatmaps: a forward pass, and a backward pass where the interpreter has one.
  public var explanations = 0

  public init(classifications: Int = 0, explanations: Int = 0) {
    (self.classifications, self.explanations) = (classifications, explanations)
  }

  public var runs: Int { classifications + explanations }
}

/// What a metric finds.
public struct MetricResult: Codable, Hashable, Sendable {
  /// A point of a curve: a mean over the images.
  public struct Point: Codable, Hashable, Sendable {
    /// What was done up to here: a layer's name, a share of pixels.
    public let name: String
    public let x: Double
    /// `nil` where it is not defined for any image.
    public let value: Double?

    public init(_ name: String, x: Double, value: Double?) {
      (self.name, self.x, self.value) = (name, x, value)
    }
  }

  /// By image; `nil` where the metric is not defined, as a correlation with a constant map.
  public let scores: [Double?]
  /// Means over the images of that of which a score is made, where there is more than one number.
  public let curve: [Point]

  public init(_ scores: [Double?], curve: [Point] = []) {
    (self.scores, self.curve) = (scores.map { $0.flatMap { $0.isFinite ? $0 : nil } }, curve)
  }

  /// Mean over the images for which it is defined.
  public var mean: Double? { Self.mean(scores) }
  /// How many images it is not defined for.
  public var undefined: Int { scores.count { $0 == nil } }

  static func mean(_ values: [Double?]) -> Double? {
    let known = values.compactMap(\.self)
    return known.isEmpty ? nil : known.reduce(0, +) / Double(known.count)
  }

  /// - Parameter rows: by image, then by point.
  static func curve(_ rows: [[Double?]], _ points: [(name: String, x: Double)]) -> [Point] {
    points.enumerated().map { place, point in
      Point(point.name, x: point.x, value: mean(rows.map { $0[place] }))
    }
  }
}

/// Keys of random streams, so that metrics draw independently.
enum MetricStream: Int {
  case subsets = 1
  case imputation
  case noise
  case layers
}
