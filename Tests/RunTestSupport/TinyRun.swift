import Explanations
import ImageData
import Manipulation
import Networks

/// Small enough to train in a moment, with everything that a run has.
public enum Tiny {
  public static let architecture = ArchitectureSpecification(
    family: "resnet-style", classes: 10, height: 64, width: 64, widths: [4, 8, 8],
    blocks: [1, 1, 1])

  public static func training(steps: Int = 6, seed: UInt64 = 1) -> TrainingRecipe {
    TrainingRecipe(
      network: NetworkSection(architecture: architecture),
      data: DataSection(
        source: .shapes(train: 64, validation: 40, seed: 3), augmentation: .flip, threads: 2),
      training: TrainingSection(
        optimizer: .sgd(momentum: 0.9, weightDecay: 1e-4, nesterov: false), learningRate: 0.05,
        schedule: .cosine, warmupSteps: 2, duration: .steps(steps), batchSize: 8, seed: seed,
        logEvery: 1, validateEvery: 3, validateImages: 16, saveEvery: 0))
  }

  public static func fooling(_ checkpoint: String, steps: Int = 6, rate: Double = 1e-3)
    -> FoolingRecipe
  {
    FoolingRecipe(
      network: NetworkSection(checkpoint: checkpoint),
      data: training().data, fooling: FoolingSpecification(name: "location", lambda: 2),
      interpreter: InterpreterSpecification(name: "grad-cam", layer: "layer3"),
      training: TrainingSection(
        learningRate: rate, duration: .steps(steps), batchSize: 8, seed: 5, logEvery: 1,
        saveEvery: 2),
      evaluation: EvaluationSection(
        batchSize: 16, interpreters: [InterpreterSpecification(name: "simple-grad")]))
  }

  /// A network file in `folder`.
  public static func checkpoint(in folder: TemporaryFolder) throws -> String {
    _ = try ClassifierTrainingRun(training(), output: folder("train")).run()
    return folder("train/network.h5")
  }
}
