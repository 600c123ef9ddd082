/// What a run tells whoever watches it.
public enum RunEvent: Sendable {
  /// A plain sentence.
  case note(String)
  /// A sentence about something that the user may want to mend; the run goes on.
  case warning(String)
  case step(StepReport)
  /// Evaluation has reached `done` of `total` images; `purpose` says of what, e.g. `original`.
  case evaluating(purpose: String, done: Int, total: Int)
  case validation(ValidationReport)
  /// Some other work has done `done` of `total` parts: `top-k, ε 8`.
  case working(on: String, done: Int, total: Int)
  /// A file has been written.
  case saved(path: String)
}

/// One finished training step.
public struct StepReport: Sendable {
  /// Counts from 1.
  public let step: Int
  public let totalSteps: Int
  /// Cross-entropy + λ·penalty.
  public let loss: Double
  /// In nats.
  public let crossEntropy: Double
  /// L_F without λ; `nil` in standard training.
  public let penalty: Double?
  /// Share of all-zero heatmaps in the batch, by the interpreter that is fooled; empty in
  /// standard training.
  public let vanishedMaps: [String: Double]
  public let learningRate: Double
  /// λ where it changes from step to step; otherwise `nil`.
  public let lambda: Double?
  /// Over the last steps.
  public let imagesPerSecond: Double
  public let secondsLeft: Double
  /// Whether it is one of those that go into `metrics.jsonl`.
  public let isLogged: Bool

  package init(
    step: Int, totalSteps: Int, loss: Double, crossEntropy: Double, penalty: Double?,
    vanishedMaps: [String: Double], learningRate: Double, lambda: Double? = nil,
    imagesPerSecond: Double, secondsLeft: Double, isLogged: Bool
  ) {
    self.step = step
    self.totalSteps = totalSteps
    self.loss = loss
    self.crossEntropy = crossEntropy
    self.penalty = penalty
    self.vanishedMaps = vanishedMaps
    self.learningRate = learningRate
    self.lambda = lambda
    self.imagesPerSecond = imagesPerSecond
    self.secondsLeft = secondsLeft
    self.isLogged = isLogged
  }
}

/// A validation in the middle of or after a run.
public struct ValidationReport: Sendable {
  /// Steps done before it; 0 for the original network.
  public let step: Int
  public let images: Int
  /// In [0, 1].
  public let top1: Double
  public let top5: Double
  /// In nats.
  public let crossEntropy: Double
  /// Fooling success rate by interpreter name, in [0, 1].
  public let fsr: [String: Double]
  /// Share of all-zero heatmaps by interpreter name, in [0, 1].
  public let vanishedMaps: [String: Double]

  package init(
    step: Int, images: Int, top1: Double, top5: Double, crossEntropy: Double, fsr: [String: Double],
    vanishedMaps: [String: Double]
  ) {
    self.step = step
    self.images = images
    self.top1 = top1
    self.top5 = top5
    self.crossEntropy = crossEntropy
    self.fsr = fsr
    self.vanishedMaps = vanishedMaps
  }
}

/// A wish to stop, set from anywhere (a signal handler's thread) and seen by the run after the step.
public final class StopRequest: Sendable {
  private let requested = Switch()
  public init() {}
  public func stop() { requested.set() }
  public var isRequested: Bool { requested.isSet }
}
