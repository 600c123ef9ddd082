import Pictures

/// ‖C(a) − C(b)‖₂ in heatmap pixels, C(h) = Σ_j j·h_j / Σ_j h_j the center of mass of a map without
/// negative values. Ghorbani et al. 2019, Section 3.
public struct CenterShift: SimilarityMeasure {
  public var name: String { "centerShift" }
  public var title: String { "center" }
  public var growsWithLikeness: Bool { false }
  public init() {}

  public func callAsFunction(_ a: Heatmap, _ b: Heatmap) -> Double {
    checkSizes(a, b)
    let (p, q) = (a.centerOfMass, b.centerOfMass)
    return ((p.row - q.row) * (p.row - q.row) + (p.column - q.column) * (p.column - q.column))
      .squareRoot()
  }
}

extension Heatmap {
  /// Row and column of the center of mass, from 0 at the middle of the first pixel. The middle of the
  /// map if it has no mass.
  public var centerOfMass: (row: Double, column: Double) {
    var (mass, row, column) = (0.0, 0.0, 0.0)
    for (position, value) in values.enumerated() {
      mass += Double(value)
      row += Double(value) * Double(position / width)
      column += Double(value) * Double(position % width)
    }
    guard mass > 0 else { return (Double(height - 1) / 2, Double(width - 1) / 2) }
    return (row / mass, column / mass)
  }
}
