import Networks

/// An activation function as Keras names it.
struct KerasActivation {
  /// `nil` for the identity.
  let layer: Layer?

  /// The slope of `leaky_relu` where it is but a name.
  private static let leakySlope = 0.2
  /// Keras 2's `hard_sigmoid`.
  private static let keras2HardSlope = 0.2

  static let names = [
    "elu", "exponential", "gelu", "hard_sigmoid", "hard_silu", "hard_swish", "leaky_relu", "linear",
    "mish", "relu", "relu6", "selu", "sigmoid", "silu", "softmax", "softplus", "softsign", "swish",
    "tanh",
  ]

  /// - Parameter isKeras3: whether Keras 3 wrote the model, whose `hard_sigmoid` is another than
  ///   Keras 2's.
  init?(named name: String, isKeras3: Bool) {
    let hardSlope = isKeras3 ? ActivationFunction.hardSlope : Self.keras2HardSlope
    switch name {
    case "linear": layer = nil
    case "relu": layer = .relu
    case "softmax": layer = .softmax
    case "relu6": layer = .relu6
    case "leaky_relu": layer = .activation(.rectifier(slope: Self.leakySlope))
    case "elu": layer = .activation(.elu(alpha: 1))
    case "selu": layer = .activation(.selu)
    case "silu", "swish": layer = .activation(.silu)
    case "gelu": layer = .activation(.gelu)
    case "hard_sigmoid": layer = .activation(.hardSigmoid(slope: hardSlope))
    case "hard_silu", "hard_swish": layer = .activation(.hardSwish)
    case "sigmoid": layer = .activation(.sigmoid)
    case "tanh": layer = .activation(.tanh)
    case "softplus": layer = .activation(.softplus)
    case "softsign": layer = .activation(.softsign)
    case "exponential": layer = .activation(.exponential)
    case "mish": layer = .activation(.mish)
    default: return nil
    }
  }

  /// A name, or Keras 3's object around one, or a layer that stands for its function.
  init(_ config: KerasObject, _ key: String, isKeras3: Bool) throws(NetworkError) {
    var name = "linear"
    if let text = config.value(key) as? String {
      name = text
    } else if let object = config.value(key) as? [String: Any] {
      let className = object["class_name"] as? String ?? "unknown"
      if let members = object["config"] as? [String: Any] {
        let inner = KerasObject(owner: config.owner, members: members)
        if let layer = try Self.layer(className, inner) {
          self.layer = layer
          return
        }
      }
      name = (object["config"] as? String) ?? className
    } else if config.has(key) {
      throw config.error("\(key) is not the name of a function")
    }
    guard let known = KerasActivation(named: name, isKeras3: isKeras3) else {
      throw config.error(
        "the \(key) \(name.prefix(100)) is not supported; supported are "
          + Self.names.joined(separator: ", "))
    }
    self = known
  }

  /// The layers ReLU, LeakyReLU and ELU; `nil` for any other.
  static func layer(_ className: String, _ config: KerasObject) throws(NetworkError) -> Layer? {
    switch className {
    case "ReLU":
      guard try config.number("threshold", default: 0) == 0 else {
        throw config.error("threshold is set, only ReLUs that begin at 0 are supported")
      }
      let slope = try config.number("negative_slope", default: 0)
      let maximum: Double? =
        config.has("max_value") ? try config.number("max_value", default: 0) : nil
      if slope == 0, maximum == nil { return .relu }
      return .activation(.rectifier(slope: slope, maximum: maximum))
    case "LeakyReLU":
      // Keras 2 says alpha.
      let key = config.has("alpha") ? "alpha" : "negative_slope"
      return .activation(.rectifier(slope: try config.number(key, default: 0.3)))
    case "ELU": return .activation(.elu(alpha: try config.number("alpha", default: 1)))
    default: return nil
    }
  }
}
