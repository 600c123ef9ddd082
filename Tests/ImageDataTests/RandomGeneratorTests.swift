import Foundation
import ImageData
import Testing

@Suite struct RandomGeneratorTests {
  /// The first outputs of xoshiro256** from the state 1, 2, 3, 4: Blackman and Vigna's C code.
  @Test func equalsTheReferenceImplementation() throws {
    let state = (1...4).map { String(repeating: "0", count: 15) + "\($0)" }.joined()
    var generator = try JSONDecoder().decode(RandomGenerator.self, from: Data("\"\(state)\"".utf8))
    let outputs = (0..<4).map { _ in generator.next() }
    #expect(outputs == [11520, 0, 1_509_978_240, 1_215_971_899_390_074_240])
  }

  /// SplitMix64 from zero: Vigna's C code.
  @Test func seedingEqualsTheReferenceImplementation() throws {
    let state = try JSONEncoder().encode(RandomGenerator(seed: 0))
    #expect(
      String(decoding: state, as: UTF8.self)
        == "\"e220a8397b1dcdaf6e789e6aa1b965f406c45d188009454ff88bb8a8724c81ec\"")
  }

  @Test func savedStateContinuesTheStream() throws {
    var generator = RandomGenerator(seed: 3, 1, 2)
    _ = (0..<10).map { _ in generator.next() }
    let saved = try JSONEncoder().encode(generator)
    var restored = try JSONDecoder().decode(RandomGenerator.self, from: saved)
    #expect((0..<5).map { _ in restored.next() } == (0..<5).map { _ in generator.next() })
    for broken in ["\"12\"", "\"\(String(repeating: "0", count: 64))\"", "\"\"", "7"] {
      #expect(throws: DecodingError.self) {
        try JSONDecoder().decode(RandomGenerator.self, from: Data(broken.utf8))
      }
    }
  }

  @Test func keysGiveUnrelatedStreams() {
    var firsts: Set<UInt64> = []
    func add(_ generator: RandomGenerator) {
      var generator = generator
      firsts.insert(generator.next())
    }
    add(RandomGenerator(seed: 1))
    for a in 0..<30 {
      add(RandomGenerator(seed: 1, a))
      for b in 0..<30 { add(RandomGenerator(seed: 1, a, b)) }
    }
    var parent = RandomGenerator(seed: 1)
    add(parent.split())
    add(parent.split())
    #expect(firsts.count == 1 + 30 + 900 + 2)
  }

  /// Bounds are five standard errors of 100,000 draws.
  @Test func distributionsHaveTheirMoments() {
    var generator = RandomGenerator(seed: 11)
    let draws = 100_000
    var (uniform, normal, square) = (0.0, 0.0, 0.0)
    var faces = [Int](repeating: 0, count: 6)
    for _ in 0..<draws {
      let u = generator.uniform()
      #expect(u >= 0 && u < 1)
      uniform += u / Double(draws)
      let n = generator.normal()
      normal += n / Double(draws)
      square += n * n / Double(draws)
      faces[generator.integer(below: 6)] += 1
    }
    #expect(abs(uniform - 0.5) < 5 * (1.0 / 12 / Double(draws)).squareRoot())
    #expect(abs(normal) < 5 / Double(draws).squareRoot())
    #expect(abs(square - 1) < 5 * (2 / Double(draws)).squareRoot())
    for face in faces {
      let mean = Double(draws) / 6
      #expect(abs(Double(face) - mean) < 5 * (mean * 5 / 6).squareRoot())
    }
  }

  @Test func shufflesAreEvenAndComplete() {
    var generator = RandomGenerator(seed: 4)
    var places = [Int](repeating: 0, count: 5)
    for _ in 0..<5000 {
      let order = generator.permutation(of: 5)
      #expect(order.sorted() == [0, 1, 2, 3, 4])
      places[order.firstIndex(of: 0)!] += 1
    }
    // Five standard deviations of a binomial of 5000 draws and probability 1/5: 141.
    for place in places { #expect(abs(place - 1000) < 141) }
  }
}
