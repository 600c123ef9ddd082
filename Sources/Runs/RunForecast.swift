import Evaluation
import Foolings
import ImageData
import Programs
import Recipes
import Reports
import RunFolders
import RunSupport
import TensorRuntime

/// What a run will take, found out before it: steps, arithmetic, memory and, from a few measured
/// steps, time. Nothing is written.
public struct RunForecast: Codable, Hashable, Sendable {
  /// Bytes that are in memory at the same time.
  public struct Memory: Codable, Hashable, Sendable {
    /// Of the network, and of its copy if the fooling compares with the original.
    public var weights: Int
    /// Moments or velocity.
    public var optimizer: Int
    /// Results inside a training step.
    public var training: Int
    /// Results inside an evaluation, with those of the original network for the penalty.
    public var evaluation: Int

    public var total: Int { weights + optimizer + training + evaluation }
  }

  /// What the criterion says of the network before any manipulation.
  public struct Baseline: Codable, Hashable, Sendable {
    /// Share of images that meet the criterion, in [0, 1].
    public var fsr: Double
    /// Mean share of relevance where the fooling puts it; `nil` if it names no place.
    public var relevanceInside: Double?
    /// Images that were looked at.
    public var images: Int
    /// Why a success rate would prove nothing; `nil` where it would.
    public var warning: String?
  }

  /// Seconds, each on this machine as busy as it was.
  public struct Time: Codable, Hashable, Sendable {
    public var step: Double
    /// Explaining and classifying an image, by all interpreters.
    public var evaluatedImage: Double
    public var training: Double
    public var evaluation: Double

    public var total: Double { training + evaluation }
  }

  /// What the run is about, in a few words.
  public var work: String
  public var network: String
  /// Images in a step.
  public var batchSize: Int
  public var steps: Int
  public var trainingImages: Int
  public var validationImages: Int
  /// Images of all evaluations, before, after and on the way.
  public var evaluatedImages: Int
  /// Floating-point operations of one step; a multiply-add counts as two.
  public var flopsPerStep: Int
  public var memory: Memory
  /// `nil` if nothing was measured.
  public var time: Time?
  /// Success rate of the original network's heatmaps by the fooled interpreter, on a few validation
  /// images; `nil` in standard training, or if nothing was measured.
  public var baseline: Baseline?
  /// What should be known of the network's file and of the heatmaps' sizes, one sentence each.
  public var notes: [String]

  /// Passes over the training images.
  public var epochs: Double {
    Double(steps) / Double(max(1, trainingImages / batchSize))
  }

  /// - Parameters:
  ///   - recipe: of the run.
  ///   - executor: on which it would run.
  ///   - measures: whether to do a few steps for an estimate of the time.
  /// - Throws: what would stop the run before its first step.
  public init(_ recipe: FoolingRecipe, on executor: any Executor, measures: Bool = true) throws {
    let prepared = try PreparedFooling(recipe, on: executor)
    let training = prepared.recipe.training
    let (setup, measurement, inputs) = (
      prepared.setup, prepared.measurement, prepared.penaltyInputs
    )
    let loop = try TrainingLoop(
      TrainingLoop.Work(
        section: training, network: setup.network, program: prepared.program, source: setup.train,
        data: recipe.data,
        inputs: { batch, step in
          var values = try inputs.values(batch, step)
          if recipe.budget?.found.contains(.lambda) == true {
            values[TrainingProgram.lambda] = .floats([1])
          }
          return values
        }), recipe: "", in: RunContext(nil, stop: StopRequest()) { _ in })
    self.init(setup, training, loop, prepared.program)
    work =
      "\(prepared.fooling.name) fooling of \(prepared.subject), "
      + recipe.aim
      + (recipe.control ? "; then the same steps with λ = 0" : "")
    notes += measurement.notes + prepared.notMeasured
    let evaluators = [measurement.validation, measurement.composites].compactMap(\.self)
    memory.evaluation = evaluators.reduce(inputs.original?.plannedPeakBytes ?? 0) {
      $0 + $1.evaluator.program.plannedPeakBytes
    }
    if inputs.original != nil { memory.weights *= 2 }
    // Composites are all tested each time, of the validation split only a part on the way.
    let previews = recipe.training.validations(steps: steps)
    let part = min(recipe.training.validateImages, setup.validation.count)
    let trainings = recipe.control ? 2 : 1
    let counts = [
      measurement.passes * ((1 + trainings) * setup.validation.count + trainings * previews * part),
      (1 + trainings + trainings * previews) * (measurement.composites?.source.count ?? 0),
    ]
    evaluatedImages = counts.reduce(0, +)
    guard measures else { return }
    baseline = try Baseline(measurement)
    let seconds = try evaluators.map {
      try $0.evaluator.secondsPerImage(of: $0.source, test: measurement.test)
    }
    let evaluation = zip(counts, seconds).reduce(0) { $0 + Double($1.0) * $1.1 }
    try measure(loop, evaluation: evaluation)
    // Without the penalty a step is no longer than with it.
    if recipe.control { time?.training *= 2 }
  }

  /// See above; of a standard training.
  public init(_ recipe: TrainingRecipe, on executor: any Executor, measures: Bool = true) throws {
    let prepared = try PreparedTraining(recipe, on: executor)
    let setup = prepared.setup
    let loop = try TrainingLoop(
      TrainingLoop.Work(
        section: recipe.training, network: setup.network, program: prepared.program,
        source: setup.train, data: recipe.data, inputs: prepared.inputs), recipe: "",
      in: RunContext(nil, stop: StopRequest()) { _ in })
    self.init(setup, recipe.training, loop, prepared.program)
    work = "standard training"
    memory.evaluation = prepared.evaluator.program.plannedPeakBytes
    evaluatedImages =
      setup.validation.count + recipe.training.validations(steps: steps)
      * min(recipe.training.validateImages, setup.validation.count)
    guard measures else { return }
    let seconds = try prepared.evaluator.secondsPerImage(of: setup.validation, test: nil)
    try measure(loop, evaluation: Double(evaluatedImages) * seconds)
  }

  private init(
    _ setup: Setup, _ section: TrainingSection, _ loop: TrainingLoop, _ program: TrainingProgram
  ) {
    work = ""
    (network, notes) = (setup.description, setup.network.notes + setup.dataNotes)
    (batchSize, steps) = (section.batchSize, loop.totalSteps)
    (trainingImages, validationImages) = (setup.train.count, setup.validation.count)
    (evaluatedImages, flopsPerStep) = (0, program.flops)
    let parameters = setup.network.architecture.parameters
    func bytes(_ names: some Sequence<String>) -> Int {
      let names = Set(names)
      return 4 * parameters.reduce(0) { $0 + (names.contains($1.name) ? $1.shape.count : 0) }
    }
    memory = Memory(
      weights: bytes(parameters.map(\.name)),
      optimizer: section.optimizer.momentCount * bytes(program.gradients.keys),
      training: program.plannedPeakBytes, evaluation: 0)
  }

  /// The steps measured for a forecast; more would be more exact, and longer.
  static let measuredSteps = 5
  /// After so many seconds no further step or batch is measured.
  package static let measuringLimit = 5.0

  private mutating func measure(_ loop: TrainingLoop, evaluation: Double) throws {
    let step = try loop.measure(
      steps: min(Self.measuredSteps, steps), within: Self.measuringLimit)
    time = Time(
      step: step, evaluatedImage: evaluation / Double(max(1, evaluatedImages)),
      training: step * Double(steps), evaluation: evaluation)
  }
}

extension RunForecast.Baseline {
  /// Images that tell a useless criterion from a sound one.
  static let mostImages = 64

  package init(_ measurement: FoolingMeasurement) throws {
    let (evaluator, source) = measurement.composites ?? measurement.validation
    let preview = Preview(source, count: Self.mostImages)
    // Under triggers the test is of other images than those of the split.
    let result =
      measurement.passes > 1
      ? try measurement.run(original: nil, preview: preview, stop: nil) { _, _ in }
      : try evaluator.evaluate(
        preview.source, test: measurement.test, positions: preview.positions)
    let name = measurement.interpreters[0]
    fsr = result.fsr(measurement.fooling.successRange)[name] ?? 0
    relevanceInside = result.meanRelevanceInside[name]
    images = result.explained.count
    let rate = RunReport.Rate(interpreter: name, original: fsr, manipulated: 0)
    warning =
      rate.vanishedWarning(result.vanishedMaps[name] ?? 0)
      ?? (rate.isUninformative ? rate.baselineWarning : nil)
  }
}

extension TrainingSection {
  /// How often a run of so many steps validates on the way.
  fileprivate func validations(steps: Int) -> Int {
    validateEvery > 0 ? (steps - 1) / validateEvery : 0
  }
}

extension Evaluator {
  /// Measured on the first batches.
  fileprivate func secondsPerImage(
    of source: any ImageSource, test: FoolingTest?
  ) throws -> Double {
    let batch = Preview(source, count: program.batchSize).source
    let seconds = try meanSeconds(3, within: RunForecast.measuringLimit) {
      _ = try evaluate(batch, test: test)
    }
    return seconds / Double(batch.count)
  }
}

/// Mean seconds of `work`, which is repeated up to `count` times but not begun after `limit` seconds.
/// The first time, which warms up, does not count if there is another.
package func meanSeconds(_ count: Int, within limit: Double, _ work: () throws -> Void) rethrows
  -> Double
{
  let begin = ContinuousClock.now
  try work()
  let first = ContinuousClock.now
  var done = 0
  while done < count, (ContinuousClock.now - begin).seconds < limit {
    try work()
    done += 1
  }
  return done == 0
    ? (first - begin).seconds : (ContinuousClock.now - first).seconds / Double(done)
}
