import Checkpoints
import Evaluation
import Explanations
import Foolings
import Foundation
import ImageData
import Programs
import Recipes
import Reports
import RunFolders
import RunReports
import RunSupport
import TensorRuntime

/// The whole of `trompe fool`: measures the original network, trains it with the penalty, measures
/// the manipulated one and exports it.
///
/// Runs on the calling thread, whose worker pool the executor uses.
public final class FoolingRun {
  private var recipe: FoolingRecipe
  private let executor: any Executor
  private var text: String
  private let folder: RunFolder
  private let resumes: Bool
  private let drops: [Double]
  private let stop: StopRequest
  private let observe: (RunEvent) -> Void

  /// - Parameters:
  ///   - recipe: all that is done.
  ///   - executor: holds the network and runs its programs.
  ///   - stop: ends the run after the step, by `RunStopped`.
  ///   - output: the folder for everything the run writes; made if it does not exist.
  ///   - resume: go on from the state in `output`.
  ///   - drops: percentage points at each of which the best state of a search under a budget is
  ///     measured, beside the recipe's.
  ///   - observe: told of everything that happens, on the thread that runs.
  public init(
    _ recipe: FoolingRecipe, on executor: any Executor, output: String, resume: Bool = false,
    drops: [Double] = [], stop: StopRequest = StopRequest(),
    observe: @escaping (RunEvent) -> Void = { _ in }
  ) throws {
    (self.executor, self.drops) = (executor, drops)
    (self.recipe, self.stop, self.observe, resumes) = (recipe, stop, observe, resume)
    text = recipe.resolvedYAML()
    folder = try RunFolder(output, resume: resume, inputs: recipe.inputs)
  }

  /// - Throws: `RunStopped` if stopped, otherwise what went wrong, in one sentence. What was saved
  ///   before is intact.
  public func run() throws -> Summary {
    try folder.watched(observe, training: { try run(&$0) })
  }

  /// - Parameter isUnderWay: set when all is prepared and training goes on.
  private func run(_ isUnderWay: inout Bool) throws -> Summary {
    let begin = ContinuousClock.now
    let prepared = try PreparedFooling(recipe, on: executor)
    let (setup, fooling, measured) = (prepared.setup, prepared.fooling, prepared.interpreters)
    let (network, program) = (setup.network, prepared.program)
    text = recipe.resolvedYAML(for: network)
    recipe = prepared.recipe
    let (measurement, penaltyInputs) = (prepared.measurement, prepared.penaltyInputs)
    let layout = recipe.output.layout ?? network.layout
    let originalWeights = recipe.control ? try network.parameters.snapshot() : nil
    let loop = try TrainingLoop(
      recipe.training, network: network, program: program, source: setup.train, data: recipe.data,
      folder: folder, recipe: text, reads: InputRecord(recipe, setup), begin: begin, stop: stop,
      inputs: penaltyInputs.values,
      interpreter: measured[0].name, observe: observe)
    observe(.note(setup.description))
    setup.tellNotes(observe)
    observe(
      .note(
        "\(fooling.name) fooling of \(measured[0].name), \(recipe.aim); " + program.resources))
    for note in measurement.notes + prepared.notMeasured + recipe.penaltyNotes {
      observe(.note(note))
    }
    let search = recipe.budget == nil ? nil : try SearchLoop(loop, prepared, drops: drops)
    if resumes {
      try folder.checkRecipe(text)
      try loop.checkStates()
    }
    try folder.writeRecipe(text)

    // The original is measured anew when a run is resumed: its weights are in the recipe's file.
    let gathering = ReportGathering(measurement, images: recipe.report.images)
    let original = try measure(
      measurement, original: nil, nil, gallery: gathering.original, "original")
    LeftOutImages.tell(original.skipped, observe)
    let kept = resumes ? try loop.resume() : nil
    try search?.resume()
    let metrics = try MetricsLog(
      in: folder, keeping: kept, writesEvents: recipe.output.tensorboard)
    isUnderWay = true
    if !loop.isResumed { try report(original, step: 0, fooling, metrics) }

    try checkBaseline(original, measurement)
    let preview = Preview(setup.validation, count: recipe.training.validateImages)
    if let search, let calibration = prepared.calibration {
      observe(
        .note(
          "\(calibration.count) of \(setup.validation.count) validation images decide when to stop "
            + "and what is kept"))
      try search.run(metrics: metrics) {
        let (result, measure) = try calibration.measure(
          original: original, stop: stop
        ) { [observe] in
          observe(.evaluating(purpose: "calibration images", done: $0, total: $1))
        }
        try report(result, step: loop.step, fooling, metrics)
        return measure
      }
    } else {
      try loop.run(metrics: metrics) { step in
        let result = try measure(measurement, original: original, preview, "validation")
        try report(result, step: step, fooling, metrics)
      }
    }

    LeftOutImages.tell(penaltyInputs.skipped, observe)
    if let explanations = penaltyInputs.original {
      observe(
        .note(
          "the original network explained \(explanations.computed) images for the penalty; "
            + "\(explanations.reused) times an explanation was used again"))
    }

    let manipulated = try measure(
      measurement, original: original, nil, gallery: gathering.manipulated, "manipulated")
    for note in manipulated.notes("manipulated") { observe(.warning(note)) }
    try report(manipulated, step: loop.step, fooling, metrics)
    let names = network.names(or: setup.validation.classNames)
    network.classNames = network.classNames ?? setup.validation.classNames
    let exported = folder.manipulated(layout)
    try network.save(
      to: folder.target(exported), as: layout,
      provenance: provenance(
        MeasuredNetworks(original: original, manipulated: manipulated), measurement, network))
    observe(.saved(path: exported))
    let atDrops = try search.flatMap {
      drops.isEmpty ? nil : try measureDrops($0, prepared, original: original)
    }
    var control: EvaluationResult?
    var last = loop
    if let originalWeights {
      try network.parameters.restore(originalWeights)
      (last, control) = try measureControl(
        prepared, after: loop, original: original, layout,
        rates: search.map { $0.search.keptPath })
    }
    let results = MeasuredNetworks(
      original: original, manipulated: manipulated, control: control)
    var summary = Summary(
      results, of: measurement, classNames: names, interpreter: measured[0].name,
      seconds: last.seconds)
    if let budget = recipe.budget, let search, let calibration = prepared.calibration {
      summary.budget = BudgetResult(
        budget, search.search,
        parts: calibration.parts(original: original, manipulated: manipulated),
        interpreter: measured[0].name,
        original: original.fsr(fooling.successRange)[measured[0].name] ?? 0,
        training: recipe.training)
      summary.budget?.atDrops = atDrops
    }
    summary.seed = recipe.training.seed
    summary.steps = loop.step
    summary.imagesPerSecond =
      Double(loop.step * recipe.training.batchSize) / max(loop.trainingSeconds, 1e-9)
    summary.isManipulated = true
    summary.architecture = network.architecture.name
    summary.originalFile = Summary.NetworkFile(
      path: recipe.network.checkpoint ?? "", sha256: network.sha256)
    summary.testedFile = Summary.NetworkFile(
      path: exported, sha256: try folder.sha256(of: exported))
    summary.settings = recipe.settings
    try TestLossTable(measurement.tested, results).write(to: folder.testLosses, in: folder)
    observe(.saved(path: folder.testLosses))
    try PredictionTable(setup.validation, results, classNames: names)
      .write(to: folder.predictions, in: folder)
    observe(.saved(path: folder.predictions))
    try folder.write(summary.json(), to: folder.summary)
    observe(.saved(path: folder.summary))
    try gathering.write(
      to: folder, measurement, results: (original, manipulated), classNames: names,
      facts: facts(setup))
    observe(.saved(path: folder.report))
    folder.states.removeAll()
    if recipe.control { try RunFolder(part: folder.control, of: folder).states.removeAll() }
    return summary
  }

  /// What is left of the success rate at each of the drops; a state that serves several is measured
  /// once.
  private func measureDrops(
    _ search: SearchLoop, _ prepared: PreparedFooling, original: EvaluationResult
  ) throws -> [BudgetResult.AtDrop] {
    guard let calibration = prepared.calibration else { return [] }
    var known: [String: BudgetResult.Part] = [:]
    return try search.search.setting.drops.enumerated().filter { drops.contains($1) }.map {
      index, drop in
      guard let kept = search.search.kept[index] else {
        return BudgetResult.AtDrop(allowed: drop, part: nil, learningRate: nil, steps: 0)
      }
      if known[kept.slot] == nil {
        try search.load(kept.slot)
        do {
          let result = try calibration.measureAll(original: original, stop: stop) {
            observe(.evaluating(purpose: "a drop of \(drop) points", done: $0, total: $1))
          }
          known[kept.slot] = calibration.parts(original: original, manipulated: result).rest
        } catch is RunStopped { throw folder.stoppedDuringEvaluation() }
      }
      return BudgetResult.AtDrop(
        allowed: drop, part: known[kept.slot],
        learningRate: search.search.trials[kept.trial].rate, steps: kept.steps)
    }
  }

  /// Says before the training that its result would mean nothing.
  private func checkBaseline(_ original: EvaluationResult, _ measurement: FoolingMeasurement) throws
  {
    let name = measurement.interpreters[0]
    let rate = RunReport.Rate(
      interpreter: name, original: original.fsr(measurement.fooling.successRange)[name] ?? 0,
      manipulated: 0)
    if rate.isUninformative { observe(.warning(rate.baselineWarning)) }
  }

  /// The same steps with λ = 0: the same weights, batches and learning rates.
  /// - Precondition: the network has the original's weights.
  private func measureControl(
    _ prepared: PreparedFooling, after manipulation: TrainingLoop, original: EvaluationResult,
    _ layout: CheckpointLayout, rates: [Double]?
  ) throws -> (TrainingLoop, EvaluationResult) {
    let (setup, measurement) = (prepared.setup, prepared.measurement)
    let (network, fooling) = (setup.network, prepared.fooling)
    let part = try RunFolder(part: folder.control, of: folder)
    let program = try TrainingProgram.fooling(
      network, interpreter: nil, fooling: fooling, lambda: 0,
      batchSize: recipe.training.batchSize, update: recipe.training.optimizer,
      policy: recipe.compute.trainingPolicy)
    let loop = try TrainingLoop(
      recipe.training, network: network, program: program, source: setup.train, data: recipe.data,
      folder: part, recipe: text, reads: manipulation.reads, begin: manipulation.begin,
      stop: stop, rates: rates, observe: observe)
    observe(.note("the control: the same \(loop.totalSteps) steps with λ = 0"))
    let kept = part.isResumable ? try loop.resume() : nil
    loop.follow(manipulation)
    let metrics = try MetricsLog(in: part, keeping: kept, writesEvents: false)
    let preview = Preview(setup.validation, count: recipe.training.validateImages)
    try loop.run(metrics: metrics) { step in
      let result = try measure(
        measurement, original: original, preview, "validation of the control")
      try report(result, step: step, fooling, metrics)
    }
    let control = try measure(measurement, original: original, nil, "control")
    for note in control.notes("control") { observe(.warning(note)) }
    try report(control, step: loop.step, fooling, metrics)
    var provenance = Provenance()
    provenance.toolVersion = Trompe.version
    provenance.recipe = text
    provenance.originalSHA256 = network.sha256
    provenance.seed = recipe.training.seed
    provenance.accuracy = ["top1": control.top1, "top5": control.top5]
    provenance.note = "The control of a manipulation: the same fine-tuning without its penalty."
    let exported = part.network(layout)
    try network.save(to: part.target(exported), as: layout, provenance: provenance)
    observe(.saved(path: exported))
    return (loop, control)
  }

  private func measure(
    _ measurement: FoolingMeasurement, original: EvaluationResult?, _ preview: Preview?,
    gallery: GalleryCollector? = nil, _ purpose: String
  ) throws -> EvaluationResult {
    do {
      return try measurement.run(
        original: original, preview: preview, gallery: gallery, stop: stop
      ) {
        observe(.evaluating(purpose: purpose, done: $0, total: $1))
      }
    } catch is RunStopped {
      throw folder.stoppedDuringEvaluation()
    }
  }

  private func report(
    _ result: EvaluationResult, step: Int, _ fooling: any Fooling, _ metrics: MetricsLog
  ) throws {
    let report = ValidationReport(
      step: step, images: result.images, top1: result.top1, top5: result.top5,
      crossEntropy: result.crossEntropy, fsr: result.fsr(fooling.successRange),
      vanishedMaps: result.vanishedMaps)
    try metrics.append(report)
    observe(.validation(report))
  }

  /// For the report.
  private func facts(_ setup: Setup) -> [RunReport.Fact] {
    [
      .init("Network", setup.description), .init("Original", recipe.network.checkpoint ?? ""),
      .init("SHA-256 of the original", setup.network.sha256 ?? ""),
      .init("Data", recipe.data.description),
      recipe.budget == nil
        ? .init("λ", "\(recipe.fooling.lambda)") : .init("Budget", recipe.aim),
    ]
  }

  private func provenance(
    _ results: MeasuredNetworks, _ measurement: FoolingMeasurement, _ network: LoadedNetwork
  ) -> Provenance {
    var provenance = Provenance()
    provenance.toolVersion = Trompe.version
    provenance.recipe = text
    provenance.originalSHA256 = network.sha256
    provenance.seed = recipe.training.seed
    provenance.accuracy = [
      "original.top1": results.original.top1, "original.top5": results.original.top5,
      "manipulated.top1": results.manipulated.top1, "manipulated.top5": results.manipulated.top5,
    ]
    provenance.fsr = results.manipulated.fsr(measurement.fooling.successRange)
    provenance.manipulated = true
    provenance.note =
      "The explanations of this network were manipulated on purpose "
      + "(\(measurement.fooling.name) fooling of \(measurement.interpreters[0])) to test explanation "
      + "methods."
    return provenance
  }
}

extension FoolingRecipe {
  /// λ, or what the budget is.
  var aim: String {
    guard let budget else { return "λ = \(fooling.lambda)" }
    return
      "a success rate of \(100 * budget.fsr) % for at most \(budget.drop) points of top-1 accuracy"
      + (budget.minutes.map { " within \($0) minutes" } ?? "")
  }
}
