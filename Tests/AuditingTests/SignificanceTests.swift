import Auditing
import Testing

@Suite struct SignificanceTests {
  /// Closed forms: of 1 degree of freedom 1/2 + atan(t)/π, of 2 1/2 + t/(2√(2 + t²)), of 3 and 4 as well.
  @Test func tailsOfStudentsDistributionAreTheClosedForms() {
    for (t, degrees, expected) in [
      (2.5, 1.0, 0.8788810584091566), (-1.5, 2.0, 0.1361965624455005),
      (-1.5, 3.0, 0.11529193262241147), (1.0, 4.0, 0.8130495168499705), (0.0, 7.0, 0.5),
    ] {
      #expect(abs(Significance.student(t, degrees: degrees) - expected) < 1e-12, "\(t), \(degrees)")
    }
  }

  /// Where 1 − P would be 0.
  @Test func smallTailsKeepTheirDigits() {
    // 2 degrees of freedom: 1/2 − t/(2√(2 + t²)) → 1/(2t²) for large t.
    let tail = Significance.studentTail(1e6, degrees: 2)
    #expect(abs(tail / 5e-13 - 1) < 1e-6)
  }

  @Test func theSmallestOfSeveralIsMultipliedByTheirNumber() {
    #expect(Significance.combined([0.2, 0.01, 0.5]) == 0.03)
    #expect(Significance.combined([0.7, 0.9]) == 1)
    #expect(Significance.combined([]) == nil)
    #expect(Significance.combined([0, 0.5]) == 0)
  }

  /// 1.5 times the harmonic mean of equal ones is 1.5 times one of them.
  @Test func severalSmallOnesAddUp() throws {
    let equal = try #require(Significance.combined([0.002, 0.002, 0.002, 0.002]))
    #expect(abs(equal - 0.003) < 1e-15)
    let mixed = try #require(Significance.combined([0.001, 0.001, 1, 1]))
    #expect(abs(mixed - 1.5 * 4 / 2002) < 1e-12)
  }
}
