import Checkpoints

/// The result of `trompe train`: what its `summary.json` holds. Accuracies are shares in [0, 1].
public struct TrainingSummary: Codable, Hashable, Sendable {
  public var top1: Double
  public var top5: Double
  /// Mean over the validation images, in nats.
  public var crossEntropy: Double
  public var validationImages: Int
  public var steps: Int
  public var seconds: Double
  public var imagesPerSecond: Double
  public var peakMemoryBytes: Int
  public var seed: UInt64
  public var toolVersion: String

  package init(
    top1: Double, top5: Double, crossEntropy: Double, validationImages: Int, steps: Int,
    seconds: Double, imagesPerSecond: Double, peakMemoryBytes: Int, seed: UInt64,
    toolVersion: String
  ) {
    self.top1 = top1
    self.top5 = top5
    self.crossEntropy = crossEntropy
    self.validationImages = validationImages
    self.steps = steps
    self.seconds = seconds
    self.imagesPerSecond = imagesPerSecond
    self.peakMemoryBytes = peakMemoryBytes
    self.seed = seed
    self.toolVersion = toolVersion
  }
}
