/// A layer in its place: what it is called, and whose results it reads.
public struct LayerNode: Hashable, Sendable {
  /// The name of the activation, e.g. `layer1.0.conv1`.
  public let name: String
  public let layer: Layer
  /// Names of earlier nodes, or `Architecture.inputName`.
  public let inputs: [String]
  /// With what the names of its parameters begin. Nodes of equal layers may share it: a layer that is
  /// called several times. It is the node's own name, unless that belongs to an activation
  /// function which is part of the layer in the file. Keras's `fc1` is two nodes: `fc1.linear` with
  /// the parameters `fc1.weight` and `fc1.bias`, and the ReLU `fc1`.
  public let parameterPrefix: String

  public init(name: String, layer: Layer, inputs: [String], parameterPrefix: String? = nil) {
    (self.name, self.layer, self.inputs) = (name, layer, inputs)
    self.parameterPrefix = parameterPrefix ?? name
  }
}

extension LayerNode: Codable {
  private enum Key: String, CodingKey { case name, layer, inputs, parameters }

  public init(from decoder: any Decoder) throws {
    let values = try decoder.container(keyedBy: Key.self)
    self.init(
      name: try values.decode(String.self, forKey: .name),
      layer: try values.decode(Layer.self, forKey: .layer),
      inputs: try values.decode([String].self, forKey: .inputs),
      parameterPrefix: try values.decodeIfPresent(String.self, forKey: .parameters))
  }

  public func encode(to encoder: any Encoder) throws {
    var values = encoder.container(keyedBy: Key.self)
    try values.encode(name, forKey: .name)
    try values.encode(layer, forKey: .layer)
    try values.encode(inputs, forKey: .inputs)
    if parameterPrefix != name { try values.encode(parameterPrefix, forKey: .parameters) }
  }
}

/// How the weights of dense layers start (convolutions: He et al. 2015 with fan-out).
public enum DenseInitialization: String, Codable, Hashable, Sendable {
  /// Weights and biases uniform in ±1/√inputs: PyTorch's default, torchvision's ResNets.
  case uniform
  /// Weights normal with a standard deviation of 0.01, biases 0: torchvision's VGGs.
  case normal
}
