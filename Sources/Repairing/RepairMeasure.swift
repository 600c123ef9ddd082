import Evaluation
import Foolings

/// What a network does before or after a repair. Shares in [0, 1].
public struct RepairMeasure: Codable, Hashable, Sendable {
  /// Under one trigger.
  public struct Triggered: Codable, Hashable, Sendable {
    /// How far heatmaps are from the trigger's target and from those of the original network: `mse` of
    /// standardised maps, `dssim`, and Spearman's rank correlation, which grows with likeness.
    public struct Distances: Codable, Hashable, Sendable {
      public var mse: Double
      public var dssim: Double
      public var spearman: Double
    }
    /// ASR; `nil` if the trigger changes no label.
    public var successRate: Double?
    /// Top-1 under the trigger, by the images' own labels.
    public var accuracy: Double
    /// By the first interpreter.
    public var triggeredToTarget: Distances?
    public var triggeredToOriginal: Distances?
    public var cleanToOriginal: Distances?
  }

  public var top1: Double
  public var top5: Double
  /// In nats.
  public var crossEntropy: Double
  /// Fooling success rate by interpreter; empty without a test.
  public var fsr: [String: Double]
  /// Mean of the test's score by interpreter.
  public var testLoss: [String: Double]
  public var triggers: [Triggered]

  /// - Parameters:
  ///   - result: of the evaluation.
  ///   - fooling: whose test was done; `nil` if none was.
  ///   - interpreters: by which, the one that was fooled first.
  package init(_ result: EvaluationResult, _ fooling: (any Fooling)?, interpreters: [String]) {
    (top1, top5, crossEntropy) = (result.top1, result.top5, result.crossEntropy)
    fsr = fooling.map { result.fsr($0.successRange) } ?? [:]
    testLoss = result.testLosses.compactMapValues {
      $0.isEmpty ? nil : $0.reduce(0, +) / Double($0.count)
    }
    let attacks = (fooling as? TriggerFooling)?.attacks ?? []
    triggers = zip(attacks, result.triggered).map { (attack, measured) -> Triggered in
      func distances(_ pair: TriggerMeasurement.Pair) -> Triggered.Distances? {
        let means = interpreters.first.map { measured.means($0, pair) } ?? []
        guard means.count >= 3 else { return nil }
        return Triggered.Distances(mse: means[0], dssim: means[1], spearman: means[2])
      }
      return Triggered(
        successRate: attack.label.flatMap { measured.successRate(of: $0) },
        accuracy: measured.accuracy(), triggeredToTarget: distances(.triggeredToTarget),
        triggeredToOriginal: distances(.triggeredToOriginal),
        cleanToOriginal: distances(.cleanToOriginal))
    }
  }
}
