import Defences
import Explanations
import Foolings
import Foundation
import ImageData
import Networks
import RunSupport
import TensorGraph
import TensorRuntime

/// One training step as a compiled program: losses, gradients and new running statistics of a batch.
///
/// Where the penalty is of an interpreter with many samples, they are worked through in chunks by
/// programs of their own (`SampledPasses`), and this one is given their mean.
public final class TrainingProgram {
  public static let images = "images"
  public static let labels = "labels"
  /// Images that show both classes of an active fooling.
  public static let composites = "composites"
  /// Standard normal numbers of the images' shape, from which regularizers start.
  public static let directions = "directions"
  /// What the penalty needs of the original network's heatmaps by an interpreter.
  public static func reference(_ interpreter: Int = 0) -> String {
    interpreter == 0 ? "reference" : "reference.\(interpreter)"
  }
  /// Probabilities of the original network, where they take the labels' place or a part of it.
  public static let originalOutputs = "originalOutputs"
  /// λ, of a program that is given it at every step.
  public static let lambda = "lambda"

  public let program: any Program
  /// Images of a step that are computed here.
  public let batchSize: Int
  /// Where they stand among all images of a step.
  let rows: BatchRows
  /// Parameter to the output that holds its gradient; of sampled passes only a part of it.
  public let gradients: [String: String]
  /// Running statistic to the output that holds its new value.
  public let statistics: [String: String]
  public let dropoutMasks: [NetworkGraph.DropoutMask]
  private let hasPenalty: Bool
  private let countsVanished: Bool
  /// Whether a step is given `directions`.
  public let needsDirections: Bool
  let slots: SampleSlots?
  let passes: SampledPasses?
  /// Of the last run.
  public private(set) var losses = Losses(
    total: .nan, crossEntropy: .nan, penalty: nil, vanishedMaps: nil)

  /// Names of outputs.
  private enum Output {
    static let total = "total"
    static let crossEntropy = "crossEntropy"
    static let penalty = "penalty"
    static let vanished = "vanished"
    static func gradient(_ parameter: String) -> String { "gradient." + parameter }
    static func statistic(_ name: String) -> String { "statistic." + name }
  }

  /// Cross-entropy + λ·penalty of the interpreter's heatmaps. Batch norm is frozen; its γ and β are
  /// trained. Heo, Joo, Moon 2019, Eq. 1.
  ///
  /// Of several interpreters Σ_I s_I·L_F(h_I), s = softmax(L_F(h_I)/g), g the gap of the fooling's
  /// `PenaltyGoal`; s is not differentiated. The worst leads. With an evasion its own penalty is added.
  /// - Parameters:
  ///   - network: its parameters are shared with the program.
  ///   - fooling: the penalty.
  ///   - lambda: λ, the penalty's weight; if `nil`, every step is given one.
  ///   - batchSize: images of a step that are computed here.
  ///   - distillation: a; the cross-entropy is that to (1 − a)·labels + a·`originalOutputs`.
  ///   - policy: threads, precision, memory.
  ///   - update: how `step` changes the parameters; needed for that alone.
  ///   - interpreters: the cross-entropy alone if there are none; one of them at most is sampled.
  ///   - grid: on which the heatmaps are compared, as in the test.
  ///   - samplesAtOnce: how many samples of a `SampledInterpreter` are in memory at a time; chosen by
  ///     memory and by what they share if `nil`. If that is all of them, the step is one program;
  ///     otherwise it is exact as well, and computes every sample twice.
  ///   - evasion: what the fooling hides from, if it does.
  public static func fooling(
    _ network: LoadedNetwork, interpreters: [any Interpreter], fooling: any Fooling,
    lambda: Double?, batchSize: Int, distillation: Double = 0, grid: EvaluationGrid = .fooled,
    evasion: AuditEvasion? = nil, samplesAtOnce: Int? = nil, update: UpdateRule? = nil,
    policy: ExecutionPolicy = ExecutionPolicy()
  ) throws -> TrainingProgram {
    let copies = (fooling as? TriggerFooling)?.copies ?? 1
    guard !interpreters.isEmpty else {
      return try TrainingProgram(
        network, batchSize, .frozen, [], nil, nil, update, policy, distillation: distillation,
        copies: copies
      ) { _, _, _ in
        nil
      }
    }
    var (slots, passes): (SampleSlots?, SampledPasses?) = (nil, nil)
    let sampling = interpreters.firstIndex { $0 is any SampledInterpreter }
    if let sampling, let sampled = interpreters[sampling] as? any SampledInterpreter {
      guard !interpreters[(sampling + 1)...].contains(where: { $0 is any SampledInterpreter })
      else {
        throw RunError(
          "interpreter lists two explanations that are means over samples; name one of them at most"
        )
      }
      let places = try SampleSlots(
        sampled, network.architecture, batchSize: batchSize, atOnce: samplesAtOnce,
        trained: fooling.explained)
      slots = places
      if places.chunks > 1 {
        passes = try SampledPasses(
          network, places, explained: fooling.explained, policy: policy)
      }
    }
    return try TrainingProgram(
      network, batchSize, .frozen,
      interpreters.reduce(into: evasion?.keptActivations ?? []) {
        $0.formUnion($1.keptActivations)
      },
      slots, passes, update, policy, distillation: distillation, copies: copies
    ) { lowered, labels, graph in
      var explained = lowered
      if !fooling.explained.areOfLabelledImages {
        let images = try graph.placeholder(Self.composites, shape: lowered.input.shape)
        explained = try lowered.lowered(on: images, in: &graph)
      }
      let classes = try fooling.explained.oneHot(labels, logits: explained.logits, in: &graph)
      var (heatmaps, means): ([[Value]], [Value]) = ([], [])
      for (index, interpreter) in interpreters.enumerated() {
        guard let slots, index == sampling else {
          heatmaps.append(
            try classes.map { try interpreter.heatmap(of: explained, classes: $0, in: &graph) })
          continue
        }
        means = try slots.means(of: explained, classes: classes, in: &graph)
        if passes != nil {
          means = try means.enumerated().map {
            try graph.placeholder(SampledPasses.mean($0), shape: $1.shape)
          }
        }
        heatmaps.append(
          try zip(means, classes).map {
            try slots.interpreter.combine(mean: $0, of: explained, classes: $1, in: &graph)
          })
      }
      let test = FoolingTest(
        fooling,
        interpreters: zip(interpreters, heatmaps).map {
          ($0.range, ImageSize(width: $1[0].shape[2], height: $1[0].shape[1]))
        }, grid: grid, image: explained.imageSize)
      let penalties = try heatmaps.indices.map { index in
        let compared = try heatmaps[index].map { try test.comparisons[index]($0, in: &graph) }
        let size = compared[0].shape
        let reference = try fooling.referenceShape(height: size[1], width: size[2]).map {
          try graph.placeholder(Self.reference(index), shape: Shape([batchSize] + $0.dimensions))
        }
        return try fooling.penalty(of: compared, reference: reference, in: &graph)
      }
      let goals = test.comparisons.map {
        fooling.penaltyGoal(height: $0.grid.height, width: $0.grid.width)
      }
      var outputLoss: Value?
      if let target = fooling as? TargetMap, target.outputs != .labels {
        outputLoss = try target.outputLoss(
          original: graph.placeholder(Self.originalOutputs, shape: lowered.logits.shape),
          logits: lowered.logits, areLabels: lowered.architecture.output == .labels, in: &graph)
      }
      return Penalty(
        value: try joined(penalties, goals, in: &graph),
        vanished: try vanishedShare(of: heatmaps.flatMap(\.self), in: &graph), lambda: lambda,
        givenMeans: passes == nil ? [] : means, outputLoss: outputLoss,
        evasion: try evasion?.loss(
          of: explained, heatmaps: heatmaps, classes: classes, in: &graph))
    }
  }

  /// Cross-entropy + Σ weight·penalty of the regularizers.
  /// - Parameters:
  ///   - network: the network that trains.
  ///   - batchSize: images in a step.
  ///   - regularizers: penalties beside the cross-entropy.
  ///   - freezesBatchNorm: whether batch norms use the running statistics and keep them, or those of
  ///     the batch.
  ///   - update: how a step changes the parameters; not at all if `nil`.
  ///   - policy: of the executor.
  public static func classifier(
    _ network: LoadedNetwork, batchSize: Int,
    regularizers: [(weight: Double, any Regularizer)] = [], freezesBatchNorm: Bool = false,
    update: UpdateRule? = nil, policy: ExecutionPolicy = ExecutionPolicy()
  ) throws -> TrainingProgram {
    try TrainingProgram(
      network, batchSize, freezesBatchNorm ? .frozen : .training, [], nil, nil, update, policy,
      needsDirections: regularizers.contains { $0.1.needsDirections }
    ) { lowered, labels, graph in
      var total: Value?
      for (weight, regularizer) in regularizers {
        let directions =
          try regularizer.needsDirections
          ? graph.placeholder(Self.directions, shape: lowered.input.shape) : nil
        let penalty = try graph.multiply(
          regularizer.penalty(
            of: lowered, labels: labels, directions: directions, in: &graph), weight)
        total = try total.map { try graph.add($0, penalty) } ?? penalty
      }
      return total.map { Penalty(value: $0, vanished: nil, lambda: 1, givenMeans: []) }
    }
  }

  private struct Penalty {
    let value: Value
    /// Share of all-zero heatmaps, a scalar; `nil` if there are no heatmaps.
    let vanished: Value?
    /// Of every step its own if `nil`.
    let lambda: Double?
    let givenMeans: [Value]
    /// In the cross-entropy's place, if anything is.
    var outputLoss: Value?
    /// Weighted, beside both.
    var evasion: Value?
  }

  private init(
    _ network: LoadedNetwork, _ batchSize: Int, _ mode: NetworkGraph.Mode, _ keeping: Set<String>,
    _ slots: SampleSlots?, _ passes: SampledPasses?, _ update: UpdateRule?,
    _ policy: ExecutionPolicy,
    distillation: Double = 0, needsDirections: Bool = false, copies: Int = 1,
    penalty: (NetworkGraph, Value, inout GraphBuilder) throws -> Penalty?
  ) throws {
    let architecture = network.architecture
    var graph = GraphBuilder()
    let input = try graph.placeholder(
      Self.images, shape: Shape([batchSize] + architecture.inputShape.dimensions))
    let labels = try graph.placeholder(Self.labels, shape: [batchSize], type: .int32)
    let classes = try graph.oneHot(labels, depth: architecture.classes)
    let lowered = try NetworkGraph(
      architecture, input: input, mode: mode, keeping: keeping, in: &graph)
    var targets = classes
    if distillation > 0 {
      let outputs = try graph.placeholder(Self.originalOutputs, shape: lowered.logits.shape)
      targets = try graph.add(
        graph.multiply(classes, 1 - distillation), graph.multiply(outputs, distillation))
    }
    let crossEntropy = try lowered.crossEntropy(of: targets, in: &graph)
    var total = crossEntropy
    var outputs: [(String, Value)] = []
    let added = try penalty(lowered, classes, &graph)
    if let added {
      let weighted =
        try added.lambda.map { try graph.multiply(added.value, $0) }
        ?? graph.multiply(added.value, graph.placeholder(Self.lambda, shape: .scalar))
      total = try graph.add(added.outputLoss ?? crossEntropy, weighted)
      if let evasion = added.evasion { total = try graph.add(total, evasion) }
      outputs.append((Output.penalty, added.value))
      if let vanished = added.vanished { outputs.append((Output.vanished, vanished)) }
    }
    outputs.insert(contentsOf: [(Output.total, total), (Output.crossEntropy, crossEntropy)], at: 0)
    hasPenalty = added != nil
    countsVanished = added?.vanished != nil
    self.needsDirections = needsDirections
    let trained = lowered.trainedParameters
    let means = added?.givenMeans ?? []
    let variables = trained.map { lowered.parameters[$0.name]! } + means
    let derivatives = try graph.gradient(of: total, with: variables)
    var gradients: [String: String] = [:]
    for (parameter, gradient) in zip(trained, derivatives) {
      gradients[parameter.name] = Output.gradient(parameter.name)
      outputs.append((Output.gradient(parameter.name), gradient))
    }
    for (index, derivative) in derivatives.suffix(means.count).enumerated() {
      outputs.append((SampleSlots.cotangent(index), derivative))
    }
    var statistics: [String: String] = [:]
    for (name, value) in lowered.runningStatisticsUpdates.sorted(by: { $0.key < $1.key }) {
      statistics[name] = Output.statistic(name)
      outputs.append((Output.statistic(name), value))
    }
    program = try network.compile(
      graph.computation(
        outputs,
        update: update.map {
          StepUpdate(
            $0, gradients: gradients, assignments: statistics, guarded: [Output.total])
        }), policy)
    self.batchSize = batchSize
    rows = BatchRows(count: batchSize, copies: copies, part: network.executor.batchPart)
    self.gradients = gradients
    self.statistics = statistics
    (self.slots, self.passes) = (slots, passes)
    dropoutMasks = lowered.dropoutMasks
  }

  // MARK: Running

  /// Computes losses, gradients and statistics of a batch.
  /// - Parameters:
  ///   - step: counts from 0; with `seed` it decides what noise the samples have.
  ///   - inputs: a value for every placeholder but those of samples.
  ///   - seed: of the training; with `step` it decides what noise the samples have.
  ///   - profiling: adds the time of every kernel to the program's profile.
  public func run(
    _ inputs: [String: ProgramInput], seed: UInt64 = 0, step: Int = 0, profiling: Bool = false
  ) throws {
    try compute(inputs, seed: seed, step: step, profiling: profiling)
    losses = try readLosses()
  }

  private func readLosses() throws -> Losses {
    func scalar(_ name: String) throws -> Double { Double(try program.output(name).values[0]) }
    return Losses(
      total: try scalar(Output.total), crossEntropy: try scalar(Output.crossEntropy),
      penalty: hasPenalty ? try scalar(Output.penalty) : nil,
      vanishedMaps: countsVanished ? try scalar(Output.vanished) : nil)
  }

  private func compute(
    _ inputs: [String: ProgramInput], seed: UInt64, step: Int, profiling: Bool
  ) throws {
    func run(_ inputs: [String: ProgramInput]) throws {
      try profiling ? program.runProfiled(inputs) : program.run(inputs)
    }
    guard let passes else {
      return try run(inputs.merging(places(seed: seed, step: step)) { $1 })
    }
    let noise = noiseIdentities(seed: seed, step: step)
    let means = try passes.means(inputs, images: noise)
    try run(inputs.merging(means) { $1 })
    try passes.addGradients(inputs, images: noise, step: program, direct: gradients)
  }

  /// What the samples of a step are given, where all of them are in its program.
  private func places(seed: UInt64, step: Int) -> [String: ProgramInput] {
    guard let slots else { return [:] }
    return slots.inputs(
      chunk: 0, images: noiseIdentities(seed: seed, step: step), threads: program.threads)
  }

  /// A copy of the loss's derivative with respect to a parameter, of the last run.
  public func gradient(of parameter: String) throws -> Tensor {
    guard let output = gradients[parameter] else { preconditionFailure("\(parameter) is trained") }
    return try passes?.gradients.download(parameter) ?? program.output(output)
  }

  /// As `run`, and changes the parameters by the gradients, and running statistics, if the loss and all
  /// gradients are finite.
  public func step(
    _ inputs: [String: ProgramInput], learningRate: Float, seed: UInt64 = 0, step: Int = 0,
    profiling: Bool = false
  ) throws -> StepOutcome {
    guard passes == nil, !profiling else {
      try run(inputs, seed: seed, step: step, profiling: profiling)
      return try program.applyUpdate(gradients: passes?.gradients, learningRate: learningRate)
    }
    // At once: an executor may have compiled all of it into one program.
    let outcome = try program.step(
      inputs.merging(places(seed: seed, step: step)) { $1 }, learningRate: learningRate)
    losses = try readLosses()
    return outcome
  }

  /// What the update rule keeps from step to step.
  public var optimizer: any OptimizerState {
    guard let optimizer = program.optimizer else {
      preconditionFailure("the program was compiled without an update rule")
    }
    return optimizer
  }

  // MARK: Numbers that are not finite

  /// Does a step once more and looks at every value in it.
  /// - Parameters: as `run`.
  /// - Returns: the first that is not finite, if any.
  public func firstNonFinite(
    _ inputs: [String: ProgramInput], seed: UInt64 = 0, step: Int = 0
  ) throws -> NonFiniteValue? {
    guard let slots else { return try program.firstNonFinite(inputs) }
    let noise = noiseIdentities(seed: seed, step: step)
    guard let passes else {
      let places = slots.inputs(chunk: 0, images: noise, threads: program.threads)
      return try program.firstNonFinite(inputs.merging(places) { $1 })
    }
    return try passes.firstNonFinite(
      inputs, images: noise, step: program)
  }
}
