import Foundation
import Recipes

/// A training image and what it does to the loss at another image.
public struct InfluentialImage: Codable, Hashable, Sendable {
  public var image: String
  public var label: String
  /// I(z_i, z_t): below 0 if a larger weight of the training image makes the loss smaller.
  public var influence: Double
}

/// The training images that an image's loss depends on most.
public struct InfluenceRanking: Codable, Hashable, Sendable {
  /// With the most negative influence, the strongest first.
  public var helpful: [InfluentialImage]
  /// With the most positive.
  public var harmful: [InfluentialImage]
}

/// One line of `influences.jsonl`: how influences on one image changed with it.
public struct InfluenceRecord: Codable, Hashable, Sendable {
  public struct Change: Codable, Hashable, Sendable {
    public var clean: Double
    public var perturbed: Double
  }
  public var image: String
  public var label: String
  /// `gradient-sign` or `random-sign`.
  public var method: String
  /// In units of 0 to 255, as `distance`.
  public var epsilon: Double
  /// ‖x − x₀‖∞ of the picture in 8 bits.
  public var distance: Int
  /// Rank correlation of the influences of all training images.
  public var spearman: Double
  /// Of the most helpful, and of the most harmful, training images the share that stays among them.
  public var helpfulOverlap: Double
  public var harmfulOverlap: Double
  /// Sum over the training images that were the most helpful and are aimed at.
  public var targetInfluence: Change
  /// Softmax at the label, in [0, 1].
  public var confidence: Change
  public var keepsLabel: Bool
  public var clean: InfluenceRanking
  public var perturbed: InfluenceRanking
  /// The perturbed picture, relative to the run's folder.
  public var picture: String
}

/// The result of `trompe influence`: what its `summary.json` holds.
public struct InfluenceSummary: Codable, Hashable, Sendable {
  /// One method at one ε: means over the images.
  public struct Result: Codable, Hashable, Sendable {
    public var method: String
    public var epsilon: Double
    public var images: Int
    public var spearman: Double
    public var spearmanDeviation: Double
    public var helpfulOverlap: Double
    public var harmfulOverlap: Double
    /// Of the targets' influence on the perturbed image, over that on the clean one.
    public var targetInfluenceLeft: Double
    public var confidence: InfluenceRecord.Change
    /// Shares of the images, in [0, 1].
    public var keptLabels: Double
    public var largestDistance: Int

    package init(
      method: String, epsilon: Double, images: Int, spearman: Double, spearmanDeviation: Double,
      helpfulOverlap: Double, harmfulOverlap: Double, targetInfluenceLeft: Double,
      confidence: InfluenceRecord.Change, keptLabels: Double, largestDistance: Int
    ) {
      self.method = method
      self.epsilon = epsilon
      self.images = images
      self.spearman = spearman
      self.spearmanDeviation = spearmanDeviation
      self.helpfulOverlap = helpfulOverlap
      self.harmfulOverlap = harmfulOverlap
      self.targetInfluenceLeft = targetInfluenceLeft
      self.confidence = confidence
      self.keptLabels = keptLabels
      self.largestDistance = largestDistance
    }
  }
  public var results: [Result]
  public var layers: [String]
  public var weights: Int
  public var solver: InfluenceSolver
  public var damping: Double
  /// Of all systems that were solved: the most products with the Hessian, and the largest relative
  /// residual; 0 for a direct solution.
  public var mostProducts: Int
  public var largestResidual: Double
  /// Images whose influence was computed.
  public var trainImages: Int
  public var targets: Int
  public var top: Int
  /// Images that were explained, all of them classified correctly.
  public var images: Int
  /// Images that were classified to find them.
  public var tried: Int
  public var skippedImages: Int
  public var seconds: Double
  /// Largest resident size of the process.
  public var peakMemoryBytes: Int
  public var seed: UInt64
  public var toolVersion: String
}

extension InfluenceSummary.Result {
  /// Of the records of one method at one ε.
  package init(_ records: [InfluenceRecord]) {
    precondition(!records.isEmpty, "results of no image")
    func mean(_ value: (InfluenceRecord) -> Double) -> Double {
      records.reduce(0) { $0 + value($1) } / Double(records.count)
    }
    (method, epsilon, images) = (records[0].method, records[0].epsilon, records.count)
    let spearman = mean(\.spearman)
    self.spearman = spearman
    spearmanDeviation = mean { pow($0.spearman - spearman, 2) }.squareRoot()
    (helpfulOverlap, harmfulOverlap) = (mean(\.helpfulOverlap), mean(\.harmfulOverlap))
    let clean = mean(\.targetInfluence.clean)
    targetInfluenceLeft = clean == 0 ? 0 : mean(\.targetInfluence.perturbed) / clean
    confidence = .init(clean: mean(\.confidence.clean), perturbed: mean(\.confidence.perturbed))
    keptLabels = mean { $0.keepsLabel ? 1 : 0 }
    largestDistance = records.map(\.distance).max() ?? 0
  }
}
