import Foundation

/// A deterministic stream of random numbers: xoshiro256** (Blackman and Vigna 2018), seeded by
/// SplitMix64 (Steele et al. 2014).
///
/// The state is a value. Copy it to repeat a stream, encode it to save one, `split` it to hand
/// an independent one on. What belongs to one sample is drawn from a generator of its own,
/// `init(seed:_:)`, so that neither threads nor order can change it.
public struct RandomGenerator: RandomNumberGenerator, Hashable, Sendable {
  private var state: (UInt64, UInt64, UInt64, UInt64)

  /// The stream that belongs to `seed` and to `keys`, in this order: for instance
  /// `RandomGenerator(seed: seed, epoch, sampleIndex)`. Different keys, or a different number of
  /// them, give unrelated streams.
  public init(seed: UInt64, _ keys: Int...) {
    self.init(seed: seed, keys: keys)
  }

  init(seed: UInt64, keys: [Int]) {
    var mixer = SplitMix(state: seed)
    for key in keys {
      mixer.state = mixer.next() ^ SplitMix.finalize(UInt64(bitPattern: Int64(key)) &+ 1)
    }
    state = (mixer.next(), mixer.next(), mixer.next(), mixer.next())
  }

  public mutating func next() -> UInt64 {
    let result = rotate(state.1 &* 5, by: 7) &* 9
    let shifted = state.1 << 17
    state.2 ^= state.0
    state.3 ^= state.1
    state.1 ^= state.2
    state.0 ^= state.3
    state.2 ^= shifted
    state.3 = rotate(state.3, by: 45)
    return result
  }

  private func rotate(_ value: UInt64, by count: UInt64) -> UInt64 {
    value << count | value >> (64 - count)
  }

  /// Leaves out so many numbers.
  public mutating func skip(_ count: Int) { for _ in 0..<count { _ = next() } }

  /// A generator for a stream of its own; this one moves on by one number.
  public mutating func split() -> RandomGenerator { RandomGenerator(seed: next()) }

  /// Uniform in [0, 1), a multiple of 2⁻⁵³.
  public mutating func uniform() -> Double { Double(next() >> 11) * 0x1p-53 }

  /// Uniform between the bounds.
  public mutating func uniform(in range: ClosedRange<Double>) -> Double {
    range.lowerBound + (range.upperBound - range.lowerBound) * uniform()
  }

  /// Uniform among 0, 1, …, `bound` - 1, without bias (Lemire 2019).
  /// - Precondition: `bound` is positive.
  public mutating func integer(below bound: Int) -> Int {
    precondition(bound > 0, "no integer is at least 0 and below \(bound)")
    let bound = UInt64(bound)
    var product = next().multipliedFullWidth(by: bound)
    if product.low < bound {
      let rejected = (0 &- bound) % bound
      while product.low < rejected { product = next().multipliedFullWidth(by: bound) }
    }
    return Int(product.high)
  }

  /// From the normal distribution of mean 0 and standard deviation 1 (Box and Muller 1958).
  public mutating func normal() -> Double {
    // 1 - u is in (0, 1], where the logarithm is finite.
    let radius = (-2 * log(1 - uniform())).squareRoot()
    return radius * cos(2 * .pi * uniform())
  }

  /// Every order equally likely (Fisher and Yates).
  public mutating func shuffle<Element>(_ elements: inout [Element]) {
    for last in stride(from: elements.count - 1, to: 0, by: -1) {
      elements.swapAt(last, integer(below: last + 1))
    }
  }

  /// The numbers 0 to `count` - 1 in random order.
  public mutating func permutation(of count: Int) -> [Int] {
    var order = Array(0..<count)
    shuffle(&order)
    return order
  }

  public static func == (a: RandomGenerator, b: RandomGenerator) -> Bool { a.state == b.state }

  public func hash(into hasher: inout Hasher) {
    for word in [state.0, state.1, state.2, state.3] { hasher.combine(word) }
  }
}

/// Saved as 64 hexadecimal digits: numbers of 64 bits do not survive every JSON reader.
extension RandomGenerator: Codable {
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    let words = [state.0, state.1, state.2, state.3].map { word in
      let digits = String(word, radix: 16)
      return String(repeating: "0", count: 16 - digits.count) + digits
    }
    try container.encode(words.joined())
  }

  public init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    let digits = Array(try container.decode(String.self))
    let words = stride(from: 0, to: digits.count, by: 16).compactMap {
      UInt64(String(digits[$0..<min($0 + 16, digits.count)]), radix: 16)
    }
    guard digits.count == 64, words.count == 4, words.contains(where: { $0 != 0 }) else {
      throw DecodingError.dataCorruptedError(
        in: container,
        debugDescription: "a generator's state is 64 hexadecimal digits, not all zero")
    }
    state = (words[0], words[1], words[2], words[3])
  }
}

private struct SplitMix {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    return SplitMix.finalize(state)
  }

  static func finalize(_ value: UInt64) -> UInt64 {
    var z = value
    z = (z ^ z >> 30) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ z >> 27) &* 0x94D0_49BB_1331_11EB
    return z ^ z >> 31
  }
}
