import Evaluation
import Foundation
import ImageData
import Programs
import Recipes
import TensorRuntime

/// Network, data and programs of a standard training, checked and compiled.
struct PreparedTraining {
  package let setup: Setup
  package let program: TrainingProgram
  package let evaluator: Evaluator
  /// Of adversarial training.
  package let adversary: AdversarialImages?
  private let training: TrainingSection
  /// Of every batch, that is computed here.
  private let part: BatchPart

  /// - Throws: what is wrong with the recipe or the files that it names, in one sentence.
  package init(_ recipe: TrainingRecipe, on executor: any Executor) throws {
    setup = try Setup(
      recipe.network, recipe.data, seed: recipe.training.seed, newTop: true, trains: true,
      on: executor)
    let network = setup.network
    try network.checkExport(as: recipe.output.layout ?? network.layout)
    let share = try executor.share(ofBatch: recipe.training.batchSize)
    program = try TrainingProgram.classifier(
      network, batchSize: share,
      regularizers: recipe.training.regularizers.map { ($0.weight, try $0.regularizer()) },
      freezesBatchNorm: recipe.training.freezesBatchNorm, update: recipe.training.optimizer,
      policy: recipe.compute.trainingPolicy)
    adversary = try recipe.training.adversarial.map {
      try AdversarialImages(
        network, $0, batchSize: share, policy: recipe.compute.trainingPolicy)
    }
    training = recipe.training
    part = executor.batchPart
    evaluator = Evaluator(
      program: try EvaluationProgram(
        network, interpreters: [], batchSize: recipe.evaluation.batchSize,
        policy: recipe.compute.evaluationPolicy),
      preprocessing: network.preprocessing, imageSize: setup.imageSize,
      threads: recipe.data.threads, group: executor.group)
  }

  /// What a step reads beside the batch: directions of regularizers, adversarial images in its place.
  package func inputs(_ batch: Batch, _ step: Int) throws -> [String: ProgramInput] {
    var inputs: [String: ProgramInput] = [:]
    if program.needsDirections {
      inputs[TrainingProgram.directions] = .floats(
        TrainingProgram.directions(
          count: batch.images.count, seed: training.seed, step: step, part: part))
    }
    if let adversary {
      inputs[TrainingProgram.images] = .floats(
        try adversary.perturbed(
          batch.images, labels: batch.labels, seed: training.seed, step: step))
    }
    return inputs
  }
}
