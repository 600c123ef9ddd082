import Explanations
import Networks
import TensorCPU
import TensorGraph

/// One training step as a compiled program: losses, gradients and new running statistics of a batch.
public struct TrainingProgram {
  public static let images = "images"
  public static let labels = "labels"
  /// Images that show both classes of an active fooling.
  public static let composites = "composites"
  /// What the penalty needs of the original network's heatmaps.
  public static let reference = "reference"

  public let executable: Executable
  public let batchSize: Int
  /// Parameter to the output that holds its gradient.
  public let gradients: [String: Int]
  /// Running statistic to the output that holds its new value.
  public let statistics: [String: Int]
  public let dropoutMasks: [NetworkGraph.DropoutMask]
  private let hasPenalty: Bool

  /// Cross-entropy + λ·penalty of the interpreter's heatmaps. Batch norm is frozen; its γ and β are
  /// trained. Heo, Joo, Moon 2019, Eq. 1.
  /// - Parameter interpreter: the cross-entropy alone if `nil`.
  public static func fooling(
    _ network: LoadedNetwork, interpreter: (any Interpreter)?, fooling: any Fooling,
    lambda: Double, batchSize: Int, options: Executable.Options = Executable.Options()
  ) throws -> TrainingProgram {
    guard let interpreter else {
      return try TrainingProgram(network, batchSize, .frozen, [], options) { _, _, _ in nil }
    }
    return try TrainingProgram(network, batchSize, .frozen, interpreter.keptActivations, options) {
      lowered, labels, graph in
      let heatmaps = try Self.heatmaps(
        interpreter, of: lowered, labels: labels, fooling.explained, &graph)
      let size = heatmaps[0].shape
      let reference = try fooling.referenceShape(height: size[1], width: size[2]).map {
        try graph.placeholder(Self.reference, shape: Shape([batchSize] + $0.dimensions))
      }
      return (try fooling.penalty(of: heatmaps, reference: reference, in: &graph), lambda)
    }
  }

  private static func heatmaps(
    _ interpreter: any Interpreter, of network: NetworkGraph, labels: Value,
    _ explained: ExplainedClasses, _ graph: inout GraphBuilder
  ) throws -> [Value] {
    switch explained {
    case .labels: return [try interpreter.heatmap(of: network, classes: labels, in: &graph)]
    case .pair(let first, let second):
      let images = try graph.placeholder(Self.composites, shape: network.input.shape)
      let lowered = try network.lowered(on: images, in: &graph)
      return try [first, second].map { index in
        var rows = [Float](repeating: 0, count: labels.shape.count)
        for row in 0..<labels.shape[0] { rows[row * labels.shape[1] + index] = 1 }
        let classes = try graph.constant(Tensor(shape: labels.shape, values: rows))
        return try interpreter.heatmap(of: lowered, classes: classes, in: &graph)
      }
    }
  }

  /// Cross-entropy alone, batch norm with the statistics of the batch.
  public static func classifier(
    _ network: LoadedNetwork, batchSize: Int, options: Executable.Options = Executable.Options()
  ) throws -> TrainingProgram {
    try TrainingProgram(network, batchSize, .training, [], options) { _, _, _ in nil }
  }

  private init(
    _ network: LoadedNetwork, _ batchSize: Int, _ mode: NetworkGraph.Mode, _ keeping: Set<String>,
    _ options: Executable.Options,
    penalty: (NetworkGraph, Value, inout GraphBuilder) throws -> (Value, lambda: Double)?
  ) throws {
    let architecture = network.architecture
    var graph = GraphBuilder()
    let input = try graph.placeholder(
      Self.images, shape: Shape([batchSize] + architecture.inputShape.dimensions))
    let labels = try graph.placeholder(Self.labels, shape: [batchSize], type: .int32)
    let classes = try graph.oneHot(labels, depth: architecture.classes)
    let lowered = try NetworkGraph(
      architecture, input: input, mode: mode, keeping: keeping, in: &graph)
    let crossEntropy = try graph.crossEntropy(lowered.logits, labels: classes)
    var outputs = [crossEntropy, crossEntropy]
    let added = try penalty(lowered, classes, &graph)
    if let (penalty, lambda) = added {
      outputs[0] = try graph.add(crossEntropy, graph.multiply(penalty, lambda))
      outputs.append(penalty)
    }
    hasPenalty = added != nil
    let trained = architecture.parameters.filter {
      $0.isTrainable && lowered.parameters[$0.name] != nil
    }
    let variables = trained.map { lowered.parameters[$0.name]! }
    var gradients: [String: Int] = [:]
    for (parameter, gradient) in zip(trained, try graph.gradient(of: outputs[0], with: variables)) {
      gradients[parameter.name] = outputs.count
      outputs.append(gradient)
    }
    var statistics: [String: Int] = [:]
    for (name, value) in lowered.runningStatisticsUpdates.sorted(by: { $0.key < $1.key }) {
      statistics[name] = outputs.count
      outputs.append(value)
    }
    executable = try Executable(
      graph.graph(outputs: outputs), parameters: network.parameters, options: options)
    self.batchSize = batchSize
    self.gradients = gradients
    self.statistics = statistics
    dropoutMasks = lowered.dropoutMasks
  }

  public struct Losses {
    public let total: Double
    public let crossEntropy: Double
    public let penalty: Double?
  }

  /// Of the last run.
  public var losses: Losses {
    func scalar(_ index: Int) -> Double { executable.withOutput(index) { Double($0[0]) } }
    return Losses(total: scalar(0), crossEntropy: scalar(1), penalty: hasPenalty ? scalar(2) : nil)
  }
}
