import Foundation
import TensorGraph

extension Architecture {
  /// Fresh values for every parameter, the same for the same `seed` (up to the last bit of the
  /// system's logarithm and cosine).
  ///
  /// Filters: normal with variance 2 / (K·R·S) (He et al. 2015 with fan-out, torchvision), their
  /// biases 0; gamma and running variance 1, beta and running mean 0; dense layers by
  /// `denseInitialization`. Each parameter draws from its own stream, which depends on the seed and
  /// its name only, so that adding a layer does not change the others.
  public func initialParameters(seed: UInt64) -> [String: Tensor] {
    var values: [String: Tensor] = [:]
    for node in nodes {
      for parameter in node.parameters {
        values[parameter.name] = initialValue(of: parameter, in: node.layer, seed: seed)
      }
    }
    return values
  }

  private func initialValue(
    of parameter: NetworkParameter, in layer: Layer, seed: UInt64
  ) -> Tensor {
    let shape = parameter.shape
    var random = RandomStream(seed: seed, name: parameter.name)
    switch (parameter.role, layer) {
    case (.weight, .convolution):
      let deviation = (2 / Double(shape[0] * shape[1] * shape[2])).squareRoot()
      return random.normal(shape: shape, deviation: deviation)
    case (.weight, .dense(let dense)), (.bias, .dense(let dense)):
      switch denseInitialization {
      case .uniform:
        return random.uniform(shape: shape, bound: 1 / Double(dense.inputs).squareRoot())
      case .normal where parameter.role == .weight:
        return random.normal(shape: shape, deviation: Self.normalDeviation)
      case .normal: return Tensor(repeating: 0, shape: shape)
      }
    case (.gamma, _), (.runningVariance, _): return Tensor(repeating: 1, shape: shape)
    case (.slope, _): return Tensor(repeating: Self.initialSlope, shape: shape)
    case (.layerScale, _): return Tensor(repeating: Self.initialLayerScale, shape: shape)
    default: return Tensor(repeating: 0, shape: shape)
    }
  }

  private static let normalDeviation = 0.01  // torchvision/models/vgg.py
  private static let initialSlope: Float = 0.25  // torch.nn.PReLU
  private static let initialLayerScale: Float = 1e-6  // torchvision/models/convnext.py
}

/// Random numbers on the host that are a pure function of a seed and a name.
///
/// SplitMix64 (Steele, Lea, Flood 2014).
public struct RandomStream: Sendable {
  private var state: UInt64

  public init(seed: UInt64, name: String) {
    // FNV-1a over the name; unlike `Hasher` it is the same in every process.
    var hash: UInt64 = 0xcbf2_9ce4_8422_2325
    for byte in name.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
    state = hash
    // One step between name and seed keeps (seed, name) pairs with equal sums apart.
    state = next() ^ seed
  }

  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var z = state
    z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
    return z ^ (z >> 31)
  }

  /// In [0, 1), with 53 random bits.
  mutating func unit() -> Double { Double(next() >> 11) * 0x1p-53 }

  /// Uniform in [-bound, bound).
  public mutating func uniform(shape: Shape, bound: Double) -> Tensor {
    Tensor(
      shape: shape, values: (0..<shape.count).map { _ in Float((2 * unit() - 1) * bound) })
  }

  /// Box and Muller 1958: two normal numbers from two uniform ones.
  public mutating func normal(shape: Shape, deviation: Double) -> Tensor {
    var values: [Float] = []
    values.reserveCapacity(shape.count + 1)
    while values.count < shape.count {
      let radius = deviation * (-2 * log(1 - unit())).squareRoot()
      let angle = 2 * Double.pi * unit()
      values.append(Float(radius * cos(angle)))
      values.append(Float(radius * sin(angle)))
    }
    return Tensor(shape: shape, values: Array(values.prefix(shape.count)))
  }
}
