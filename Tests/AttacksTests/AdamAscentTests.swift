import Attacks
import Testing

@Suite struct AdamAscentTests {
  /// Kingma and Ba's Algorithm 1 by hand: the first step is α·sign.
  @Test func stepsAreThoseOfThePaper() {
    var adam = AdamAscent(samples: 3)
    let first = adam.step(along: [4, -0.5, 0], learningRate: 0.1)
    #expect(abs(first[0] - 0.1) < 1e-6 && abs(first[1] + 0.1) < 1e-6 && first[2] == 0)
    // m̂ = (0.9·0.4 + 0.1·1)/0.19, v̂ = (0.999·0.016 + 0.001)/0.001999.
    let second = adam.step(along: [1, 0, 0], learningRate: 0.1)
    let expected = Float(0.1 * (0.46 / 0.19) / (0.016984 / 0.001999).squareRoot())
    #expect(abs(second[0] - expected) < 1e-6)
    #expect(adam.step(along: [.nan, 0, 0], learningRate: 0.1) == [0, 0, 0])
  }
}
