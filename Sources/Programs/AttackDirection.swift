import Attacks
import Explanations
import Networks
import TensorGraph
import TensorRuntime

/// Where an attack moves images: ∂D/∂x, D its objective of the relevance maps of a network in which a
/// softplus stands for every ReLU.
///
/// The network's β is a value that is given at every run, so it may change from one to the next.
/// Samples of a `SampledInterpreter` are worked through in chunks as in training (`SampledPasses`): the
/// first pass gives their mean m, then c = ∂D/∂m is computed, and a second pass adds
/// ∂⟨c, sample_s⟩/∂x / S.
public final class AttackDirection {
  package static let beta = "beta"
  private static let mean = "mean"
  private static let direction = "direction"

  private enum Passes {
    case one(any Program)
    case sampled(
      SampleSlots, forward: any Program, middle: any Program, backward: any Program)
  }
  private let passes: Passes
  private let batchSize: Int
  private let hasReference: Bool

  /// Memory that a run needs beside the parameters, known before the first one.
  public var plannedPeakBytes: Int {
    switch passes {
    case .one(let program): program.resources.peakBytes
    case .sampled(_, let forward, let middle, let backward):
      [forward, middle, backward].reduce(0) { $0 + $1.resources.peakBytes }
    }
  }

  /// Floating-point operations of one run.
  public var flops: Int {
    switch passes {
    case .one(let program): program.resources.flops
    case .sampled(let slots, let forward, let middle, let backward):
      slots.chunks * (forward.resources.flops + backward.resources.flops)
        + middle.resources.flops
    }
  }

  /// `nil` for an objective that knows no direction.
  public init?(
    _ network: LoadedNetwork, interpreter: any Interpreter, objective: any AttackObjective,
    batchSize: Int, samplesAtOnce: Int? = nil, policy: ExecutionPolicy = ExecutionPolicy()
  ) throws {
    let policy = policy.keepingParameterWork
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
          TrainingProgram.reference(), shape: Shape([batchSize] + $0.dimensions))
      }
      hasReference = reference != nil
      return try objective.objective(
        of: graph.relevance(of: heatmap),
        logits: { graph in
          try NetworkGraph(network.architecture, input: smooth.input, in: &graph).logits
        }, reference: reference, in: &graph)
    }
    func compiled(
      _ outputs: [(String, Value)], _ graph: GraphBuilder
    ) throws -> any Program {
      try network.compile(graph.computation(outputs), policy)
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
      passes = .one(try compiled([(Self.direction, direction[0])], graph))
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

    let forward = try compiled([(Self.mean, means[0])], graph)
    let back = try slots.derivatives(of: means, in: subject, with: [subject.input], &graph)
    passes = .sampled(
      slots, forward: forward,
      middle: try compiled(
        [(SampleSlots.cotangent(0), derivatives[0]), (Self.direction, derivatives[1])], middle),
      backward: try compiled([(Self.direction, back[0])], graph))
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
    var inputs: [String: ProgramInput] = [
      TrainingProgram.images: .floats(images), TrainingProgram.labels: .indices(labels),
      Self.beta: .floats([Float(beta)]),
    ]
    let reference: [String: ProgramInput] =
      hasReference ? [TrainingProgram.reference(): .floats(references)] : [:]
    switch passes {
    case .one(let program):
      try program.run(inputs.merging(reference) { $1 })
      return try program.output(Self.direction)
    case .sampled(let slots, let forward, let middle, let backward):
      func sum(_ output: String, _ program: any Program) throws -> Tensor {
        var total: Tensor?
        for chunk in 0..<slots.chunks {
          let places = slots.inputs(
            chunk: chunk, images: identities, threads: program.threads)
          try program.run(inputs.merging(places) { $1 })
          let part = try program.output(output)
          if total == nil { total = part } else { add(part.values, to: &total!.values) }
        }
        return total!
      }
      let mean = try sum(Self.mean, forward)
      try middle.run(
        inputs.merging(reference) { $1 }.merging([Self.mean: .floats(mean.values)]) { $1 })
      inputs[SampleSlots.cotangent(0)] = .floats(
        try middle.output(SampleSlots.cotangent(0)).values)
      var direction = try sum(Self.direction, backward)
      add(try middle.output(Self.direction).values, to: &direction.values)
      return direction
    }
  }
}
