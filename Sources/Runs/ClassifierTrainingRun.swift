import Checkpoints
import Evaluation
import Foundation
import ImageData
import Programs
import Recipes
import RunFolders
import RunSupport
import TensorRuntime

/// The whole of `trompe train`: standard training with cross-entropy, for baselines.
public final class ClassifierTrainingRun {
  private let recipe: TrainingRecipe
  private let executor: any Executor
  private let context: RunContext

  /// See `FoolingRun`.
  public init(
    _ recipe: TrainingRecipe, on executor: any Executor, output: String, resume: Bool = false,
    stop: StopRequest = StopRequest(), observe: @escaping (RunEvent) -> Void = { _ in }
  ) throws {
    (self.recipe, self.executor) = (recipe, executor)
    context = RunContext(
      try RunFolder(output, resume: resume, inputs: recipe.inputs), resumes: resume, stop: stop,
      observe: observe)
  }

  /// - Throws: as `FoolingRun.run`.
  public func run() throws -> TrainingSummary {
    try context.train { try run(&$0) }
  }

  /// - Parameter isUnderWay: set when all is prepared and training goes on.
  private func run(_ isUnderWay: inout Bool) throws -> TrainingSummary {
    let prepared = try PreparedTraining(recipe, on: executor)
    let (setup, folder) = (prepared.setup, context.folder)
    let network = setup.network
    let text = recipe.resolvedYAML(for: network)
    countBatches(of: network)
    let loop = try TrainingLoop(
      TrainingLoop.Work(
        section: recipe.training, network: network, program: prepared.program,
        source: setup.train, data: recipe.data, inputs: prepared.inputs), recipe: text,
      reads: InputRecord(recipe, setup), in: context)
    tellPlan(prepared)
    try context.takeUp(text, loop)
    let kept = context.resumes ? try loop.resume() : nil
    let metrics = try MetricsLog(
      in: folder, keeping: kept, writesEvents: recipe.output.tensorboard)
    isUnderWay = true

    let preview = Preview(setup.validation, count: recipe.training.validateImages)
    try loop.run(metrics: metrics) {
      _ = try validate(preview.source, by: prepared.evaluator, step: $0, metrics)
    }
    let result = try validate(
      setup.validation, by: prepared.evaluator, step: loop.step, metrics)

    let summary = TrainingSummary(
      top1: result.top1, top5: result.top5, crossEntropy: result.crossEntropy,
      validationImages: result.images, steps: loop.step, seconds: loop.seconds,
      imagesPerSecond: loop.imagesPerSecond, peakMemoryBytes: largestResidentBytes(),
      seed: recipe.training.seed, toolVersion: Trompe.version)
    network.classNames = network.classNames ?? setup.validation.classNames
    let layout = recipe.output.layout ?? network.layout
    var provenance = Provenance(text, network, seed: recipe.training.seed)
    provenance.accuracy = ["top1": result.top1, "top5": result.top5]
    let exported = folder.network(layout)
    try network.save(to: folder.target(exported), as: layout, provenance: provenance)
    context.saved(exported)
    try context.write(summary.json(), to: folder.summary)
    folder.states.removeAll()
    return summary
  }

  /// From zero where the network's file does not have it.
  private func countBatches(of network: LoadedNetwork) {
    for layer in Set(network.architecture.parameters.filter { !$0.isTrainable }.map(\.layer)) {
      let name = layer + ".num_batches_tracked"
      network.batchCounts[name] = network.batchCounts[name] ?? 0
    }
  }

  /// Says what is about to be done.
  private func tellPlan(_ prepared: PreparedTraining) {
    context.tell(prepared.setup)
    context.note(prepared.program.resources)
    if executor.group != nil, !prepared.program.statistics.isEmpty {
      context.note(
        "batch norms use the statistics of the \(prepared.program.batchSize) images of a process, not "
          + "of the whole batch; training.freezesBatchNorm uses the running ones")
    }
    guard let adversary = prepared.adversary else { return }
    context.note(
      String(
        format: "adversarial images take another %.2f GFLOP per image and %.0f MB",
        Double(adversary.flops) / 1e9 / Double(prepared.program.batchSize),
        Double(adversary.plannedPeakBytes) / 1e6))
  }

  private func validate(
    _ source: any ImageSource, by evaluator: Evaluator, step: Int, _ metrics: MetricsLog
  ) throws -> EvaluationResult {
    let progress = context.evaluating("validation")
    let result = try context.evaluate {
      try evaluator.evaluate(source, stop: context.stop) { progress($0, source.count) }
    }
    let report = ValidationReport(
      step: step, images: result.images, top1: result.top1, top5: result.top5,
      crossEntropy: result.crossEntropy, fsr: [:], vanishedMaps: [:])
    try metrics.append(report)
    context.observe(.validation(report))
    return result
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
