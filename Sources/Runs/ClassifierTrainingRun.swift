import Checkpoints
import Evaluation
import Foundation
import ImageData
import Programs
import Recipes
import RunFolders
import RunSupport
import TensorRuntime

/// The whole of `trompe train`: ordinary training with cross-entropy, for baselines.
public final class ClassifierTrainingRun {
  private let recipe: TrainingRecipe
  private let executor: any Executor
  private var text: String
  private let folder: RunFolder
  private let resumes: Bool
  private let stop: StopRequest
  private let observe: (RunEvent) -> Void

  /// See `FoolingRun`.
  public init(
    _ recipe: TrainingRecipe, on executor: any Executor, output: String, resume: Bool = false,
    stop: StopRequest = StopRequest(), observe: @escaping (RunEvent) -> Void = { _ in }
  ) throws {
    self.executor = executor
    (self.recipe, self.stop, self.observe, resumes) = (recipe, stop, observe, resume)
    text = recipe.resolvedYAML()
    folder = try RunFolder(output, resume: resume, inputs: recipe.inputs)
  }

  /// - Throws: as `FoolingRun.run`.
  public func run() throws -> TrainingSummary {
    try folder.watched(observe, training: { try run(&$0) })
  }

  /// - Parameter isUnderWay: set when all is prepared and training goes on.
  private func run(_ isUnderWay: inout Bool) throws -> TrainingSummary {
    let begin = ContinuousClock.now
    let prepared = try PreparedTraining(recipe, on: executor)
    let (setup, program, evaluator) = (prepared.setup, prepared.program, prepared.evaluator)
    let network = setup.network
    text = recipe.resolvedYAML(for: network)
    let layout = recipe.output.layout ?? network.layout
    for layer in Set(network.architecture.parameters.filter { !$0.isTrainable }.map(\.layer)) {
      let name = layer + ".num_batches_tracked"
      network.batchCounts[name] = network.batchCounts[name] ?? 0
    }
    let loop = try TrainingLoop(
      recipe.training, network: network, program: program, source: setup.train, data: recipe.data,
      folder: folder, recipe: text, reads: InputRecord(recipe, setup), begin: begin, stop: stop,
      inputs: prepared.inputs, observe: observe)
    observe(.note(setup.description))
    setup.tellNotes(observe)
    observe(.note(program.resources))
    if let adversary = prepared.adversary {
      observe(
        .note(
          String(
            format: "adversarial images take another %.2f GFLOP per image and %.0f MB",
            Double(adversary.flops) / 1e9 / Double(recipe.training.batchSize),
            Double(adversary.plannedPeakBytes) / 1e6)))
    }
    if resumes {
      try folder.checkRecipe(text)
      try loop.checkStates()
    }
    try folder.writeRecipe(text)
    let kept = resumes ? try loop.resume() : nil
    let metrics = try MetricsLog(
      in: folder, keeping: kept, writesEvents: recipe.output.tensorboard)
    isUnderWay = true

    func validate(_ source: any ImageSource, step: Int) throws -> EvaluationResult {
      let result: EvaluationResult
      do {
        result = try evaluator.evaluate(source, stop: stop) {
          observe(.evaluating(purpose: "validation", done: $0, total: source.count))
        }
      } catch is RunStopped {
        throw folder.stoppedDuringEvaluation()
      }
      let report = ValidationReport(
        step: step, images: result.images, top1: result.top1, top5: result.top5,
        crossEntropy: result.crossEntropy, fsr: [:], vanishedMaps: [:])
      try metrics.append(report)
      observe(.validation(report))
      return result
    }
    let preview = Preview(setup.validation, count: recipe.training.validateImages)
    try loop.run(metrics: metrics) { _ = try validate(preview.source, step: $0) }

    let result = try validate(setup.validation, step: loop.step)
    let summary = TrainingSummary(
      top1: result.top1, top5: result.top5, crossEntropy: result.crossEntropy,
      validationImages: result.images, steps: loop.step,
      seconds: loop.seconds,
      imagesPerSecond: Double(loop.step * recipe.training.batchSize)
        / max(loop.trainingSeconds, 1e-9),
      peakMemoryBytes: largestResidentBytes(), seed: recipe.training.seed,
      toolVersion: Trompe.version)
    network.classNames = network.classNames ?? setup.validation.classNames
    var provenance = Provenance()
    provenance.toolVersion = Trompe.version
    provenance.recipe = text
    provenance.originalSHA256 = network.sha256
    provenance.seed = recipe.training.seed
    provenance.accuracy = ["top1": result.top1, "top5": result.top5]
    let exported = folder.network(layout)
    try network.save(to: folder.target(exported), as: layout, provenance: provenance)
    observe(.saved(path: exported))
    try folder.write(summary.json(), to: folder.summary)
    observe(.saved(path: folder.summary))
    folder.states.removeAll()
    return summary
  }
}

extension Encodable {
  /// Readable JSON with sorted keys.
  package func json() throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .prettyPrinted, .withoutEscapingSlashes]
    encoder.nonConformingFloatEncodingStrategy = .convertToString(
      positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
    return String(decoding: try encoder.encode(self), as: UTF8.self) + "\n"
  }
}
