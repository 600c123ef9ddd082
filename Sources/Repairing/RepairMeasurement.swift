import Evaluation
import Explanations
import Foolings
import ImageData
import Programs
import Recipes
import RunFolders
import RunSupport

/// Measures a network as its weights are: accuracy and, where an original is known, a test of heatmaps.
struct RepairMeasurement {
  let fooling: (any Fooling)?
  let interpreters: [String]
  private let context: RunContext
  private let source: any ImageSource
  private let test: FoolingMeasurement?
  private let classifier: Evaluator

  init(
    _ network: LoadedNetwork, _ source: any ImageSource, _ request: RepairRequest,
    _ context: RunContext, fooling: (any Fooling)? = nil,
    interpreters: [(name: String, any Interpreter)] = []
  ) throws {
    (self.fooling, self.source, self.context) = (fooling, source, context)
    self.interpreters = interpreters.map(\.name)
    let shape = network.architecture.inputShape
    classifier = Evaluator(
      program: try EvaluationProgram(
        network, interpreters: [], batchSize: request.batchSize,
        policy: request.compute.evaluationPolicy),
      preprocessing: network.preprocessing,
      imageSize: ImageSize(width: shape[1], height: shape[0]), threads: nil)
    if let fooling, !fooling.explained.areOfLabelledImages {
      throw RunError(
        "\(fooling.name) fooling is tested on images that show two classes; measure the repaired file "
          + "with trompe evaluate")
    }
    test = try fooling.map {
      try FoolingMeasurement(
        of: network, interpreters: interpreters, fooling: $0, on: source, composites: nil,
        batchSize: request.batchSize, grid: request.grid, threads: nil, compute: request.compute)
    }
  }

  /// - Parameter original: what was measured of the original network; `nil` of that itself.
  func run(_ original: EvaluationResult?, _ purpose: String) throws -> EvaluationResult {
    guard let test else {
      let progress = context.evaluating(purpose)
      return try classifier.evaluate(source, stop: context.stop) { progress($0, source.count) }
    }
    return try test.run(
      original: original, stop: context.stop, progress: context.evaluating(purpose))
  }

  func numbers(_ result: EvaluationResult) -> RepairMeasure {
    RepairMeasure(result, fooling, interpreters: interpreters)
  }

  /// Puts the first trigger of the test on images.
  func stamp(for network: LoadedNetwork) throws -> (([Float]) -> [Float])? {
    guard let triggers = fooling as? TriggerFooling, let attack = triggers.attacks.first else {
      return nil
    }
    let shape = network.architecture.inputShape
    let stamp = try attack.trigger.stamp(
      on: ImageSize(width: shape[1], height: shape[0]), for: network.preprocessing)
    return { stamp($0) }
  }
}
