import TensorGraph

/// Writes the nodes of a family's networks: each layer reads the one before unless told otherwise.
struct ArchitectureBuilder {
  private(set) var nodes: [LayerNode] = []
  private(set) var aliases: [String: String] = [:]
  /// Name of the activation that the next layer reads.
  private(set) var last = Architecture.inputName

  mutating func append(_ name: String, _ layer: Layer) { append(name, layer, [last]) }

  mutating func append(_ name: String, _ layer: Layer, _ inputs: [String]) {
    nodes.append(LayerNode(name: name, layer: layer, inputs: inputs))
    last = name
  }

  /// A layer whose parameters have names of their own.
  mutating func append(_ name: String, _ layer: Layer, parameters: String) {
    nodes.append(
      LayerNode(name: name, layer: layer, inputs: [last], parameterPrefix: parameters))
    last = name
  }

  /// A layer with weights whose activation function belongs to it, as in Keras: `name.linear`, whose
  /// parameters have the names of the whole, and `name`.
  mutating func append(_ name: String, _ layer: Layer, activation: Layer) {
    nodes.append(
      LayerNode(name: "\(name).linear", layer: layer, inputs: [last], parameterPrefix: name))
    last = "\(name).linear"
    append(name, activation)
  }

  /// Lets `name` stand for the latest activation.
  mutating func alias(_ name: String) { aliases[name] = last }

  func architecture(
    _ specification: ArchitectureSpecification, _ initialization: DenseInitialization
  ) throws(NetworkError) -> Architecture {
    // One number tells two classes apart; a softmax of it is always 1.
    let isBinary = specification.classes == 1 && nodes.last?.layer != .softmax
    return try Architecture(
      name: specification.family, inputShape: specification.inputShape,
      classes: isBinary ? 2 : specification.classes, nodes: nodes, aliases: aliases,
      denseInitialization: initialization)
  }
}
