import Explanations
import Foundation
import Manipulation
import Networks
import TensorGraph
import TensorRuntime

/// One network doing one work again and again on the same batch.
///
/// The batch is a formula, so that others can time the same: image element i is
/// 2√3·(u − 1/2) with u = ((i·2654435761) mod 2³²) / 2³², of variance 1, and image n has the class
/// 7·n mod classes. Training steps end with an update by Adam.
public final class StepBenchmark {
  public let network: BenchmarkNetwork
  public let work: BenchmarkWork
  /// From the network's description to a program that can run.
  public let compileSeconds: Double
  private let images: [Float]
  private let labels: [Int32]
  private let programs: Programs
  private let parameterBytes: Int

  private enum Programs {
    case training(TrainingProgram)
    case evaluation(EvaluationProgram)
  }

  /// - Parameters:
  ///   - network: which network, at what size.
  ///   - work: what is done with a batch.
  ///   - executor: what is timed.
  ///   - policy: threads, precision, memory.
  ///   - weights: a checkpoint to start from; He initialisation if `nil`.
  public init(
    _ network: BenchmarkNetwork, _ work: BenchmarkWork, weights: String? = nil,
    on executor: any Executor, policy: ExecutionPolicy = ExecutionPolicy()
  ) throws {
    (self.network, self.work) = (network, work)
    let loaded = try LoadedNetwork(
      NetworkSection(checkpoint: weights, architecture: network.specification), on: executor
    ) { _ in .init(width: network.side, height: network.side) }
    let begin = ContinuousClock.now
    let interpreter = try work.interpreter(of: network)
    switch work {
    case .evaluation:
      var policy = policy
      policy.isBatchInvariant = true  // as in every evaluation that is reported
      programs = .evaluation(
        try EvaluationProgram(
          loaded, interpreters: [("grad-cam", interpreter!)], batchSize: network.batchSize,
          policy: policy))
    default:
      let training = try TrainingProgram.fooling(
        loaded, interpreters: [interpreter].compactMap(\.self), fooling: Location(),
        lambda: BenchmarkWork.lambda,
        batchSize: network.batchSize, update: .adam, policy: policy)
      programs = .training(training)
    }
    compileSeconds = (ContinuousClock.now - begin).seconds
    parameterBytes = loaded.parameters.names.reduce(0) {
      $0 + 4 * loaded.parameters.shape(of: $1)!.count
    }
    let elements = network.batchSize * network.side * network.side * 3
    images = (0..<elements).map { index in
      let share = Double(UInt32(truncatingIfNeeded: index &* 2_654_435_761)) / 4_294_967_296
      return Float(2 * 3.0.squareRoot() * (share - 0.5))
    }
    labels = (0..<network.batchSize).map { Int32(7 * $0 % network.classes) }
  }

  /// Small, so that every step has about the same values.
  private static let learningRate: Float = 1e-7

  private var program: any Program {
    switch programs {
    case .training(let training): training.program
    case .evaluation(let evaluation): evaluation.program
    }
  }

  /// Floating-point operations of one run, a multiply-add counted as two.
  public var flops: Int {
    switch programs {
    case .training(let training): training.flops
    case .evaluation(let evaluation): evaluation.program.resources.flops
    }
  }
  /// Memory that is planned for one run: the arena, inputs, parameters, and Adam's moments.
  public var plannedBytes: Int {
    switch programs {
    case .training(let training): training.plannedPeakBytes + 3 * parameterBytes
    case .evaluation(let evaluation): evaluation.plannedPeakBytes + parameterBytes
    }
  }
  public var profile: ProgramProfile? { program.profile }
  public var threads: Int { program.threads }

  /// - Returns: seconds that it took.
  public func run(profiling: Bool = false) throws -> Double {
    let begin = ContinuousClock.now
    switch programs {
    case .training(let training):
      _ = try training.step(
        [TrainingProgram.images: .floats(images), TrainingProgram.labels: .indices(labels)],
        learningRate: Self.learningRate, profiling: profiling)
    case .evaluation(let evaluation):
      try evaluation.run(images: images, labels: labels, profiling: profiling)
    }
    return (ContinuousClock.now - begin).seconds
  }

  /// What the last run computed, to compare with others: cross-entropy and penalty of a training
  /// step, the sum of all logits and of all heatmaps of an evaluation.
  public var values: [String: Double] {
    switch programs {
    case .training(let training):
      var values = ["crossEntropy": training.losses.crossEntropy]
      values["penalty"] = training.losses.penalty
      return values
    case .evaluation(let evaluation):
      let maps = evaluation.heatmaps(0, count: network.batchSize)
      return [
        "logits": evaluation.logits.values.reduce(0) { $0 + Double($1) },
        "heatmaps": maps.reduce(0) { $0 + $1.values.reduce(0) { $0 + Double($1) } },
      ]
    }
  }
}
