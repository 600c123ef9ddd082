import Pictures

/// How alike two heatmaps of one size are, or how far apart.
///
/// A new measure is one new file and one line in `SimilarityMeasures`.
public protocol SimilarityMeasure: Sendable {
  /// The name in results: `topKIntersection`.
  var name: String { get }
  /// The heading of a table: `top-k`.
  var title: String { get }
  /// Whether like maps have large values.
  var growsWithLikeness: Bool { get }
  /// - Precondition: the maps are of one size.
  func callAsFunction(_ a: Heatmap, _ b: Heatmap) -> Double
}

/// The measures by which attacks on explanations are judged, in the order of reports.
public enum SimilarityMeasures {
  /// - Parameter topK: how many pixels count as the top.
  public static func all(topK: Int) -> [any SimilarityMeasure] {
    [
      TopKIntersection(count: topK),
      SpearmanCorrelation(),
      KendallCorrelation(),
      CenterShift(),
      CosineDistance(),
      StructuralSimilarity(),
    ]
  }

  /// How near a map has come to one that it was to become. Dombrowski et al. 2019, Section 2.1.
  public static let toTarget: [any SimilarityMeasure] = [
    MeanSquaredError(), StructuralSimilarity(), PearsonCorrelation(),
  ]
}

func checkSizes(_ a: Heatmap, _ b: Heatmap) {
  precondition(
    a.height == b.height && a.width == b.width,
    "maps of \(a.height)×\(a.width) and \(b.height)×\(b.width) pixels")
}
