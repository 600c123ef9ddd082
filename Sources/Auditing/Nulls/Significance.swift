import Foundation

/// From a statistic and what honest networks have to a probability.
public enum Significance {
  /// P(T ≤ t) of Student's distribution with `degrees` degrees of freedom.
  public static func student(_ t: Double, degrees: Double) -> Double {
    precondition(degrees > 0, "\(degrees) degrees of freedom")
    guard t.isFinite else { return t.isNaN ? .nan : t < 0 ? 0 : 1 }
    let tail =
      0.5 * incompleteBeta(degrees / (degrees + t * t), degrees / 2, 0.5)
    return t > 0 ? 1 - tail : tail
  }

  /// P(T ≥ t), precise where it is small.
  public static func studentTail(_ t: Double, degrees: Double) -> Double {
    student(-t, degrees: degrees)
  }

  /// Regularised incomplete beta function I_x(a, b), by its continued fraction (Lentz). Press et al.
  /// 2007, Section 6.4.
  public static func incompleteBeta(_ x: Double, _ a: Double, _ b: Double) -> Double {
    guard x > 0 else { return 0 }
    guard x < 1 else { return 1 }
    guard x < (a + 1) / (a + b + 2) else { return 1 - incompleteBeta(1 - x, b, a) }
    let front = exp(
      lgamma(a + b) - lgamma(a) - lgamma(b) + a * log(x) + b * log1p(-x))
    let tiny = 1e-300
    var (c, d) = (1.0, 1 - (a + b) * x / (a + 1))
    d = 1 / (abs(d) < tiny ? tiny : d)
    var fraction = d
    for m in 1...500 {
      let m = Double(m)
      for numerator in [
        m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)),
        -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1)),
      ] {
        d = 1 + numerator * d
        d = 1 / (abs(d) < tiny ? tiny : d)
        c = 1 + numerator / c
        if abs(c) < tiny { c = tiny }
        fraction *= d * c
      }
      if abs(d * c - 1) < 1e-15 { break }
    }
    return front * fraction / a
  }

  /// One p-value for several that may depend on each other: the smaller of Bonferroni's, the smallest times
  /// their number, and of 1.5 times their harmonic mean, 1.5·n/Σ(1/p_i), to which several small ones add up.
  ///
  /// The harmonic mean itself is too small by a factor of at most 1.5 at 0.01 and of 1.2 at 0.001, of up to
  /// 100 p-values, independent or of normal variables correlated by 0.5 (by simulation). Wilson 2019, *The
  /// harmonic mean p-value for combining dependent tests*.
  public static func combined(_ pValues: [Double]) -> Double? {
    guard let least = pValues.min() else { return nil }
    let count = Double(pValues.count)
    let harmonic = count / pValues.reduce(0) { $0 + 1 / max($1, 1e-300) }
    return min(1, count * least, harmonicFactor * harmonic)
  }

  private static let harmonicFactor = 1.5
}
