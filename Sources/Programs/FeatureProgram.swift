import Networks
import RunSupport
import TensorGraph
import TensorRuntime

/// What enters the last dense layer, and the logits that come out of it.
public struct FeatureProgram {
  public let program: any Program
  private static let features = "features"
  private static let logits = "logits"
  public let batchSize: Int
  /// Of the last layer, whose parameters are `name.weight` and perhaps `name.bias`.
  public let layer: String
  public let featureCount: Int
  public let classes: Int
  public let hasBias: Bool

  /// - Throws: `RunError` if the network does not end in a dense layer.
  public init(
    _ network: LoadedNetwork, batchSize: Int, policy: ExecutionPolicy = ExecutionPolicy()
  ) throws {
    let policy = policy.keepingParameterWork
    self.batchSize = batchSize
    let architecture = network.architecture
    var graph = GraphBuilder()
    let input = try graph.placeholder(
      TrainingProgram.images, shape: Shape([batchSize] + architecture.inputShape.dimensions))
    let lowered = try NetworkGraph(architecture, input: input, in: &graph)
    guard architecture.output == .softmax else {
      throw RunError(
        "\(architecture.name) ends in a sigmoid, and influence is computed for networks that end in a "
          + "softmax, with or without it")
    }
    guard let last = lowered.steps.last(where: { $0.layer != .softmax }),
      case .dense(let dense) = last.layer, last.layers.count == 1,
      let node = architecture.nodes.first(where: { $0.name == last.name })
    else {
      throw RunError(
        "\(architecture.name) does not end in a dense layer by itself; name the layers whose "
          + "weights are to be considered, e.g. influence.layers=[\(architecture.nodes[0].name)]")
    }
    (layer, featureCount) = (node.parameterPrefix, dense.inputs)
    (classes, hasBias) = (dense.outputs, dense.hasBias)
    program = try network.compile(
      graph.computation([(Self.features, last.inputs[0]), (Self.logits, lowered.logits)]), policy)
  }

  /// - Parameter images: [batchSize, H, W, C], normalised.
  /// - Returns: [batchSize, featureCount] and [batchSize, classes].
  public func run(_ images: [Float]) throws -> (features: Tensor, logits: Tensor) {
    try program.run([TrainingProgram.images: .floats(images)])
    return (try program.output(Self.features), try program.output(Self.logits))
  }
}
