import Attacks
import ImageData
import Programs
import Recipes
import RunSupport
import Runs
import TensorRuntime

/// What an attack will take, found out before it. Nothing is written.
public struct AttackForecast: Codable, Hashable, Sendable {
  /// One method at all ε.
  public struct Method: Codable, Hashable, Sendable {
    public var name: String
    /// Arithmetic and memory of an iteration, in one sentence.
    public var resources: String
    /// Of all images, iterations and ε, at most: images may be done before the last iteration. `nil`
    /// if nothing was measured.
    public var seconds: Double?
  }

  public var network: String
  public var interpreter: String
  /// Images that are attacked, if so many are classified correctly.
  public var images: Int
  public var iterations: Int
  public var epsilons: [Double]
  public var methods: [Method]
  /// What should be known of the network's file, one sentence each.
  public var notes: [String]

  /// Of all methods; `nil` if nothing was measured.
  public var seconds: Double? {
    methods.reduce(0) { sum, method in sum.flatMap { sum in method.seconds.map { sum + $0 } } }
  }

  /// The iterations that are measured, of one batch of images.
  static let measuredIterations = 3

  /// - Parameters:
  ///   - recipe: of the run.
  ///   - executor: on which it would run.
  ///   - measures: whether to do a few iterations for an estimate of the time.
  /// - Throws: what would stop the run before its first image.
  public init(_ recipe: AttackRecipe, on executor: any Executor, measures: Bool = true) throws {
    let setup = try Setup(forAttack: recipe, on: executor)
    let measured = try reported([recipe.interpreter], setup.network.preprocessing)[0]
    var short = recipe.attack
    short.images = min(short.images, recipe.evaluation.batchSize)
    short.iterations = min(short.iterations, Self.measuredIterations)
    let attack = try InputAttack(
      setup.network, interpreter: measured, short, batchSize: recipe.evaluation.batchSize,
      compute: recipe.compute)
    network = setup.description
    notes = setup.network.notes + setup.dataNotes
    interpreter = measured.name
    images = min(recipe.attack.images, setup.validation.count)
    (iterations, epsilons) = (recipe.attack.iterations, recipe.attack.epsilons)
    methods = []
    let stop = StopRequest()
    let subjects =
      measures ? try attack.subjects(of: setup.validation, stop: stop) { _ in }.images : []
    for index in attack.objectives.indices {
      let resources = try attack.prepare(objective: index)
      var seconds: Double?
      if !subjects.isEmpty {
        let begin = ContinuousClock.now
        _ = try attack.attack(subjects, objective: index, epsilon: epsilons[0], stop: stop)
        let one = (ContinuousClock.now - begin).seconds / Double(subjects.count * short.iterations)
        seconds = one * Double(images * iterations * epsilons.count)
      }
      methods.append(
        Method(name: attack.objectives[index].name, resources: resources, seconds: seconds))
    }
  }
}
