import Foundation

/// How far honest fine-tunes of the original, made on the spot, go in some respect, by how much their outputs
/// change: ln(y + ε) = a + b·ln(d + ε), y the distance, d the change of outputs.
///
/// The spread is that of the residuals, moderated by a prior as in Smyth 2004:
/// s² = (ν₀·s₀² + Σr²)/(ν₀ + n − 2), with ν₀ + n − 2 degrees of freedom.
package struct ChangeNull: Hashable, Sendable {
  /// s₀ and ν₀: a guess of how far honest networks scatter, in logarithms, worth ten fine-tunes.
  package static let priorDeviation = 0.35
  static let priorDegrees = 10.0
  static let smallest = 1e-3
  /// What is measured changes no faster than outputs do, and never back.
  static let slopes = 0.0...1.0

  let intercept: Double
  let slope: Double
  let deviation: Double
  let degrees: Double
  private let center: Double
  private let spread: Double
  private let count: Double

  /// - Parameters:
  ///   - points: change of outputs and distance, of each fine-tune.
  ///   - priorDeviation: s₀.
  package init?(
    _ points: [(change: Double, distance: Double)],
    priorDeviation: Double = ChangeNull.priorDeviation
  ) {
    guard points.count >= 3 else { return nil }
    let xs = points.map { Self.logarithm($0.change) }
    let ys = points.map { Self.logarithm($0.distance) }
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
      ((Self.priorDegrees * priorDeviation * priorDeviation + residuals) / degrees).squareRoot()
  }

  private static func logarithm(_ value: Double) -> Double { log(max(0, value) + smallest) }

  /// Of honest networks whose outputs have changed so much.
  package func expectedDistance(at change: Double) -> Double {
    max(0, exp(intercept + slope * Self.logarithm(change)) - Self.smallest)
  }

  /// - Returns: the probability of a distance at least as large, if outputs have changed so much.
  package func pValue(distance: Double, at change: Double) -> Double {
    let x = Self.logarithm(change)
    let leverage = spread > 0 ? (x - center) * (x - center) / spread : 0
    let width = deviation * (1 + 1 / count + leverage).squareRoot()
    let t = (Self.logarithm(distance) - intercept - slope * x) / width
    return Significance.studentTail(t, degrees: degrees)
  }
}
