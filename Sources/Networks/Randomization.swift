import TensorGraph

extension Architecture {
  /// The layers that have parameters to be given random values, by what their parameters begin with, in
  /// the order in which they read the input. One that is called several times stands at its first place. A
  /// normalisation of the input is none of them.
  public var parameterLayers: [String] {
    var names: [String] = []
    for node in nodes where !names.contains(node.parameterPrefix) {
      if case .normalization = node.layer { continue }
      if node.parameters.contains(where: { $0.role != .layerScale }) {
        names.append(node.parameterPrefix)
      }
    }
    return names
  }

  /// Random values for the parameters of one layer, by the rule of PyTorch's `reset_parameters`: weights
  /// and biases uniform in ±1/√fan-in, gamma and running variance 1, beta and running mean 0, slopes 1/4.
  /// The scale of a block's output is no layer's parameter there and is not among them.
  /// - Parameters:
  ///   - layer: one of `parameterLayers`.
  ///   - seed: of the values, which depend on it and on the parameters' names alone.
  public func randomParameters(of layer: String, seed: UInt64) -> [String: Tensor] {
    guard let node = nodes.first(where: { $0.parameterPrefix == layer && !$0.parameters.isEmpty })
    else { preconditionFailure("\(name) has no layer \(layer) with parameters") }
    var fanIn = 1
    if let weight = node.parameters.first(where: { $0.role == .weight }) {
      if case .dense(let dense) = node.layer {
        fanIn = dense.inputs
      } else {
        // Filters of one output: [K, R, S, C].
        fanIn = max(1, weight.shape.count / weight.shape[0])
      }
    }
    var values: [String: Tensor] = [:]
    for parameter in node.parameters {
      var random = RandomStream(seed: seed, name: parameter.name)
      switch parameter.role {
      case .weight, .bias:
        values[parameter.name] = random.uniform(
          shape: parameter.shape, bound: 1 / Double(fanIn).squareRoot())
      case .gamma, .runningVariance:
        values[parameter.name] = Tensor(repeating: 1, shape: parameter.shape)
      case .slope: values[parameter.name] = Tensor(repeating: 0.25, shape: parameter.shape)
      case .layerScale: break
      default: values[parameter.name] = Tensor(repeating: 0, shape: parameter.shape)
      }
    }
    return values
  }
}
