import Explanations
import Foolings
import Recipes
import RunFolders
import Runs

/// Which network to repair, how, and on which images.
public struct RepairRequest: Sendable {
  public static let defaultImages = RepairSection.standardImages

  /// The network's file; overrides as in a recipe.
  public var network: NetworkSection
  /// The file of the network that it was made from, if it is at hand.
  public var original: String?
  /// Clean images with labels.
  public var images: EvaluationRequest.Images
  /// A folder of images on which is measured; a part of `images` if `nil`.
  public var validation: String?
  public var plan: RepairPlan
  /// At most so many images repair it, evenly spread.
  public var count: Int
  /// Tests of heatmaps, before and after; needs an original.
  public var fooling: FoolingSpecification?
  /// By which the test is done, the one that was fooled first.
  public var interpreters: [InterpreterSpecification]
  public var batchSize: Int
  public var grid: EvaluationGrid
  public var seed: UInt64
  public var compute: ComputeSection

  public init(
    network: NetworkSection, original: String? = nil, images: EvaluationRequest.Images,
    validation: String? = nil, plan: RepairPlan, count: Int = defaultImages,
    fooling: FoolingSpecification? = nil, interpreters: [InterpreterSpecification] = [],
    batchSize: Int = 16, grid: EvaluationGrid = .fooled, seed: UInt64 = 0,
    compute: ComputeSection = ComputeSection()
  ) {
    (self.network, self.original, self.images) = (network, original, images)
    (self.validation, self.plan, self.count) = (validation, plan, count)
    (self.fooling, self.interpreters) = (fooling, interpreters)
    (self.batchSize, self.grid, self.seed, self.compute) = (batchSize, grid, seed, compute)
  }

  /// What is read, which no target may be.
  public var inputs: RunInputs {
    var inputs = RunInputs(files: [network.checkpoint, original] + (fooling?.files ?? []))
    if case .folder(let path) = images { inputs.folders.append(path) }
    inputs.folders += [validation].compactMap(\.self)
    inputs.addImages(of: interpreters)
    return inputs
  }
}
