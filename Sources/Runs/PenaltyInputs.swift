import Explanations
import Foolings
import ImageData
import Programs
import Recipes
import RunSupport
import TensorRuntime

/// What the penalty reads at every step beside images and labels: composites and references.
final class PenaltyInputs {
  private let recipe: FoolingRecipe
  private let composites: Setup.Composites?
  private let imageSize: ImageSize
  /// `nil` if the fooling does not compare with the original network.
  package let original: OriginalExplanations?
  private var loader: BatchLoader?
  /// Training composites that could not be read.
  package var skipped: [SkippedImage] { loader?.skipped ?? [] }

  /// Copies the network if the fooling compares with it: call before training starts.
  package init(
    _ recipe: FoolingRecipe, _ network: LoadedNetwork,
    interpreters: [(name: String, any Interpreter)], fooling: any Fooling,
    composites: Setup.Composites?, imageSize: ImageSize
  ) throws {
    (self.recipe, self.composites, self.imageSize) = (recipe, composites, imageSize)
    guard fooling.referenceShape(height: 1, width: 1) != nil else {
      original = nil
      return
    }
    let program = try EvaluationProgram(
      LoadedNetwork(copying: network), interpreters: interpreters,
      batchSize: recipe.training.batchSize, samplesAtOnce: recipe.compute.samplesAtOnce,
      policy: recipe.compute.evaluationPolicy)
    original = OriginalExplanations(program, fooling: fooling, grid: recipe.evaluation.grid)
  }

  /// Composites begin anew with the next step that is wanted.
  func restart() { loader = nil }

  /// For a batch and the step that counts from 0.
  package func values(_ batch: Batch, _ step: Int) throws -> [String: ProgramInput] {
    var inputs: [String: ProgramInput] = [:]
    var explained = batch
    if let composites {
      explained = try nextComposites(composites, step)
      inputs[TrainingProgram.composites] = .floats(explained.images)
    }
    if let original {
      for (index, references) in try original.references(for: explained).enumerated() {
        inputs[TrainingProgram.reference(index)] = .floats(references)
      }
    }
    return inputs
  }

  private func nextComposites(_ composites: Setup.Composites, _ step: Int) throws -> Batch {
    let batches = composites.train.count / recipe.training.batchSize
    guard batches > 0 else {
      throw RunError(
        "\(composites.train.count) training composites are fewer than one batch of "
          + "\(recipe.training.batchSize)")
    }
    let running =
      try loader
      ?? BatchLoader(
        composites.train, batchSize: recipe.training.batchSize,
        preprocessing: composites.preprocessing,
        order: .training(
          seed: recipe.training.seed,
          start: BatchPosition(epoch: step / batches, batch: step % batches)),
        imageSize: imageSize, threads: recipe.data.threads)
    loader = running
    guard let batch = try running.next() else { throw RunError("the composites ended") }
    return batch
  }
}
