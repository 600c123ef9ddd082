import Networks
import TensorCPU
import TensorGraph

/// What enters the last dense layer, and the logits that come out of it.
public struct FeatureProgram {
  public let executable: Executable
  public let batchSize: Int
  /// Of the last layer, whose parameters are `name.weight` and perhaps `name.bias`.
  public let layer: String
  public let featureCount: Int
  public let classes: Int
  public let hasBias: Bool

  /// - Throws: `RunError` if the network does not end in a dense layer.
  public init(
    _ network: LoadedNetwork, batchSize: Int, options: Executable.Options = Executable.Options()
  ) throws {
    var options = options
    options.keepsParameterWork = true
    self.batchSize = batchSize
    let architecture = network.architecture
    var graph = GraphBuilder()
    let input = try graph.placeholder(
      TrainingProgram.images, shape: Shape([batchSize] + architecture.inputShape.dimensions))
    let lowered = try NetworkGraph(architecture, input: input, in: &graph)
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
    executable = try Executable(
      graph.graph(outputs: [last.inputs[0], lowered.logits]), parameters: network.parameters,
      options: options)
  }

  /// - Parameter images: [batchSize, H, W, C], normalised.
  /// - Returns: [batchSize, featureCount] and [batchSize, classes].
  public func run(_ images: [Float]) throws -> (features: Tensor, logits: Tensor) {
    try executable.run([TrainingProgram.images: .floats(images)])
    return (executable.output(0), executable.output(1))
  }
}
