import Networks
import RunSupport

/// What undoes a manipulation without knowing it, as far as it does: done in this order.
public struct RepairPlan: Codable, Hashable, Sendable {
  /// Channels of one convolution are set to zero.
  public struct Pruning: Codable, Hashable, Sendable {
    /// Which channels go first.
    public enum Order: String, Codable, Hashable, Sendable, CaseIterable {
      /// Those that are least active on clean images: Liu et al. 2018, fine-pruning.
      case activity
      /// Those that differ most from the original network's.
      case change
      /// Those that a trigger moves most.
      case trigger
    }

    /// Share of the channels, above 0 and below 1.
    public var fraction: Double
    /// The convolution; the deepest one if `nil`.
    public var layer: String?
    /// By what is known if `nil`: a trigger, else the original network, else activity alone.
    public var order: Order?

    public init(fraction: Double, layer: String? = nil, order: Order? = nil) {
      (self.fraction, self.layer, self.order) = (fraction, layer, order)
    }
  }

  /// A short training on clean images and their labels; batch norms keep their statistics.
  public struct FineTuning: Codable, Hashable, Sendable {
    public static let defaultSteps = 200
    public static let defaultLearningRate = 1e-4
    public static let defaultBatchSize = 32

    public var steps: Int
    /// Of Adam.
    public var learningRate: Double
    public var batchSize: Int

    public init(
      steps: Int = defaultSteps, learningRate: Double = defaultLearningRate,
      batchSize: Int = defaultBatchSize
    ) {
      (self.steps, self.learningRate, self.batchSize) = (steps, learningRate, batchSize)
    }
  }

  public var pruning: Pruning?
  public var fineTuning: FineTuning?
  /// Running statistics of batch norms are estimated anew on clean images.
  public var refreshesBatchNorm: Bool

  public init(
    pruning: Pruning? = nil, fineTuning: FineTuning? = nil, refreshesBatchNorm: Bool = false
  ) {
    (self.pruning, self.fineTuning) = (pruning, fineTuning)
    self.refreshesBatchNorm = refreshesBatchNorm
  }

  public var isEmpty: Bool { pruning == nil && fineTuning == nil && !refreshesBatchNorm }

  /// Names of its parts in the order in which they are done: `prune+finetune`.
  public var name: String {
    [
      pruning == nil ? nil : Part.prune, fineTuning == nil ? nil : Part.finetune,
      refreshesBatchNorm ? Part.batchNorm : nil,
    ].compactMap { $0?.rawValue }.joined(separator: "+")
  }

  public enum Part: String, CaseIterable, Sendable {
    case prune
    case finetune
    case batchNorm = "batch-norm"
  }

  /// Of parts by name: `prune+finetune`.
  /// - Throws: `RunError` for a part that is none, or is named twice.
  package init(_ name: String, pruning: Pruning, fineTuning: FineTuning) throws(RunError) {
    self.init()
    for text in name.split(separator: "+", omittingEmptySubsequences: false) {
      let part = try NameSuggestions.find(
        String(text), among: Part.allCases, by: \.rawValue, what: "repair", or: RunError.init)
      switch part {
      case .prune where self.pruning == nil: self.pruning = pruning
      case .finetune where self.fineTuning == nil: self.fineTuning = fineTuning
      case .batchNorm where !refreshesBatchNorm: refreshesBatchNorm = true
      default: throw RunError("\"\(name)\" names \(part.rawValue) twice")
      }
    }
  }
}
