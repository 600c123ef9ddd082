import ImageData
import Recipes
import RunSupport
import Runs
import TensorRuntime

/// What a computation of influences will take, found out before it. Nothing is written.
public struct InfluenceForecast: Codable, Hashable, Sendable {
  public var network: String
  public var layers: [String]
  public var weights: Int
  public var solver: InfluenceSolver
  /// Of the factorised Hessian; 0 without one.
  public var hessianBytes: Int
  public var trainImages: Int
  /// That are explained, if so many are classified correctly.
  public var images: Int
  /// At most: without the factorisation, and if conjugate gradients take all their iterations. `nil`
  /// if nothing was measured.
  public var seconds: Double?
  /// What should be known of the network's file, one sentence each.
  public var notes: [String]

  /// - Parameters:
  ///   - recipe: of the run.
  ///   - executor: on which it would run.
  ///   - measures: whether to work on a batch of training images for an estimate of the time.
  /// - Throws: what would stop the run before its first image.
  public init(_ recipe: InfluenceRecipe, on executor: any Executor, measures: Bool = true) throws {
    let setup = try Setup(
      recipe.network, recipe.data, seed: recipe.influence.seed, on: executor)
    (network, notes) = (setup.description, setup.network.notes + setup.dataNotes)
    let section = recipe.influence
    trainImages = min(section.trainImages, setup.train.count)
    images = min(section.images, setup.validation.count)
    let batch = min(recipe.evaluation.batchSize, trainImages)
    let few = Subset(setup.train, randomCount: batch, seed: section.seed)
    let begin = ContinuousClock.now
    var short = recipe
    (short.influence.trainImages, short.influence.solver) = (batch, .conjugateGradients)
    let model = try setup.influenceModel(short, of: few, stop: StopRequest()) { _ in }
    let reading = (ContinuousClock.now - begin).seconds
    (layers, weights) = (model.layers, model.weightCount)
    let isDirect =
      section.layers == nil
      && section.solver.map { $0 == .direct } ?? (weights <= InfluenceSection.mostDirectWeights)
    solver = isDirect ? .direct : .conjugateGradients
    hessianBytes = isDirect ? 8 * weights * weights : 0
    guard measures else { return }
    let batches = Double(trainImages) / Double(batch)
    // Of the original image, of what the attack aims at, and of each perturbed image.
    let systems = images * (2 + 2 * section.epsilons.count)
    var vector = [Double](repeating: 0, count: weights)
    vector[0] = 1
    (_, _) = (try model.slopes(along: vector), try model.product(vector))
    let start = ContinuousClock.now
    _ = try model.slopes(along: vector)
    let slopes = (ContinuousClock.now - start).seconds
    let middle = ContinuousClock.now
    _ = try model.product(vector)
    let product = (ContinuousClock.now - middle).seconds
    let solving = isDirect ? 0 : product * Double(section.iterations)
    seconds = batches * (reading + Double(systems) * (slopes + solving))
  }
}
