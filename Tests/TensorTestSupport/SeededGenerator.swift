import TensorGraph
import TensorReference

/// SplitMix64 (Steele, Lea, Flood 2014): the same numbers at every run.
public struct SeededGenerator: RandomNumberGenerator, Sendable {
  private var state: UInt64
  public init(seed: UInt64) { state = seed }
  public mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }
}

extension ReferenceArray {
  public static func random(
    _ shape: Shape, in range: ClosedRange<Double> = -1...1,
    using generator: inout SeededGenerator
  ) -> ReferenceArray {
    ReferenceArray(
      shape: shape, values: (0..<shape.count).map { _ in .random(in: range, using: &generator) })
  }

  /// Whole numbers, so that sums and products of a few are exact in any precision.
  public static func randomIntegers(
    _ shape: Shape, in range: ClosedRange<Int> = -3...3, using generator: inout SeededGenerator
  ) -> ReferenceArray {
    ReferenceArray(
      shape: shape,
      values: (0..<shape.count).map { _ in Double(Int.random(in: range, using: &generator)) })
  }

  public var largest: Double { values.reduce(0) { max($0, abs($1)) } }

  /// Every element rounded to float, as an executor is given it.
  public var roundedToFloat: ReferenceArray { ReferenceArray(tensor) }

  /// The first element that differs from `expected` by more than `tolerance` relative to the larger
  /// of 1 and the largest expected magnitude, described; `nil` if there is none.
  ///
  /// NaN equals NaN and an infinity equals itself.
  public func mismatch(to expected: ReferenceArray, within tolerance: Double) -> String? {
    guard shape == expected.shape else { return "shape \(shape), expected \(expected.shape)" }
    let largest = expected.values.reduce(0) { $1.isFinite ? max($0, abs($1)) : $0 }
    let bound = tolerance * max(1, largest)
    for (position, (a, e)) in zip(values, expected.values).enumerated()
    where !(a == e || (a.isNaN && e.isNaN) || abs(a - e) <= bound) {
      return "\(a) at \(position) of \(shape), expected \(e) within \(bound)"
    }
    return nil
  }
}
