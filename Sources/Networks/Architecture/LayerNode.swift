/// A layer in its place: what it is called, and whose results it reads.
public struct LayerNode: Codable, Hashable, Sendable {
  /// The name of the activation and the prefix of its parameters, e.g. `layer1.0.conv1`.
  public let name: String
  public let layer: Layer
  /// Names of earlier nodes, or `Architecture.inputName`.
  public let inputs: [String]

  public init(name: String, layer: Layer, inputs: [String]) {
    (self.name, self.layer, self.inputs) = (name, layer, inputs)
  }
}

/// How the weights of dense layers start (convolutions: He et al. 2015 with fan-out).
public enum DenseInitialization: String, Codable, Hashable, Sendable {
  /// Weights and biases uniform in ±1/√inputs: PyTorch's default, torchvision's ResNets.
  case uniform
  /// Weights normal with a standard deviation of 0.01, biases 0: torchvision's VGGs.
  case normal
}
