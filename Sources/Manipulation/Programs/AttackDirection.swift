import Attacks
import Explanations
import Networks
import TensorCPU
import TensorGraph

/// Where an attack moves images: ∂D/∂x, D its objective of the relevance maps of a network in which a
/// softplus stands for every ReLU.
///
/// The network's β is a value that is given at every run, so it may change from one to the next.
/// Samples of a `SampledInterpreter` are worked through in chunks as in training (`SampledPasses`): the
/// first pass gives their mean m, then c = ∂D/∂m is computed, and a second pass adds
/// ∂⟨c, sample_s⟩/∂x / S.
public final class AttackDirection {
  static let beta = "beta"
  private static let mean = "mean"

  private enum Passes {
    case one(Executable)
    case sampled(SampleSlots, forward: Executable, middle: Executable, backward: Executable)
  }
  private let passes: Passes
  private let batchSize: Int
  private let hasReference: Bool

  /// Memory that a run needs beside the parameters, known before the first one.
  public var plannedPeakBytes: Int {
    switch passes {
    case .one(let program): program.plannedPeakBytes
    case .sampled(_, let forward, let middle, let backward):
      forward.plannedPeakBytes + middle.plannedPeakBytes + backward.plannedPeakBytes
    }
  }

  /// Floating-point operations of one run.
  public var flops: Int {
    switch passes {
    case .one(let program): program.cost.flops
    case .sampled(let slots, let forward, let middle, let backward):
      slots.chunks * (forward.cost.flops + backward.cost.flops) + middle.cost.flops
    }
  }

  /// `nil` for an objective that knows no direction.
  public init?(
    _ network: LoadedNetwork, interpreter: any Interpreter, objective: any AttackObjective,
    batchSize: Int, samplesAtOnce: Int? = nil, options: Executable.Options = Executable.Options()
  ) throws {
    var options = options
    options.keepsParameterWork = true
    self.batchSize = batchSize

    /// D and what it is a function of, given the heatmaps.
    var hasReference = false
    func objectiveValue(
      _ heatmap: Value, _ smooth: NetworkGraph, _ graph: inout GraphBuilder
    ) throws -> Value? {
      let size = heatmap.shape
      let reference = try objective.referenceShape(
        height: size[1], width: size[2], classes: network.architecture.classes
      ).map {
        try graph.placeholder(
          TrainingProgram.reference, shape: Shape([batchSize] + $0.dimensions))
      }
      hasReference = reference != nil
      return try objective.objective(
        of: graph.relevance(of: heatmap),
        logits: { graph in
          try NetworkGraph(network.architecture, input: smooth.input, in: &graph).logits
        }, reference: reference, in: &graph)
    }
    func compiled(_ outputs: [Value], _ graph: GraphBuilder) throws -> Executable {
      try Executable(
        graph.graph(outputs: outputs), parameters: network.parameters, options: options)
    }
    func smooth(_ graph: inout GraphBuilder) throws -> Rectifier {
      .softplus(beta: try graph.placeholder(Self.beta, shape: .scalar))
    }

    guard let sampled = interpreter as? any SampledInterpreter else {
      var graph = GraphBuilder()
      let architecture = network.architecture
      let input = try graph.placeholder(
        TrainingProgram.images, shape: Shape([batchSize] + architecture.inputShape.dimensions))
      let labels = try graph.placeholder(
        TrainingProgram.labels, shape: [batchSize], type: .int32)
      let lowered = try NetworkGraph(
        architecture, input: input, keeping: interpreter.keptActivations,
        rectifier: smooth(&graph), in: &graph)
      let classes = try graph.oneHot(labels, depth: architecture.classes)
      let heatmap = try interpreter.heatmap(of: lowered, classes: classes, in: &graph)
      guard let value = try objectiveValue(heatmap, lowered, &graph) else { return nil }
      let direction = try graph.gradient(of: value, with: [input])
      passes = .one(try compiled(direction, graph))
      self.hasReference = hasReference
      return
    }
    let slots = try SampleSlots(
      sampled, network.architecture, batchSize: batchSize, atOnce: samplesAtOnce)
    var graph = GraphBuilder()
    let (subject, classes) = try slots.subject(.labels, rectifier: smooth(&graph), &graph)
    let means = try slots.means(of: subject, classes: classes, in: &graph)

    var middle = GraphBuilder()
    let (again, marks) = try slots.subject(.labels, rectifier: smooth(&middle), &middle)
    let given = try middle.placeholder(Self.mean, shape: means[0].shape)
    let heatmap = try sampled.combine(mean: given, of: again, classes: marks[0], in: &middle)
    guard let value = try objectiveValue(heatmap, again, &middle) else { return nil }
    let derivatives = try middle.gradient(of: value, with: [given, again.input])

    let forward = try compiled(means, graph)
    let back = try slots.derivatives(of: means, in: subject, with: [subject.input], &graph)
    passes = .sampled(
      slots, forward: forward, middle: try compiled(derivatives, middle),
      backward: try compiled(back, graph))
    self.hasReference = hasReference
  }

  /// The derivative of D in the network's input, [batchSize, H, W, C].
  /// - Parameters:
  ///   - images: [batchSize, H, W, C], normalised.
  ///   - labels: [batchSize]; the classes that are explained.
  ///   - references: of the images, one after the other; zero for those that do not count.
  ///   - beta: β of the softplus that stands in for ReLU.
  ///   - identities: see `EvaluationProgram.run`.
  public func run(
    images: [Float], labels: [Int32], references: [Float], beta: Double, identities: [Int]
  ) throws -> Tensor {
    var inputs: [String: Executable.Input] = [
      TrainingProgram.images: .floats(images), TrainingProgram.labels: .indices(labels),
      Self.beta: .floats([Float(beta)]),
    ]
    let reference: [String: Executable.Input] =
      hasReference ? [TrainingProgram.reference: .floats(references)] : [:]
    switch passes {
    case .one(let program):
      try program.run(inputs.merging(reference) { $1 })
      return program.output(0)
    case .sampled(let slots, let forward, let middle, let backward):
      func sum(_ program: Executable) throws -> Tensor {
        var total: Tensor?
        for chunk in 0..<slots.chunks {
          let places = slots.inputs(
            chunk: chunk, images: identities, threads: program.options.threads)
          try program.run(inputs.merging(places) { $1 })
          if total == nil {
            total = program.output(0)
          } else {
            program.withOutput(0) { add($0, to: &total!.values) }
          }
        }
        return total!
      }
      let mean = try sum(forward)
      try middle.run(
        inputs.merging(reference) { $1 }.merging([Self.mean: .floats(mean.values)]) { $1 })
      inputs[SampleSlots.cotangent(0)] = .floats(middle.withOutput(0) { Array($0) })
      var direction = try sum(backward)
      middle.withOutput(1) { add($0, to: &direction.values) }
      return direction
    }
  }
}
