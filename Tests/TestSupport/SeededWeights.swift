import Networks
import TensorGraph

/// Weights that other programs can have as well, without a file: each a function of its name and
/// position. The formula is that of `tools/make_comparison_fixtures.py`.
public enum SeededWeights {
  /// Uniform in [-1, 1): for position i the upper 24 bits of SplitMix64's output function of
  /// FNV-1a(name) + (i + 1)·0x9e3779b97f4a7c15.
  public static func uniform(_ name: String, into values: UnsafeMutableBufferPointer<Float>) {
    var hash: UInt64 = 0xcbf2_9ce4_8422_2325
    for byte in name.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
    for index in values.indices {
      var z = hash &+ UInt64(index + 1) &* 0x9e37_79b9_7f4a_7c15
      z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
      z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
      z ^= z >> 31
      values[index] = Float(z >> 40) * 0x1p-23 - 1
    }
  }

  public static func fill(
    _ parameter: NetworkParameter, _ values: UnsafeMutableBufferPointer<Float>
  ) {
    uniform(parameter.name, into: values)
    let (center, bound): (Float, Float) =
      switch parameter.role {
      case .weight:
        (0, Float((6 / Double(parameter.shape.count / parameter.shape[0])).squareRoot()))
      case .gamma: (0.8, 0.2)
      case .runningVariance: (1, 0.2)
      case .slope, .layerScale: (0.3, 0.2)
      case .bias, .beta, .runningMean: (0, 0.1)
      }
    for index in values.indices { values[index] = center + bound * values[index] }
  }

  public static func tensor(_ parameter: NetworkParameter) -> Tensor {
    var tensor = Tensor(repeating: 0, shape: parameter.shape)
    tensor.values.withUnsafeMutableBufferPointer { fill(parameter, $0) }
    return tensor
  }
}
