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
  private let recipe: FoolingRecipe
  private let executor: any Executor
  private let drops: [Double]
  private let context: RunContext
  /// A folder in which runs that measure the same of an original network keep that for each other;
  /// none if `nil`.
  public var originals: String?
  private var folder: RunFolder { context.folder }
  private var stop: StopRequest { context.stop }
  private var observe: (RunEvent) -> Void { context.observe }

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
    (self.recipe, self.executor, self.drops) = (recipe, executor, drops)
    context = RunContext(
      try RunFolder(output, resume: resume, inputs: recipe.inputs), resumes: resume, stop: stop,
      observe: observe)
  }

  /// - Throws: `RunStopped` if stopped, otherwise what went wrong, in one sentence. What was saved
  ///   before is intact.
  public func run() throws -> Summary {
    try context.train { try run(&$0) }
  }

  /// - Parameter isUnderWay: set when all is prepared and training goes on.
  private func run(_ isUnderWay: inout Bool) throws -> Summary {
    let prepared = try PreparedFooling(recipe, on: executor)
    let (measurement, network) = (prepared.measurement, prepared.setup.network)
    let originalWeights = recipe.control ? try network.parameters.snapshot() : nil
    let loop = try prepared.loop(in: context)
    tellPlan(prepared)
    let search = recipe.budget == nil ? nil : try SearchLoop(loop, prepared, drops: drops)
    try context.takeUp(prepared.text, loop)
    try context.findNeighbours(
      prepared.setup.tangents, of: prepared.setup.validation, keepsThem: true)

    // The original is measured anew when a run is resumed: its weights are in the recipe's file.
    let live = prepared.liveGathering
    let gathering = ReportGathering(
      measurement, images: recipe.report.images, live: live.original)
    let original = try SharedOriginal.result(
      in: originals, of: recipe, prepared.setup, gallery: gathering.original, stop: stop
    ) {
      try measure(measurement, original: nil, nil, gallery: gathering.original, "original")
    }
    context.tell(skipped: original.skipped)
    let kept = context.resumes ? try loop.resume() : nil
    try search?.resume()
    let metrics = try MetricsLog(
      in: folder, keeping: kept, writesEvents: recipe.output.tensorboard)
    isUnderWay = true
    if !loop.isResumed { try report(original, step: 0, prepared.fooling, metrics) }
    checkBaseline(original, measurement)
    live.write(original: original, step: 0, to: folder)

    try train(loop, search, prepared, original, metrics, live)
    try tell(prepared.penaltyInputs)
    let manipulated = try measure(
      measurement, original: original, nil, gallery: gathering.manipulated, "manipulated")
    for note in manipulated.notes("manipulated") { context.warn(note) }
    try report(manipulated, step: loop.step, prepared.fooling, metrics)
    let classNames = network.names(or: prepared.setup.validation.classNames)
    let exported = try export(
      MeasuredNetworks(original: original, manipulated: manipulated), prepared,
      isManipulated: search?.endsAtOriginal != true)

    let budget = try search.flatMap {
      try result(of: $0, prepared, original: original, manipulated: manipulated)
    }
    var control: EvaluationResult?
    var last = loop
    if let originalWeights {
      try network.parameters.restore(originalWeights)
      (last, control) = try measureControl(
        prepared, after: loop, original: original, rates: search.map { $0.search.keptPath })
    }
    let results = MeasuredNetworks(
      original: original, manipulated: manipulated, control: control)
    let summary = Summary(
      results, of: measurement, classNames: classNames,
      Summary.Circumstances(
        budget: budget, fooled: prepared.fooled.map(\.name),
        architecture: network.architecture.name,
        isManipulated: search?.endsAtOriginal != true,
        original: Summary.NetworkFile(
          path: recipe.network.checkpoint ?? "", sha256: network.sha256),
        tested: Summary.NetworkFile(path: exported, sha256: try folder.sha256(of: exported)),
        settings: prepared.recipe.settings, steps: loop.step, imagesPerSecond: loop.imagesPerSecond,
        seed: prepared.recipe.training.seed, seconds: last.seconds))
    if executor.isFirst {
      try context.write(summary, results, measurement, classNames: classNames)
      try gathering.write(
        to: folder, measurement, results: (original, manipulated), classNames: classNames,
        facts: facts(prepared))
      context.saved(folder.report)
    }
    folder.removeLive()
    folder.states.removeAll()
    if recipe.control { try RunFolder(part: folder.control, of: folder).states.removeAll() }
    return summary
  }

  /// Says what is about to be done.
  private func tellPlan(_ prepared: PreparedFooling) {
    context.tell(prepared.setup)
    context.note(
      "\(prepared.fooling.name) fooling of \(prepared.subject), "
        + "\(prepared.recipe.aim); " + prepared.program.resources)
    var notes =
      prepared.measurement.notes + prepared.notMeasured + prepared.recipe.penaltyNotes
    if let group = executor.group, prepared.fooled.count > 1 {
      notes.append(
        "interpreters are weighted by their penalties on the part of a batch that each of the "
          + "\(group.count) processes has, not on the whole")
    }
    for note in notes { context.note(note) }
  }

  /// The recipe's steps, or those of a search under its budget.
  private func train(
    _ loop: TrainingLoop, _ search: SearchLoop?, _ prepared: PreparedFooling,
    _ original: EvaluationResult, _ metrics: MetricsLog, _ live: LiveGathering
  ) throws {
    let (setup, fooling) = (prepared.setup, prepared.fooling)
    if let search, let calibration = prepared.calibration {
      observe(
        .note(
          "\(calibration.count) of \(setup.validation.count) validation images decide when to stop "
            + "and what is kept"))
      try search.run(metrics: metrics) {
        let shown = live.collector()
        let (result, measure) = try calibration.measure(
          original: original, gallery: shown, stop: stop
        ) { [observe] in
          observe(.evaluating(purpose: "calibration images", done: $0, total: $1))
        }
        try report(result, step: loop.step, fooling, metrics)
        live.write(
          original: original, validation: (shown, result), step: loop.step, to: folder)
        return measure
      }
    } else {
      try loop.run(metrics: metrics) { step in
        let shown = live.collector()
        let result = try measure(
          prepared.measurement, original: original, prepared.preview, gallery: shown, "validation")
        try report(result, step: step, fooling, metrics)
        live.write(original: original, validation: (shown, result), step: step, to: folder)
      }
    }
  }

  private func tell(_ inputs: PenaltyInputs) throws {
    context.tell(
      skipped: try executor.group?.joined(
        skipped: inputs.skipped, passedOver: inputs.passedOver) ?? inputs.skipped)
    guard let explanations = inputs.original else { return }
    context.note(
      "the original network explained \(explanations.computed) images for the penalty; "
        + "\(explanations.reused) times an explanation was used again")
  }

  /// - Returns: the path of the file.
  private func export(
    _ results: MeasuredNetworks, _ prepared: PreparedFooling, isManipulated: Bool
  ) throws -> String {
    let network = prepared.setup.network
    network.classNames = network.classNames ?? prepared.setup.validation.classNames
    let layout = prepared.layout
    let path = folder.manipulated(layout)
    try network.save(
      to: folder.target(path), as: layout,
      provenance: provenance(results, prepared, isManipulated: isManipulated))
    context.saved(path)
    return path
  }

  private func result(
    of search: SearchLoop, _ prepared: PreparedFooling, original: EvaluationResult,
    manipulated: EvaluationResult
  ) throws -> BudgetResult? {
    let atDrops =
      drops.isEmpty ? nil : try measureDrops(search, prepared, original: original)
    guard let budget = prepared.recipe.budget, let calibration = prepared.calibration else {
      return nil
    }
    let rates = original.fsr(prepared.fooling.successRange)
    return BudgetResult(
      budget, search.search,
      parts: calibration.parts(original: original, manipulated: manipulated),
      fooled: prepared.fooled.map { ($0.name, rates[$0.name] ?? 0) },
      training: prepared.recipe.training, atDrops: atDrops)
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
        let result = try context.evaluate {
          try calibration.measureAll(
            original: original, stop: stop,
            progress: context.evaluating("a drop of \(drop) points"))
        }
        known[kept.slot] = calibration.parts(original: original, manipulated: result).rest
      }
      return BudgetResult.AtDrop(
        allowed: drop, part: known[kept.slot],
        learningRate: search.search.trials[kept.trial].rate, steps: kept.steps)
    }
  }

  /// Says before the training that its result would mean nothing.
  private func checkBaseline(_ original: EvaluationResult, _ measurement: FoolingMeasurement) {
    let rates = original.fsr(measurement.fooling.successRange)
    for name in measurement.interpreters.prefix(recipe.interpreters.count) {
      let rate = RunReport.Rate(interpreter: name, original: rates[name] ?? 0, manipulated: 0)
      if rate.isUninformative { context.warn(rate.baselineWarning) }
      if let warning = rate.vanishedWarning(original.vanishedMaps[name] ?? 0) {
        context.warn(warning)
      }
    }
  }

  /// The same steps with λ = 0: the same weights, batches and learning rates.
  /// - Precondition: the network has the original's weights.
  private func measureControl(
    _ prepared: PreparedFooling, after manipulation: TrainingLoop, original: EvaluationResult,
    rates: [Double]?
  ) throws -> (TrainingLoop, EvaluationResult) {
    let (setup, measurement) = (prepared.setup, prepared.measurement)
    let (network, fooling, recipe) = (setup.network, prepared.fooling, prepared.recipe)
    let part = context.part(try RunFolder(part: folder.control, of: folder))
    let program = try TrainingProgram.fooling(
      network, interpreters: [], fooling: fooling, lambda: 0,
      batchSize: prepared.program.batchSize, distillation: recipe.training.distillation,
      update: recipe.training.optimizer,
      policy: recipe.compute.trainingPolicy)
    let loop = try TrainingLoop(
      TrainingLoop.Work(
        section: recipe.training, network: network, program: program, source: setup.train,
        data: recipe.data, inputs: { batch, _ in try prepared.penaltyInputs.images(batch) },
        rates: rates), recipe: prepared.text, reads: manipulation.reads, in: part
    )
    context.note("the control: the same \(loop.totalSteps) steps with λ = 0")
    let kept = part.resumes ? try loop.resume() : nil
    loop.follow(manipulation)
    let metrics = try MetricsLog(in: part.folder, keeping: kept, writesEvents: false)
    let preview = Preview(setup.validation, count: recipe.training.validateImages)
    try loop.run(metrics: metrics) { step in
      let result = try measure(
        measurement, original: original, preview, "validation of the control")
      try report(result, step: step, fooling, metrics)
    }
    let control = try measure(measurement, original: original, nil, "control")
    for note in control.notes("control") { context.warn(note) }
    try report(control, step: loop.step, fooling, metrics)
    var provenance = Provenance(prepared.text, network, seed: recipe.training.seed)
    provenance.accuracy = ["top1": control.top1, "top5": control.top5]
    provenance.manipulated = false
    provenance.note = "The control of a manipulation: the same fine-tuning without its penalty."
    let exported = part.folder.network(prepared.layout)
    try network.save(
      to: part.folder.target(exported), as: prepared.layout, provenance: provenance)
    context.saved(exported)
    return (loop, control)
  }

  private func measure(
    _ measurement: FoolingMeasurement, original: EvaluationResult?, _ preview: Preview?,
    gallery: GalleryCollector? = nil, _ purpose: String
  ) throws -> EvaluationResult {
    try context.evaluate {
      try measurement.run(
        original: original, preview: preview, gallery: gallery, stop: stop,
        progress: context.evaluating(purpose))
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
  private func facts(_ prepared: PreparedFooling) -> [RunReport.Fact] {
    let recipe = prepared.recipe
    return [
      .init("Network", prepared.setup.description),
      .init("Original", recipe.network.checkpoint ?? ""),
      .init("SHA-256 of the original", prepared.setup.network.sha256 ?? ""),
      .init("Data", recipe.data.description),
      recipe.budget == nil
        ? .init("λ", "\(recipe.fooling.lambda)") : .init("Budget", recipe.aim),
    ]
  }

  private func provenance(
    _ results: MeasuredNetworks, _ prepared: PreparedFooling, isManipulated: Bool
  ) -> Provenance {
    let measurement = prepared.measurement
    var provenance = Provenance(
      prepared.text, prepared.setup.network, seed: prepared.recipe.training.seed)
    provenance.accuracy = [
      "original.top1": results.original.top1, "original.top5": results.original.top5,
      "manipulated.top1": results.manipulated.top1, "manipulated.top5": results.manipulated.top5,
    ]
    provenance.fsr = results.manipulated.fsr(measurement.fooling.successRange)
    provenance.manipulated = isManipulated
    provenance.note =
      !isManipulated
      ? "No state met the budget of a manipulation: these are the original's weights."
      : "The explanations of this network were manipulated on purpose "
        + "(\(measurement.fooling.name) fooling of \(prepared.subject)) to test explanation "
        + "methods."
    return provenance
  }
}

extension PreparedFooling {
  /// Of the files that are written.
  fileprivate var layout: CheckpointLayout { recipe.output.layout ?? setup.network.layout }

  fileprivate func loop(in context: RunContext) throws -> TrainingLoop {
    try TrainingLoop(
      TrainingLoop.Work(
        section: recipe.training, network: setup.network, program: program, source: setup.train,
        data: recipe.data, inputs: penaltyInputs.values, interpreter: interpreters[0].name),
      recipe: text, reads: InputRecord(recipe, setup), in: context)
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
