import Evaluation
import Explanations
import Foolings
import ImageData
import Programs
import Recipes
import RunReports
import RunSupport
import TensorRuntime

/// Network, data and programs of a fooling, checked against each other and compiled: all that stands
/// before the first step.
struct PreparedFooling {
  /// With the batch size that a budget leaves to the run.
  let recipe: FoolingRecipe
  /// The recipe as it is written to the folder.
  let text: String
  package let setup: Setup
  package let fooling: any Fooling
  /// By the name under which results are reported, the fooled ones first.
  package let interpreters: [(name: String, any Interpreter)]
  package var fooled: [(name: String, any Interpreter)] {
    Array(interpreters.prefix(recipe.interpreters.count))
  }
  /// Names of those that are fooled, for sentences.
  var subject: String { fooled.map(\.name).joined(separator: ", ") }
  package let program: TrainingProgram
  package let measurement: FoolingMeasurement
  let penaltyInputs: PenaltyInputs
  /// Methods that the network has no rule for, a sentence each.
  let notMeasured: [String]
  /// Of the search under a budget.
  let calibration: Calibration?

  /// - Throws: what is wrong with the recipe or the files that it names, in one sentence.
  package init(_ recipe: FoolingRecipe, on executor: any Executor) throws {
    setup = try Setup(
      recipe.network, recipe.data, seed: recipe.training.seed, trains: true, on: executor)
    let network = setup.network
    text = recipe.resolvedYAML(for: network)
    var recipe = recipe
    if recipe.budget?.found.contains(.batchSize) == true {
      recipe.training.batchSize = BudgetSection.batchSize(
        pixels: setup.imageSize.width * setup.imageSize.height, images: setup.train.count)
    }
    self.recipe = recipe
    try network.checkExport(as: recipe.output.layout ?? network.layout)
    fooling = try recipe.fooling.fooling(
      classNames: network.names(or: setup.validation.classNames))
    let further = recipe.evaluation.interpreters.interpreters(
      besides: recipe.interpreters, of: network.architecture)
    notMeasured = further.notes
    interpreters = try reported(
      recipe.interpreters + further.specifications, network.preprocessing,
      tangents: setup.tangents)
    let fooled = Array(interpreters.prefix(recipe.interpreters.count))
    if recipe.budget != nil, let group = executor.group {
      throw RunError(
        "budget: a search runs in one process, and there are \(group.count); give "
          + "training.steps, learningRate and fooling.lambda, or start it without mpirun")
    }
    program = try TrainingProgram.fooling(
      network, interpreters: fooled.map(\.1), fooling: fooling,
      lambda: recipe.budget?.found.contains(.lambda) == true ? nil : recipe.fooling.lambda,
      batchSize: executor.share(ofBatch: recipe.training.batchSize)
        * ((fooling as? TriggerFooling)?.copies ?? 1),
      distillation: recipe.training.distillation, grid: recipe.evaluation.grid,
      evasion: recipe.fooling.evasion(of: network.architecture, fooling: fooled.map(\.1)),
      samplesAtOnce: recipe.compute.samplesAtOnce, update: recipe.training.optimizer,
      policy: recipe.compute.trainingPolicy)
    let composites = try setup.composites(fooling, recipe.data)
    measurement = try FoolingMeasurement(
      of: network, interpreters: interpreters, fooling: fooling, on: setup.validation,
      composites: composites.map { ($0.validation, $0.preprocessing) },
      batchSize: recipe.evaluation.batchSize, grid: recipe.evaluation.grid,
      threads: recipe.data.threads,
      compute: recipe.compute)
    penaltyInputs = try PenaltyInputs(
      recipe, network, interpreters: fooled, fooling: fooling, composites: composites,
      imageSize: setup.imageSize)
    calibration =
      recipe.budget == nil
      ? nil
      : try Calibration(
        recipe, setup, interpreters: fooled, fooling: fooling, composites: composites)
  }
  /// The images of a validation on the way.
  var preview: Preview { Preview(setup.validation, count: recipe.training.validateImages) }

  /// Of what a validation on the way measures.
  var liveGathering: LiveGathering {
    let part =
      calibration?.testedPositions
      ?? (measurement.composites == nil
        ? preview.positions : Array(0..<measurement.tested.count))
    return LiveGathering(
      measurement, fooled: fooled.count, part: part,
      classNames: setup.network.names(or: setup.validation.classNames))
  }
}
