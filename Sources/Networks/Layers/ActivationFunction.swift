/// A function of one number that a layer applies to every element.
public enum ActivationFunction: Hashable, Sendable {
  /// x where x > 0, else slope·x; at most `maximum`. ReLU6 has slope 0 and maximum 6, a leaky ReLU a
  /// slope and no maximum.
  case rectifier(slope: Double = 0, maximum: Double? = nil)
  /// x where x > 0, else α·(eˣ − 1). Clevert, Unterthiner, Hochreiter 2016.
  case elu(alpha: Double)
  /// λ·x where x > 0, else λ·α·(eˣ − 1), with the constants of Klambauer et al. 2017.
  case selu
  /// x / (1 + e⁻ˣ), also called swish. Ramachandran, Zoph, Le 2017.
  case silu
  /// x·Φ(x), Φ the normal distribution function. Hendrycks, Gimpel 2016.
  case gelu
  /// x/2·(1 + tanh(√(2/π)·(x + 0.044715·x³))): their approximation.
  case geluTanh
  /// slope·x + 1/2, between 0 and 1. PyTorch and Keras 3 have a slope of 1/6, Keras 2 of 0.2.
  case hardSigmoid(slope: Double)
  /// x·hardSigmoid(x) with a slope of 1/6. Howard et al. 2019.
  case hardSwish
  case sigmoid
  case tanh
  /// log(1 + eˣ)
  case softplus
  /// x / (1 + |x|)
  case softsign
  /// eˣ
  case exponential
  /// x·tanh(log(1 + eˣ)). Misra 2019.
  case mish

  /// PyTorch's and Keras 3's.
  public static let hardSlope = 1.0 / 6
  /// Klambauer et al. 2017, Eq. 14; α and λ.
  public static let seluAlpha = 1.6732632423543772
  public static let seluScale = 1.0507009873554805

  /// The name in files and recipes.
  public enum Name: String, Codable, Hashable, Sendable, CaseIterable {
    case rectifier, elu, selu, silu, gelu, geluTanh, hardSigmoid, hardSwish, sigmoid, tanh, softplus
    case softsign, exponential, mish
  }

  public var name: Name {
    switch self {
    case .rectifier: .rectifier
    case .elu: .elu
    case .selu: .selu
    case .silu: .silu
    case .gelu: .gelu
    case .geluTanh: .geluTanh
    case .hardSigmoid: .hardSigmoid
    case .hardSwish: .hardSwish
    case .sigmoid: .sigmoid
    case .tanh: .tanh
    case .softplus: .softplus
    case .softsign: .softsign
    case .exponential: .exponential
    case .mish: .mish
    }
  }

  /// Whether no result is below 0.
  public var isNonNegative: Bool {
    switch self {
    case .rectifier(let slope, _): slope == 0
    case .hardSigmoid, .sigmoid, .softplus, .exponential: true
    default: false
    }
  }

  /// Whether results lie between two bounds, so that it can be the gate of a product.
  public var isGate: Bool {
    switch self {
    case .sigmoid, .hardSigmoid, .tanh, .softsign: true
    default: false
    }
  }

  func checkNumbers() throws(NetworkError) {
    func check(_ option: String, _ value: Double, _ isValid: Bool, _ expected: String)
      throws(NetworkError)
    {
      guard value.isFinite, isValid else {
        throw NetworkError("\(name.rawValue): \(option) is \(value), expected \(expected)")
      }
    }
    switch self {
    case .rectifier(let slope, let maximum):
      try check("slope", slope, true, "a number")
      if let maximum { try check("maximum", maximum, maximum > 0, "a positive number") }
    case .elu(let alpha): try check("alpha", alpha, true, "a number")
    case .hardSigmoid(let slope): try check("slope", slope, slope > 0, "a positive number")
    default: break
    }
  }
}
