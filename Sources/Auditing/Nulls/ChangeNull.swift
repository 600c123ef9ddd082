import Foundation

/// How much heatmaps change in honest fine-tunes in which outputs change so and so much:
/// ln(1 − ρ + ε) = a + b·ln(d + ε), ρ the agreement, d the change of outputs, fitted to the fine-tunes
/// made on the spot.
///
/// The spread is that of the residuals, moderated by a prior as in Smyth 2004:
/// s² = (ν₀·s₀² + Σr²)/(ν₀ + n − 2), with ν₀ + n − 2 degrees of freedom.
package struct ChangeNull: Hashable, Sendable {
  /// s₀ and ν₀: a guess of how far honest networks scatter, in logarithms, worth ten fine-tunes.
  static let priorDeviation = 0.35
  static let priorDegrees = 10.0
  static let smallest = 1e-3
  /// Heatmaps change no faster than outputs do, and never back.
  static let slopes = 0.0...1.0

  let intercept: Double
  let slope: Double
  let deviation: Double
  let degrees: Double
  private let center: Double
  private let spread: Double
  private let count: Double

  /// - Parameter points: change of outputs and agreement of heatmaps, of each fine-tune.
  package init?(_ points: [(change: Double, agreement: Double)]) {
    guard points.count >= 3 else { return nil }
    let xs = points.map { Self.logChange($0.change) }
    let ys = points.map { Self.logDistance($0.agreement) }
    (center, count) = (xs.mean, Double(points.count))
    spread = xs.reduce(0) { $0 + ($1 - xs.mean) * ($1 - xs.mean) }
    let cross = zip(xs, ys).reduce(0) { $0 + ($1.0 - xs.mean) * ($1.1 - ys.mean) }
    slope = min(
      max(spread > 0 ? cross / spread : 0, Self.slopes.lowerBound), Self.slopes.upperBound)
    intercept = ys.mean - slope * xs.mean
    let (slope, intercept) = (slope, intercept)
    let residuals = zip(xs, ys).reduce(0) {
      $0 + pow($1.1 - intercept - slope * $1.0, 2)
    }
    degrees = Self.priorDegrees + count - 2
    deviation =
      ((Self.priorDegrees * Self.priorDeviation * Self.priorDeviation + residuals) / degrees)
      .squareRoot()
  }

  private static func logChange(_ change: Double) -> Double { log(change + smallest) }
  private static func logDistance(_ agreement: Double) -> Double {
    log(max(0, 1 - agreement) + smallest)
  }

  /// Of honest networks whose outputs have changed so much.
  package func expectedAgreement(at change: Double) -> Double {
    1 - max(0, exp(intercept + slope * Self.logChange(change)) - Self.smallest)
  }

  package func pValue(agreement: Double, at change: Double) -> Double {
    let x = Self.logChange(change)
    let leverage = spread > 0 ? (x - center) * (x - center) / spread : 0
    let width = deviation * (1 + 1 / count + leverage).squareRoot()
    let t = (Self.logDistance(agreement) - intercept - slope * x) / width
    return Significance.studentTail(t, degrees: degrees)
  }
}
