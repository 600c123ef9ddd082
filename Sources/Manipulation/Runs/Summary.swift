import Reports

/// The result of a fooling or an evaluation: what `summary.json` holds.
///
/// Accuracies and success rates are shares in [0, 1]; drops are percentage points.
public struct Summary: Codable, Hashable, Sendable {
  public struct Accuracy: Codable, Hashable, Sendable {
    public var top1: Double
    public var top5: Double
  }
  public struct Accuracies: Codable, Hashable, Sendable {
    public var original: Accuracy
    public var manipulated: Accuracy
    /// Original minus manipulated, in percentage points.
    public var drop: Accuracy
  }
  /// Shares of the heatmaps without any relevance: every entry is 0, or there are entries that are
  /// not finite.
  public struct VanishedMaps: Codable, Hashable, Sendable {
    public var original: Double
    public var manipulated: Double
  }
  public var accuracy: Accuracies
  /// By interpreter: the share of validation images whose heatmap by the manipulated network
  /// passes the fooling's test.
  public var fsr: [String: Double]
  /// The same test on the original network.
  public var fsrOriginal: [String: Double]
  /// By interpreter; `nil` in files of older versions.
  public var vanishedMaps: [String: VanishedMaps]?
  public var fooling: String
  public var interpreter: String
  public var validationImages: Int
  /// Images left out because they could not be read.
  public var skippedImages: Int
  /// Training steps done.
  public var steps: Int
  public var seconds: Double
  /// Of training; evaluation is not counted.
  public var imagesPerSecond: Double
  /// Largest resident size of the process.
  public var peakMemoryBytes: Int
  public var seed: UInt64
  public var toolVersion: String
}

extension Summary {
  /// Which success rates say little, because the original passes the test as well: one sentence;
  /// `nil` if there are none.
  public var warning: String? {
    let rates = interpreters.map {
      RunReport.Rate(interpreter: $0, original: fsrOriginal[$0] ?? 0, manipulated: fsr[$0] ?? 0)
    }.filter(\.saysLittle)
    return rates.isEmpty ? nil : RunReport.warning(rates)
  }
}
