import Pictures

/// mean_j (s(a)_j − s(b)_j)², s(h) = (h − mean h) / √(var h + 1e-5): 2 − 2ρ for maps that vary, ρ being
/// Pearson's correlation, so 0 for like maps, 2 for unrelated ones and 4 for opposite ones. Noppel,
/// Peter, Wressnegger 2023, Section 3.
///
/// Maps are expected in [0, 1]; the summand is theirs. A constant map is 0 everywhere when standardised,
/// and its distance to a map that varies is 1.
public struct StandardizedError: SimilarityMeasure {
  public static let stabilizer = 1e-5  // Noppel et al. 2023, released code

  public var name: String { "standardizedMSE" }
  public var title: String { "MSE, standardised" }
  public var growsWithLikeness: Bool { false }
  public init() {}

  public func callAsFunction(_ a: Heatmap, _ b: Heatmap) -> Double {
    checkSizes(a, b)
    let (x, y) = (Self.standardized(a.values), Self.standardized(b.values))
    let sum = zip(x, y).reduce(0.0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
    return sum / Double(max(x.count, 1))
  }

  private static func standardized(_ values: [Float]) -> [Double] {
    let count = Double(max(values.count, 1))
    let mean = values.reduce(0.0) { $0 + Double($1) } / count
    let variance = values.reduce(0.0) { $0 + (Double($1) - mean) * (Double($1) - mean) } / count
    let scale = 1 / (variance + stabilizer).squareRoot()
    return values.map { (Double($0) - mean) * scale }
  }
}
