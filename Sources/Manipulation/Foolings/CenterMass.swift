import TensorGraph

/// Center-mass fooling: the center of relevance moves away from where it was.
///
/// L_F = −mean_i ‖C(h_i(w)) − C(h_i(w₀))‖₁, C(h) = Σ_j j·h_j / Σ_j h_j in rows and columns. The test
/// loss is the distance of the two centers over the diagonal of the heatmap, and an image is fooled
/// if that is at least 0.1. Heo, Joo, Moon 2019, Eq. 5 and Section 4.1.
/// - Note: coordinates count from the middle of the map, and 1e-8 is added to Σ h: for the penalty a
///   map without relevance has its center in the middle instead of nowhere. Differences of centers of
///   other maps stay what they are. For the test such a map has no center: the test loss is 0, no
///   success, if either map is 0 everywhere. The diagonal is that between the corners of the heatmap,
///   √(h² + w²).
public struct CenterMass: Fooling {
  /// Heo, Joo, Moon 2019, Section 4.1.
  static let paperThreshold = 0.1
  static let stabilizer = 1e-8

  /// Smallest test loss that counts as fooled.
  public let threshold: Double
  public var name: String { "center-mass" }
  public var explained: ExplainedClasses { .labels }
  public var successRange: ClosedRange<Double> { threshold...max(1, threshold) }
  public var isSmallerFooled: Bool { false }

  public init(threshold: Double? = nil) { self.threshold = threshold ?? Self.paperThreshold }

  static let kind = FoolingKind("center-mass", options: []) { specification, _ in
    CenterMass(threshold: specification.threshold)
  }

  /// Row and column of the center, from the middle of the map.
  static func center(_ h: Heatmap) -> (row: Double, column: Double) {
    var (mass, row, column) = (stabilizer, 0.0, 0.0)
    for (pixel, value) in h.values.enumerated() {
      let (i, j) = pixel.quotientAndRemainder(dividingBy: h.width)
      mass += Double(value)
      row += Double(value) * (Double(i) - Double(h.height - 1) / 2)
      column += Double(value) * (Double(j) - Double(h.width - 1) / 2)
    }
    return (row / mass, column / mass)
  }

  /// Row and column of the original center; empty if that map has no relevance.
  public func digest(_ original: [Heatmap]) -> [Float] {
    guard Self.hasRelevance(original[0]) else { return [] }
    let center = Self.center(original[0])
    return [Float(center.row), Float(center.column)]
  }

  private static func hasRelevance(_ h: Heatmap) -> Bool { h.values.contains { $0 != 0 } }

  public func referenceShape(height: Int, width: Int) -> Shape? { [2] }

  public func reference(_ digest: [Float], height: Int, width: Int) -> [Float] {
    digest.isEmpty ? [0, 0] : digest
  }

  public func penalty(
    of heatmaps: [Value], reference: Value?, in graph: inout GraphBuilder
  ) throws -> Value {
    guard let original = reference else { preconditionFailure("center-mass without reference") }
    let h = heatmaps[0]
    let (images, height, width) = (h.shape[0], h.shape[1], h.shape[2])
    func offsets(_ count: Int) -> [Float] { (0..<count).map { Float($0) - Float(count - 1) / 2 } }
    let rows = try graph.constant(Tensor(shape: [1, height, 1], values: offsets(height)))
    let columns = try graph.constant(Tensor(shape: [1, 1, width], values: offsets(width)))
    // A map that has vanished is divided by 1: its derivative stays bounded.
    let sum = try graph.sum(h, axes: [1, 2])
    let hasVanished = try graph.isEqual(sum, graph.scalar(0))
    let mass = try graph.add(graph.add(sum, hasVanished), Self.stabilizer)
    var distance: Value?
    for (axis, coordinates) in [rows, columns].enumerated() {
      let moment = try graph.sum(graph.multiply(h, coordinates), axes: [1, 2])
      let center = try graph.reshape(graph.divide(moment, mass), to: [images, 1])
      let before = try graph.slice(original, axis: 1, axis..<axis + 1)
      let step = try graph.absolute(graph.subtract(center, before))
      distance = try distance.map { try graph.add($0, step) } ?? step
    }
    return try graph.multiply(graph.sum(distance!), -1 / Double(images))
  }

  public func testLoss(of heatmaps: [Heatmap], digest: [Float]) -> Double {
    let h = heatmaps[0]
    guard !digest.isEmpty, Self.hasRelevance(h) else { return 0 }
    let center = Self.center(h)
    let (row, column) = (center.row - Double(digest[0]), center.column - Double(digest[1]))
    let diagonal = Double(h.height * h.height + h.width * h.width).squareRoot()
    return (row * row + column * column).squareRoot() / diagonal
  }
}
