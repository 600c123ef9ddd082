import Explanations
import Recipes
import RunFolders
import Runs

/// What is audited, on which images, and how thoroughly.
public struct AuditRequest: Sendable {
  /// The network under test; `network.checkpoint` is its file.
  public var network: NetworkSection
  /// The file of the network that it is said to come from, if that is at hand.
  public var original: String?
  public var images: EvaluationRequest.Images
  /// Explanations to look at; chosen for the network if empty.
  public var interpreters: [InterpreterSpecification]
  /// Images whose heatmaps are compared, at most.
  public var count: Int
  public var batchSize: Int
  public var seed: UInt64
  public var compute: ComputeSection

  public static let defaultCount = 200
  /// Images of which the network must be sure, at least.
  public static let fewestImages = 40

  public init(
    network: NetworkSection, original: String? = nil, images: EvaluationRequest.Images,
    interpreters: [InterpreterSpecification] = [], count: Int = defaultCount, batchSize: Int = 20,
    seed: UInt64 = 0, compute: ComputeSection = ComputeSection()
  ) {
    (self.network, self.original, self.images) = (network, original, images)
    (self.interpreters, self.count, self.batchSize) = (interpreters, count, batchSize)
    (self.seed, self.compute) = (seed, compute)
  }

  package var inputs: RunInputs {
    var inputs = RunInputs(files: [network.checkpoint, original])
    if case .folder(let path) = images { inputs.folders.append(path) }
    return inputs
  }
}
