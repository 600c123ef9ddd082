import Checkpoints
import Explanations
import Foundation
import ImageData
import Reports
import TensorCPU

/// The whole of `trompe fool`: measures the original network, trains it with the penalty, measures
/// the manipulated one and exports it.
///
/// Runs on the calling thread, whose worker pool the executor uses.
public final class FoolingRun {
  private let recipe: FoolingRecipe
  private var text: String
  private let folder: RunFolder
  private let resumes: Bool
  private let stop: StopRequest
  private let observe: (RunEvent) -> Void

  /// - Parameters:
  ///   - recipe: all that is done.
  ///   - stop: ends the run after the step, by `RunStopped`.
  ///   - output: the folder for everything the run writes; made if it does not exist.
  ///   - resume: go on from the state in `output`.
  ///   - observe: told of everything that happens, on the thread that runs.
  public init(
    _ recipe: FoolingRecipe, output: String, resume: Bool = false,
    stop: StopRequest = StopRequest(),
    observe: @escaping (RunEvent) -> Void = { _ in }
  ) throws {
    (self.recipe, self.stop, self.observe, resumes) = (recipe, stop, observe, resume)
    text = recipe.resolvedYAML()
    folder = try RunFolder(output, resume: resume)
  }

  /// - Throws: `RunStopped` if stopped, otherwise what went wrong, in one sentence. What was saved
  ///   before is intact.
  public func run() throws -> Summary {
    defer { folder.release() }
    var isUnderWay = false
    do { return try run(&isUnderWay) } catch {
      throw isUnderWay ? folder.ended(by: error) : error
    }
  }

  /// - Parameter isUnderWay: set when all is prepared and training goes on.
  private func run(_ isUnderWay: inout Bool) throws -> Summary {
    let begin = ContinuousClock.now
    let prepared = try PreparedFooling(recipe)
    let (setup, fooling, measured) = (prepared.setup, prepared.fooling, prepared.interpreters)
    let (network, program) = (setup.network, prepared.program)
    var resolved = recipe
    resolved.network = recipe.network.completed(by: network)
    text = network.recipeComment + resolved.resolvedYAML()
    let (measurement, penaltyInputs) = (prepared.measurement, prepared.penaltyInputs)
    let layout = recipe.output.layout ?? network.layout
    let loop = try TrainingLoop(
      recipe.training, network: network, program: program, source: setup.train, data: recipe.data,
      folder: folder, recipe: text, stop: stop, inputs: penaltyInputs.values,
      interpreter: measured[0].name, observe: observe)
    observe(.note(setup.description))
    for note in network.notes { observe(.note(note)) }
    observe(
      .note(
        "\(fooling.name) fooling of \(measured[0].name), λ = \(recipe.fooling.lambda); "
          + program.resources))
    for note in measurement.notes + prepared.notMeasured { observe(.note(note)) }
    if resumes { try folder.checkRecipe(text) }
    try folder.write(text, to: folder.recipe)

    // The original is measured anew when a run is resumed: its weights are in the recipe's file.
    let gathering = ReportGathering(measurement, images: recipe.report.images)
    let original = try measure(
      measurement, original: nil, nil, gallery: gathering.original, "original")
    original.skipped.report(to: observe)
    if resumes { try loop.resume() }
    let metrics = try MetricsLog(
      folder.metrics, keptSteps: loop.isResumed ? loop.step : nil,
      events: recipe.output.tensorboard ? folder.events : nil)
    isUnderWay = true
    if !loop.isResumed { try report(original, step: 0, fooling, metrics) }

    let preview = Preview(setup.validation, count: recipe.training.validateImages)
    try loop.run(metrics: metrics) { step in
      let result = try measure(measurement, original: original, preview, "validation")
      try report(result, step: step, fooling, metrics)
    }

    penaltyInputs.skipped.report(to: observe)
    if let explanations = penaltyInputs.original {
      observe(
        .note(
          "the original network explained \(explanations.computed) images for the penalty; "
            + "\(explanations.reused) times an explanation was used again"))
    }

    let manipulated = try measure(
      measurement, original: original, nil, gallery: gathering.manipulated, "manipulated")
    try report(manipulated, step: loop.step, fooling, metrics)
    var summary = Summary(
      original: original, manipulated: manipulated, fooling: fooling,
      interpreter: measured[0].name, seconds: (ContinuousClock.now - begin).seconds)
    summary.seed = recipe.training.seed
    summary.steps = loop.step
    summary.imagesPerSecond =
      Double(loop.step * recipe.training.batchSize) / max(loop.trainingSeconds, 1e-9)
    network.classNames = network.classNames ?? setup.validation.classNames
    let exported = folder.manipulated(layout)
    try network.save(to: exported, as: layout, provenance: provenance(summary, network))
    observe(.saved(path: exported))
    try TestLossTable(measurement.tested, original: original, manipulated: manipulated)
      .write(to: folder.testLosses, in: folder)
    try folder.write(summary.json(), to: folder.summary)
    observe(.saved(path: folder.summary))
    try gathering.write(
      to: folder, measurement, results: (original, manipulated),
      classNames: network.names(or: setup.validation.classNames), facts: facts(setup))
    observe(.saved(path: folder.report))
    folder.states.removeAll()
    return summary
  }

  private func measure(
    _ measurement: Measurement, original: EvaluationResult?, _ preview: Preview?,
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
      .init("Data", recipe.data.description), .init("λ", "\(recipe.fooling.lambda)"),
    ]
  }

  private func provenance(_ summary: Summary, _ network: LoadedNetwork) -> Provenance {
    var provenance = Provenance()
    provenance.toolVersion = Trompe.version
    provenance.recipe = text
    provenance.originalSHA256 = network.sha256
    provenance.seed = recipe.training.seed
    provenance.accuracy = [
      "original.top1": summary.accuracy.original.top1,
      "original.top5": summary.accuracy.original.top5,
      "manipulated.top1": summary.accuracy.manipulated.top1,
      "manipulated.top5": summary.accuracy.manipulated.top5,
    ]
    provenance.fsr = summary.fsr
    provenance.manipulated = true
    provenance.note =
      "The explanations of this network were manipulated on purpose "
      + "(\(summary.fooling) fooling of \(summary.interpreter)) to test explanation methods."
    return provenance
  }
}
