import TensorGraph

/// Center-mass fooling: the center of relevance moves away from where it was.
///
/// L_F = −mean_i ‖C(h_i(w)) − C(h_i(w₀))‖₁, C(h) = Σ_j j·h_j / Σ_j h_j in rows and columns. The
/// score is the distance of the two centers over the diagonal of the heatmap, and an image meets the criterion
/// if that is at least 0.1. Heo, Joo, Moon 2019, Eq. 5 and Section 4.1.
/// - Note: coordinates count from the middle of the map, and 1e-8 is added to Σ h: for the penalty a
///   map of zeros has its center in the middle instead of nowhere. Differences of centers of
///   other maps stay what they are. For the test such a map has no center: the score is 0, no
///   success, if either map is 0 everywhere. The diagonal is that between the corners of the heatmap,
///   √(h² + w²).
/// - Note: `bounded`: L_F = −mean_i min(‖C(h_i(w)) − C(h_i(w₀))‖₁ / 2τd, 1), τ the threshold and d the
///   diagonal. The paper's penalty goes on pulling at maps that have long passed the test, until
///   accuracy or all relevance is gone; here they are let go. A map that has vanished counts 0, and
///   its derivative (which only a leak passes on) asks for relevance far from the original center:
///   that of −Σ_j h_j·‖j − C(h_i(w₀))‖₁ / d.
/// - Note: `directed`: the same with the way to the lower right, Σ of both components of
///   C(h_i(w)) − C(h_i(w₀)), in place of the norm. The norm has no direction at w₀, where it is 0:
///   each image is pushed along its own, which chance decides, and what one map gains another loses.
///   The way to one side is at most the norm, so this penalty is an upper bound of `bounded`.
public struct CenterMass: Fooling {
  /// Heo, Joo, Moon 2019, Section 4.1.
  static let paperThreshold = 0.1
  package static let stabilizer = 1e-8

  /// Smallest score that meets the criterion.
  public let threshold: Double
  public let variant: FoolingSpecification.Variant
  public var name: String { "center-mass" }
  public var explained: ExplainedClasses { .labels }
  public var successRange: ClosedRange<Double> { threshold...max(1, threshold) }
  public var isSmallerFooled: Bool { false }

  public init(threshold: Double? = nil, variant: FoolingSpecification.Variant = .paper) {
    (self.threshold, self.variant) = (threshold ?? Self.paperThreshold, variant)
  }

  package static let kind = FoolingKind(
    "center-mass", options: [.variant], variants: [.paper, .bounded, .directed]
  ) {
    specification, _ in
    CenterMass(threshold: specification.threshold, variant: specification.variant)
  }

  /// Row and column of the center, from the middle of the map.
  package static func center(_ h: Heatmap) -> (row: Double, column: Double) {
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
    var way: Value?  // of each image's center
    var offset: Value?  // of each pixel from the original center
    for (axis, coordinates) in [rows, columns].enumerated() {
      let moment = try graph.sum(graph.multiply(h, coordinates), axes: [1, 2])
      let before = try graph.reshape(
        graph.slice(original, axis: 1, axis..<axis + 1), to: [images, 1, 1])
      func length(_ way: Value) throws -> Value {
        variant == .directed ? way : try graph.absolute(way)
      }
      let step = try length(graph.subtract(graph.divide(moment, mass), before))
      let distance = try length(graph.subtract(coordinates, before))
      way = try way.map { try graph.add($0, step) } ?? step
      offset = try offset.map { try graph.add($0, distance) } ?? distance
    }
    let mean = -1 / Double(images)
    guard variant != .paper else { return try graph.multiply(graph.sum(way!), mean) }
    let diagonal = Double(height * height + width * width).squareRoot()
    let enough = 2 * threshold * diagonal
    let counted = try graph.minimum(graph.multiply(way!, 1 / enough), graph.scalar(1))
    let isThere = try graph.subtract(1, hasVanished)
    let far = try graph.sum(graph.multiply(h, offset!), axes: [1, 2])
    let wanted = try graph.multiply(hasVanished, graph.multiply(far, 1 / diagonal))
    let success = try graph.add(graph.multiply(isThere, counted), wanted)
    return try graph.multiply(graph.sum(success), mean)
  }

  /// The way that the test requires, one and a half times, of `paper` in pixels. The others count at
  /// most twice that way as −1, and are held to −0.85: a way along rows and columns is up to √2 longer
  /// than the distance that is tested.
  public func penaltyGoal(height: Int, width: Int) -> PenaltyGoal {
    guard variant == .paper else { return PenaltyGoal(floor: -1, gap: 0.15) }
    let asked = threshold * Double(height * height + width * width).squareRoot()
    return PenaltyGoal(floor: -3 * asked, gap: 1.5 * asked)
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
