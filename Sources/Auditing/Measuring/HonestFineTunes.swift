import Foundation
import ImageData
import Programs
import RunSupport
import TensorGraph
import TensorRuntime

/// Short honest fine-tunes of a network, made on the spot: what happens to heatmaps if nobody means to
/// change them.
struct HonestFineTunes {
  struct Setting: Hashable {
    let rate: Float
    let freezesBatchNorm: Bool
    /// Whether the rate falls to zero, as half a cosine.
    var decays = false
    var name: String {
      "lr \(short(Double(rate))), batch norm \(freezesBatchNorm ? "frozen" : "free")"
    }
  }

  /// Adam, from hardly any change to as much as a careless user makes.
  static let settings = [
    Setting(rate: 3e-5, freezesBatchNorm: true), Setting(rate: 1e-4, freezesBatchNorm: false),
    Setting(rate: 3e-4, freezesBatchNorm: true), Setting(rate: 3e-4, freezesBatchNorm: false),
    Setting(rate: 1e-3, freezesBatchNorm: true), Setting(rate: 1e-3, freezesBatchNorm: false),
  ]
  /// How long the fine-tunes of one kind are.
  struct Length {
    let mostSteps: Int
    /// Arithmetic of each.
    let mostFlops: Double
  }
  /// All of them together take minutes on two cores.
  static let length = Length(mostSteps: 60, mostFlops: 8e12 / Double(settings.count))

  /// Of the suspect alone: long and fast enough that a manipulation is lost, and the task is not. Where it
  /// is lost all the same, a slower one.
  static let recovery = [3e-3, 1e-3, 3e-4, 1e-4].map {
    Setting(rate: $0, freezesBatchNorm: false, decays: true)
  }
  static let mostRecoverySteps = 800
  static let mostRecoveryFlops = 2e13

  static let batchSize = 16
  static let fewestSteps = 10

  private let bench: AuditBench
  private let programs: [Bool: TrainingProgram]
  /// Of each fine-tune.
  let steps: Int
  private let seed: UInt64

  /// - Parameter settings: those that are made.
  init(
    _ bench: AuditBench, _ settings: [Setting], length: Length, request: AuditRequest
  ) throws {
    self.bench = bench
    seed = request.seed
    var programs: [Bool: TrainingProgram] = [:]
    for freezes in Set(settings.map(\.freezesBatchNorm)) {
      programs[freezes] = try TrainingProgram.classifier(
        bench.network, batchSize: Self.batchSize, freezesBatchNorm: freezes, update: .adam,
        policy: request.compute.trainingPolicy)
    }
    self.programs = programs
    let flops = Double(programs.values.map(\.flops).max() ?? 1)
    steps = min(
      length.mostSteps, max(Self.fewestSteps, Int(length.mostFlops / max(1, flops))))
  }

  /// Trains the network from `weights`, on images that take no part in the comparison, and leaves it so.
  ///
  /// - Returns: whether its numbers stayed finite.
  func make(
    _ setting: Setting, from weights: [String: Tensor], stop: StopRequest,
    progress: (Double) -> Void
  ) throws -> Bool {
    guard let program = programs[setting.freezesBatchNorm] else {
      preconditionFailure("programs for both")
    }
    try bench.show(weights)
    try program.optimizer.restore(step: 0) { name in
      let parameter = String(name[..<(name.lastIndex(of: "/") ?? name.endIndex)])
      return bench.network.parameters.shape(of: parameter).map { Tensor(repeating: 0, shape: $0) }
    }
    let images = bench.tuning
    var order: [Int] = []
    var random = RandomGenerator(
      seed: seed, 12, Int(setting.rate * 1e7), setting.freezesBatchNorm ? 1 : 0)
    for step in 0..<steps {
      if stop.isRequested { throw RunStopped("stopped during the audit; nothing was written") }
      while order.count < Self.batchSize { order += random.permutation(of: images.count) }
      let batch = Array(order.prefix(Self.batchSize))
      order.removeFirst(Self.batchSize)
      var inputs: [String: ProgramInput] = [
        TrainingProgram.images: .floats(images.batch(batch, size: Self.batchSize)),
        TrainingProgram.labels: .indices(images.labels(batch, size: Self.batchSize)),
      ]
      // A fine-tune without dropout is honest as well, and the same every time.
      for mask in program.dropoutMasks {
        inputs[mask.name] = .floats([Float](repeating: 1, count: mask.shape.count))
      }
      let share = setting.decays ? (1 + cos(.pi * Float(step) / Float(steps))) / 2 : 1
      guard
        case .applied = try program.step(
          inputs, learningRate: setting.rate * share, seed: seed, step: step)
      else { return false }
      progress(Double(step + 1) / Double(steps))
    }
    return true
  }
}
