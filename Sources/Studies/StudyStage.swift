import Evaluation
import Explanations
import Foolings
import Foundation
import ImageData
import Programs
import Recipes
import RunFolders
import RunSupport
import Runs
import TensorGraph
import TensorRuntime

/// The networks of a study. They have one architecture, so that programs are compiled once for a network
/// whose weights are exchanged.
final class StudyStage {
  package struct Subject {
    package let name: String
    package let file: String
    package let sha256: String?
    /// Its own position if it is an original itself.
    package let original: Int

    package init(name: String, file: String, sha256: String?, original: Int) {
      self.name = name
      self.file = file
      self.sha256 = sha256
      self.original = original
    }
  }

  package let recipe: StudyRecipe
  package let setup: Setup
  package let subjects: [Subject]
  /// Under the name by which results are reported.
  package let interpreter: (name: String, any Interpreter)
  /// `nil` if no study tests heatmaps.
  package let fooling: (any Fooling)?
  let context: RunContext
  package var folder: RunFolder { context.folder }
  package var stop: StopRequest { context.stop }
  package var observe: (RunEvent) -> Void { context.observe }
  /// Which weights the network has, and those themselves, to be put back after noise.
  private var shown: (index: Int, weights: [String: Tensor])?
  /// What should be known of the files of networks behind the first.
  let remarks: [RunEvent]
  /// What is loaded of each network's file.
  private let sections: [NetworkSection]

  /// Reads every network once, so that a file that cannot be used ends the run before it begins.
  package init(
    _ recipe: StudyRecipe, on executor: any Executor, in context: RunContext
  ) throws {
    (self.recipe, self.context) = (recipe, context)
    let checkpoints = recipe.study.checkpoints
    sections = try ComparedNetworks.sections(recipe.network, files: checkpoints.map(\.file))
    let setup = try Setup(sections[0], recipe.data, seed: recipe.study.seed, on: executor)
    self.setup = setup
    var subjects: [Subject] = []
    var (told, remarks): (Set<String>, [RunEvent]) = (Set(setup.network.notes), [])
    for (index, checkpoint) in checkpoints.enumerated() {
      let network =
        index == 0
        ? setup.network : try Self.network(sections[index], setup.imageSize, on: executor)
      network.tellNotes(besides: &told) { remarks.append($0) }
      if index > 0 { try network.checkActivations(on: setup.validation) }
      try Self.check(network, checkpoint, against: setup.network, checkpoints[0])
      let original = checkpoint.original.map { name in
        checkpoints.firstIndex { $0.name == name } ?? index
      }
      subjects.append(
        Subject(
          name: checkpoint.name, file: checkpoint.file, sha256: network.sha256,
          original: original ?? index))
    }
    (self.subjects, self.remarks) = (subjects, remarks)
    interpreter = try reported(
      [recipe.interpreter], setup.network.preprocessing, tangents: setup.tangents)[0]
    let names = setup.network.names(or: setup.validation.classNames)
    fooling = try recipe.fooling.map { try $0.fooling(classNames: names) }
  }

  private static func network(
    _ section: NetworkSection, _ size: ImageSize, on executor: any Executor
  ) throws -> LoadedNetwork {
    try LoadedNetwork(section, on: executor, imageSize: { _ in size })
  }

  private static func check(
    _ network: LoadedNetwork, _ checkpoint: StudySection.Checkpoint,
    against first: LoadedNetwork, _ firstCheckpoint: StudySection.Checkpoint
  ) throws {
    guard network.architecture == first.architecture else {
      throw RunError(
        "\(checkpoint.file) holds \(network.architecture.name) with "
          + "\(network.architecture.classes) classes, \(firstCheckpoint.file) "
          + "\(first.architecture.name) with \(first.architecture.classes); the networks of a study "
          + "have one architecture")
    }
    try ComparedNetworks.check(network, checkpoint.file, against: first, firstCheckpoint.file)
  }

  /// One sentence for the log.
  package var description: String {
    let architecture = setup.network.architecture
    return "\(subjects.count) networks: \(architecture.name), \(architecture.classes) classes, "
      + "\(architecture.trainableCount) parameters, images of \(setup.imageSize); "
      + "\(setup.validation.count) for validation"
  }

  /// Whether a network is no one's manipulation.
  func isOriginal(_ index: Int) -> Bool { subjects[index].original == index }

  /// Makes the network the one at `index`.
  package func show(_ index: Int) throws {
    let store = setup.network.parameters
    if let shown, shown.index == index {
      try store.restore(ParameterSnapshot(tensors: shown.weights))
      return
    }
    shown = nil
    let network = try Self.network(
      sections[index], setup.imageSize, on: setup.network.executor)
    let weights = try network.parameters.snapshot()
    try store.restore(weights)
    shown = (index, weights.tensors)
  }

  /// The same with noise on its weights.
  package func show(_ index: Int, with noise: WeightNoise) throws {
    try show(index)
    guard noise.strength > 0, let weights = shown?.weights else { return }
    for (place, parameter) in setup.network.architecture.parameters.enumerated()
    where parameter.isTrainable {
      try setup.network.parameters.upload(
        noise.applied(to: weights[parameter.name]!, at: place), to: parameter.name)
    }
  }

  /// Images of the validation split.
  package func images(_ count: Int?) -> any ImageSource {
    Preview(setup.validation, count: count ?? setup.validation.count).source
  }

  /// Measures whatever network is shown, on the images of `study.images`.
  /// - Parameters:
  ///   - specifications: the interpreters.
  ///   - test: in place of the recipe's.
  /// - Precondition: there is a test.
  package func measurement(
    _ specifications: [InterpreterSpecification], of test: (any Fooling)? = nil
  ) throws -> FoolingMeasurement {
    guard let fooling = test ?? fooling else {
      preconditionFailure("a study that tests heatmaps without a test")
    }
    return try FoolingMeasurement(
      of: setup.network,
      interpreters: try reported(
        specifications, setup.network.preprocessing, tangents: setup.tangents),
      fooling: fooling,
      on: images(recipe.study.images),
      composites: try setup.composites(fooling, recipe.data).map {
        ($0.validation, $0.preprocessing)
      }, batchSize: recipe.evaluation.batchSize, grid: recipe.evaluation.grid,
      threads: recipe.data.threads,
      compute: recipe.compute)
  }

  package func program(_ interpreters: [(name: String, any Interpreter)]) throws
    -> EvaluationProgram
  {
    try EvaluationProgram(
      setup.network, interpreters: interpreters, batchSize: recipe.evaluation.batchSize,
      samplesAtOnce: recipe.compute.samplesAtOnce, policy: recipe.compute.evaluationPolicy)
  }

  func checkStop() throws {
    if stop.isRequested {
      throw RunStopped("stopped; finished studies are kept, \(folder.howToResume)")
    }
  }

  /// Does an evaluation, whose own way of saying that it was stopped knows nothing of studies.
  func stoppable<Result>(_ body: () throws -> Result) throws -> Result {
    do { return try body() } catch is RunStopped {
      try checkStop()
      throw RunStopped("stopped")
    }
  }

  /// Seconds of an image by a program, as busy as the machine is.
  package func secondsPerImage(_ program: EvaluationProgram) throws -> Double {
    let size = setup.network.architecture.inputShape
    let images = [Float](repeating: 0, count: program.batchSize * size.count)
    let labels = [Int32](repeating: 0, count: program.batchSize)
    return try meanSeconds(3, within: RunForecast.measuringLimit) {
      try program.run(images: images, labels: labels)
    } / Double(program.batchSize)
  }
}
