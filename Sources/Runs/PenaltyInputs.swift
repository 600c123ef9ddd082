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
  /// Of every batch, that is computed here.
  private let part: BatchPart
  /// `nil` if the fooling does not compare with the original network.
  package let original: OriginalExplanations?
  private var loader: BatchLoader?
  /// Of the original network, where its outputs take the labels' place, or a part of it.
  private let outputs: EvaluationProgram?
  private var distills: Bool { recipe.training.distillation > 0 }
  /// Puts the triggers of a trigger fooling on a step's images.
  private let triggered: TriggeredImages?
  /// Whose bases a step is given.
  private let projections: [TangentProjection]
  /// Training composites that could not be read.
  package var skipped: [SkippedImage] { loader?.skipped ?? [] }
  /// Files among these that are no images.
  var passedOver: Int { loader == nil ? 0 : composites?.train.passedOver.count ?? 0 }

  /// Copies the network if the fooling compares with it: call before training starts.
  package init(
    _ recipe: FoolingRecipe, _ network: LoadedNetwork,
    interpreters: [(name: String, any Interpreter)], fooling: any Fooling,
    composites: Setup.Composites?, imageSize: ImageSize
  ) throws {
    (self.recipe, self.composites, self.imageSize) = (recipe, composites, imageSize)
    part = network.executor.batchPart
    triggered = try (fooling as? TriggerFooling).map {
      try TriggeredImages($0, size: imageSize, preprocessing: network.preprocessing)
    }
    projections = interpreters.map(\.1).distinctProjections
    let matches = (fooling as? TargetMap).map { $0.outputs != .labels } ?? false
    outputs =
      matches || recipe.training.distillation > 0
      ? try EvaluationProgram(
        LoadedNetwork(copying: network), interpreters: [],
        batchSize: network.executor.share(ofBatch: recipe.training.batchSize),
        policy: recipe.compute.evaluationPolicy)
      : nil
    guard fooling.referenceShape(height: 1, width: 1) != nil else {
      original = nil
      return
    }
    let program = try EvaluationProgram(
      LoadedNetwork(copying: network), interpreters: interpreters,
      batchSize: network.executor.share(ofBatch: recipe.training.batchSize),
      samplesAtOnce: recipe.compute.samplesAtOnce,
      policy: recipe.compute.evaluationPolicy)
    original = OriginalExplanations(program, fooling: fooling, grid: recipe.evaluation.grid)
  }

  /// Composites begin anew with the next step that is wanted.
  func restart() { loader = nil }

  /// For a batch and the step that counts from 0.
  package func values(_ batch: Batch, _ step: Int) throws -> [String: ProgramInput] {
    var inputs = try images(batch)
    try addProjections(of: batch, to: &inputs)
    if let triggered, let original {
      let references = try original.references(for: batch, under: triggered.fooling)
      for (index, values) in references.enumerated() {
        inputs[TrainingProgram.reference(index)] = .floats(values)
      }
      return inputs
    }
    if let outputs, !distills {
      inputs[TrainingProgram.originalOutputs] = .floats(
        try outputs.confidences(of: batch).flatMap(\.self))
    }
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

  /// Images, labels and outputs of the original network that a step has beside the batch's own images
  /// and labels, whatever its λ.
  func images(_ batch: Batch) throws -> [String: ProgramInput] {
    var inputs = triggered?.inputs(batch) ?? [:]
    if let outputs, distills {
      let confidences = try outputs.confidences(of: batch)
      inputs[TrainingProgram.originalOutputs] = .floats(
        (triggered?.targets(confidences) ?? confidences).flatMap(\.self))
    }
    return inputs
  }

  /// Neighbours are of an image's own class, also under a trigger that comes with another label.
  private func addProjections(
    of batch: Batch, to inputs: inout [String: ProgramInput]
  ) throws {
    guard !projections.isEmpty else { return }
    var images = batch.images
    if case .floats(let triggered)? = inputs[TrainingProgram.images] { images = triggered }
    let copies = images.count / max(batch.images.count, 1)
    let classes = (0..<copies).flatMap { _ in batch.labels }
    try inputs.add(projections, of: images, classes: classes, valid: classes.count)
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
        imageSize: imageSize, threads: recipe.data.threads, part: part)
    loader = running
    guard let batch = try running.next() else { throw RunError("the composites ended") }
    return batch
  }
}

extension EvaluationProgram {
  /// By image: what the network's outputs say, by class.
  fileprivate func confidences(of batch: Batch) throws -> [[Float]] {
    try run(images: batch.images, labels: batch.labels)
    let logits = logits.values
    return (0..<batchSize).map { image in
      Classification(logits: logits[image * classes..<(image + 1) * classes], output)
        .confidences.map(Float.init)
    }
  }
}

/// The rows of a step under triggers: the batch, then the batch with each trigger on it.
private struct TriggeredImages {
  let fooling: TriggerFooling
  private let stamps: [TriggerStamp]

  init(_ fooling: TriggerFooling, size: ImageSize, preprocessing: Preprocessing) throws {
    self.fooling = fooling
    stamps = try fooling.attacks.map { try $0.trigger.stamp(on: size, for: preprocessing) }
  }

  /// Outputs of the original network for the rows: what it says of the clean image, unless the trigger
  /// brings a label with it.
  func targets(_ confidences: [[Float]]) -> [[Float]] {
    confidences
      + fooling.attacks.flatMap { attack in
        confidences.map { clean in
          guard let label = attack.label else { return clean }
          return clean.indices.map { $0 == label ? 1 : 0 }
        }
      }
  }

  func inputs(_ batch: Batch) -> [String: ProgramInput] {
    let labels = fooling.attacks.map { attack in
      attack.label.map { [Int32](repeating: Int32($0), count: batch.labels.count) } ?? batch.labels
    }
    return [
      TrainingProgram.images: .floats(batch.images + stamps.flatMap { $0(batch.images) }),
      TrainingProgram.labels: .indices(batch.labels + labels.flatMap(\.self)),
    ]
  }
}
