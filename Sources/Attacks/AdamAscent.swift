import Foundation

/// Steps of Adam towards larger values, of one image. Kingma and Ba 2015, Algorithm 1.
public struct AdamAscent: Sendable {
  // Kingma and Ba 2015.
  static let (beta1, beta2) = (0.9, 0.999)
  static let stabilizer = 1e-8

  private var first: [Double]
  private var second: [Double]
  private var count = 0

  /// - Parameter samples: numbers of a direction.
  public init(samples: Int) {
    (first, second) = (
      [Double](repeating: 0, count: samples), [Double](repeating: 0, count: samples)
    )
  }

  /// α·m̂/(√v̂ + ε), the next step along the present direction; nothing along one that is not finite.
  public mutating func step(along direction: [Float], learningRate: Double) -> [Float] {
    precondition(direction.count == first.count, "samples of one image")
    guard direction.allSatisfy(\.isFinite) else {
      return [Float](repeating: 0, count: direction.count)
    }
    count += 1
    let (bias1, bias2) = (1 - pow(Self.beta1, Double(count)), 1 - pow(Self.beta2, Double(count)))
    return direction.indices.map { sample in
      let d = Double(direction[sample])
      first[sample] = Self.beta1 * first[sample] + (1 - Self.beta1) * d
      second[sample] = Self.beta2 * second[sample] + (1 - Self.beta2) * d * d
      return Float(
        learningRate * (first[sample] / bias1)
          / ((second[sample] / bias2).squareRoot() + Self.stabilizer))
    }
  }
}
