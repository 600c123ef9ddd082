import TensorGraph

/// One array of numbers that a network needs: named as in the state dict of the PyTorch module,
/// shaped as in the graph (filters [K, R, S, C / groups], dense weights [outputs, inputs]).
public struct NetworkParameter: Hashable, Sendable {
  public enum Role: String, Hashable, Sendable, CaseIterable {
    /// Of a convolution or dense layer.
    case weight, bias
    /// Of a batch norm: factor and summand.
    case gamma, beta
    /// Of a batch norm: statistics of the training set, not trained by gradients.
    case runningMean, runningVariance
    /// Of a PReLU: what negative elements are multiplied with.
    case slope
    /// Of a layer scale: one factor for each channel.
    case layerScale

    /// The last part of the name in a PyTorch state dict.
    public var suffix: String {
      switch self {
      case .weight, .gamma, .slope: "weight"
      case .bias, .beta: "bias"
      case .runningMean: "running_mean"
      case .runningVariance: "running_var"
      case .layerScale: "layer_scale"
      }
    }
  }

  /// e.g. `layer1.0.bn1.running_mean`
  public let name: String
  /// Name of the layer it belongs to in files, e.g. `layer1.0.bn1`, or Keras's `fc1`.
  public let layer: String
  public let shape: Shape
  public let role: Role
  public var isTrainable: Bool { role != .runningMean && role != .runningVariance }

  init(layer: String, role: Role, shape: Shape) {
    self.name = Self.name(of: role, in: layer)
    (self.layer, self.shape, self.role) = (layer, shape, role)
  }

  static func name(of role: Role, in layer: String) -> String { "\(layer).\(role.suffix)" }
}

extension LayerNode {
  /// The parameters of this layer, in the order of PyTorch's state dict.
  package var parameters: [NetworkParameter] {
    func parameter(_ role: NetworkParameter.Role, _ shape: Shape) -> NetworkParameter {
      NetworkParameter(layer: parameterPrefix, role: role, shape: shape)
    }
    switch layer {
    case .convolution(let layer):
      return [parameter(.weight, layer.weightShape)]
        + (layer.hasBias ? [parameter(.bias, [layer.outputChannels])] : [])
    case .dense(let layer):
      return [parameter(.weight, [layer.outputs, layer.inputs])]
        + (layer.hasBias ? [parameter(.bias, [layer.outputs])] : [])
    case .batchNorm(let layer):
      return
        ((layer.hasGamma ? [.gamma] : []) + (layer.hasBeta ? [.beta] : [])
        + [.runningMean, .runningVariance]).map { parameter($0, [layer.channels]) }
    case .prelu(let layer): return [parameter(.slope, Shape(layer.slopes))]
    case .layerNorm(let layer):
      return ((layer.hasGamma ? [.gamma] : []) + (layer.hasBeta ? [.beta] : [])).map {
        parameter($0, Shape(layer.extents))
      }
    case .layerScale(let channels): return [parameter(.layerScale, [channels])]
    case .normalization(let channels):
      return [.runningMean, .runningVariance].map { parameter($0, [channels]) }
    default: return []
    }
  }
}

extension Architecture {
  /// All parameters, in the order of `nodes`; those of a layer that is called several times once.
  public var parameters: [NetworkParameter] {
    var known: Set<String> = []
    return nodes.flatMap(\.parameters).filter { known.insert($0.name).inserted }
  }

  /// Number of trained numbers: what publications call the number of parameters.
  public var trainableCount: Int {
    parameters.filter(\.isTrainable).reduce(0) { $0 + $1.shape.count }
  }
}
