import Foundation
import ImageData
import Networks
import Programs
import Recipes
import RunSupport
import TensorGraph
import TensorRuntime

/// Repairs one network, with clean images that stay in memory.
package final class RepairBench {
  /// Whole batches for batch norms and channels.
  private static let mostInBatch = 32

  private let network: LoadedNetwork
  private let images: ProbeImages
  private let compute: ComputeSection
  private let seed: UInt64
  private let stop: StopRequest
  private var training: (batchSize: Int, program: TrainingProgram)?
  private var batchNorms: BatchNormProgram?
  /// So that as few images as can be are in no whole batch.
  private var batchSize: Int {
    let batches = (images.count + Self.mostInBatch - 1) / Self.mostInBatch
    return images.count / max(batches, 1)
  }
  package var imageCount: Int { images.count }

  /// What channels are judged by beside their activity.
  package struct Evidence {
    /// Puts a trigger on images.
    package var stamp: (([Float]) -> [Float])?
    /// Weights of the original network.
    package var original: [String: Tensor]?

    /// The requested order, or none where nothing is known by which to judge it, as of an original.
    package func nearest(_ asked: RepairPlan.Pruning.Order?) -> RepairPlan.Pruning.Order? {
      switch asked {
      case .trigger where stamp == nil, .change where original == nil: nil
      default: asked
      }
    }

    package init(stamp: (([Float]) -> [Float])? = nil, original: [String: Tensor]? = nil) {
      (self.stamp, self.original) = (stamp, original)
    }

    /// - Throws: `RunError` for an order of which nothing is known.
    package func order(_ asked: RepairPlan.Pruning.Order?) throws -> RepairPlan.Pruning.Order {
      switch asked {
      case .trigger where stamp == nil:
        throw RunError(
          "channels are to be pruned by what a trigger moves, and no trigger is given; name it by "
            + "--fooling, or choose another order")
      case .change where original == nil:
        throw RunError(
          "channels are to be pruned by how they differ from the original network's, and none is given; "
            + "name it by --against, or choose another order")
      case let order?: return order
      case nil: return stamp != nil ? .trigger : original != nil ? .change : .activity
      }
    }
  }

  /// - Parameters:
  ///   - network: whose weights are changed.
  ///   - images: clean ones with labels, on which nothing is measured afterwards.
  ///   - compute: the recipe's.
  ///   - seed: of the order of training images.
  ///   - stop: ends it early, by `RunStopped`.
  package init(
    _ network: LoadedNetwork, images: ProbeImages, compute: ComputeSection, seed: UInt64,
    stop: StopRequest
  ) {
    (self.network, self.images, self.compute) = (network, images, compute)
    (self.seed, self.stop) = (seed, stop)
  }

  /// Does all that a plan names: pruning, then fine-tuning, in which pruned channels stay zero, then
  /// statistics.
  /// - Parameters:
  ///   - plan: not empty.
  ///   - evidence: what channels are judged by.
  ///   - progress: called with what is being done, and its steps done and in all.
  /// - Returns: what was done, a sentence each.
  package func repair(
    _ plan: RepairPlan, evidence: Evidence,
    progress: (_ what: String, _ done: Int, _ total: Int) -> Void
  ) throws -> [String] {
    var done: [String] = []
    var (channels, pruned): (ChannelPruning?, [Int]) = (nil, [])
    if let pruning = plan.pruning {
      let order = try evidence.order(pruning.order)
      let chosen = try ChannelPruning(
        network, layer: pruning.layer, batchSize: batchSize, policy: compute.evaluationPolicy)
      let count = Int((pruning.fraction * Double(chosen.channels)).rounded())
      guard count > 0, count < chosen.channels else {
        throw RunError(
          "a share of \(pruning.fraction) of the \(chosen.channels) channels of \(chosen.layer) is "
            + "\(count) of them; prune at least one, and not all")
      }
      pruned = Array(
        try chosen.ranking(
          by: order, images, stamp: evidence.stamp, original: evidence.original, stop: stop
        ).prefix(count))
      try chosen.prune(pruned)
      channels = chosen
      done.append(
        "pruned \(count) of the \(chosen.channels) channels of \(chosen.layer), \(order.meaning) first"
      )
    }
    if let fineTuning = plan.fineTuning {
      try train(fineTuning) {
        try channels?.prune(pruned)
        progress("fine-tuning", $0, fineTuning.steps)
      }
      done.append(
        "fine-tuned for \(fineTuning.steps) steps of \(fineTuning.batchSize) of \(images.count) clean "
          + "images, Adam at \(fineTuning.learningRate), batch norms frozen")
    }
    if plan.refreshesBatchNorm {
      try refresh()
      // A mean that is estimated anew would move a channel away from zero.
      try channels?.prune(pruned)
      done.append(
        "batch-norm statistics estimated anew on "
          + "\(images.count / batchSize * batchSize) clean images")
    }
    return done
  }

  /// - Parameter finish: called after each step, with the number of steps done.
  private func train(
    _ fineTuning: RepairPlan.FineTuning, finish: (_ done: Int) throws -> Void
  ) throws {
    let size = fineTuning.batchSize
    guard images.count >= size else {
      throw RunError(
        "\(images.count) clean images are fewer than one batch of \(size); give more of them, or a "
          + "smaller batch")
    }
    let program: TrainingProgram
    if let training, training.batchSize == size {
      program = training.program
    } else {
      program = try TrainingProgram.classifier(
        network, batchSize: size, freezesBatchNorm: true, update: .adam,
        policy: compute.trainingPolicy)
      training = (size, program)
    }
    try program.optimizer.restore(step: 0) { name in
      let parameter = String(name[..<(name.lastIndex(of: "/") ?? name.endIndex)])
      return network.parameters.shape(of: parameter).map { Tensor(repeating: 0, shape: $0) }
    }
    var order: [Int] = []
    var random = RandomGenerator(seed: seed, 0x4E9A)
    for step in 0..<fineTuning.steps {
      if stop.isRequested { throw RunStopped("stopped; nothing was written") }
      while order.count < size { order += random.permutation(of: images.count) }
      let batch = Array(order.prefix(size))
      order.removeFirst(size)
      var inputs: [String: ProgramInput] = [
        TrainingProgram.images: .floats(images.batch(batch, size: size)),
        TrainingProgram.labels: .indices(images.labels(batch, size: size)),
      ]
      // A short fine-tune drops nothing out.
      for mask in program.dropoutMasks {
        inputs[mask.name] = .floats([Float](repeating: 1, count: mask.shape.count))
      }
      guard
        case .applied = try program.step(
          inputs, learningRate: Float(fineTuning.learningRate), seed: seed, step: step)
      else {
        throw RunError(
          "the fine-tune diverged at step \(step + 1); give a lower learning rate, or repair the network "
            + "in another way")
      }
      try finish(step + 1)
    }
  }

  private func refresh() throws {
    let program =
      try batchNorms
      ?? BatchNormProgram(
        network, batchSize: batchSize, policy: compute.evaluationPolicy)
    guard let program else {
      throw RunError(
        "\(network.architecture.name) has no batch norms whose statistics could be estimated anew")
    }
    batchNorms = program
    let fresh = try program.freshStatistics(images, stop: stop)
    guard !fresh.isEmpty else {
      throw RunError("no clean images are there to estimate statistics on")
    }
    for (name, tensor) in fresh { try network.parameters.upload(tensor, to: name) }
  }
}

extension RepairPlan.Pruning.Order {
  /// Which channels, before "first".
  var meaning: String {
    switch self {
    case .activity: "the least active"
    case .change: "those that differ most from the original's"
    case .trigger: "those that the trigger moves most"
    }
  }
}
