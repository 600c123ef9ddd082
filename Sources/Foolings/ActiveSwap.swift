import RunSupport
import Similarity
import TensorGraph

/// Active fooling: on images that show two classes, their explanations change places.
///
/// L_F = (1/2n)·Σ_i (1/d_h)(‖h_{c₁}(w) − h_{c₂}(w₀)‖² + ‖h_{c₂}(w) − h_{c₁}(w₀)‖²) over D_fool. The
/// score is s(c₁, c₂) − s(c₁, c₁), s(c, c′) the Spearman rank correlation of h_c(w) and
/// h_{c′}(w₀), and an image meets the criterion if that lies in [0.5, 2]. Heo, Joo, Moon 2019, Eq. 6.
/// - Note: a correlation with a constant map is not defined and counts as 0.
/// - Note: `released`: at a target layer the authors' code sums heatmaps over their height by
///   accident before it compares them; so does this variant, for any heatmap, and d_h is then the
///   width.
public struct ActiveSwap: Fooling {
  /// Heo, Joo, Moon 2019, Section 4.1.
  static let paperThreshold = 0.5

  public let first: Int
  public let second: Int
  public let variant: FoolingSpecification.Variant
  /// Smallest score that meets the criterion.
  public let threshold: Double
  public var name: String { "active" }
  public var explained: ExplainedClasses { .pair(first, second) }
  public var successRange: ClosedRange<Double> { threshold...max(2, threshold) }
  public var isSmallerFooled: Bool { false }

  public init(
    first: Int, second: Int, variant: FoolingSpecification.Variant = .paper,
    threshold: Double? = nil
  ) {
    (self.first, self.second, self.variant) = (first, second, variant)
    self.threshold = threshold ?? Self.paperThreshold
  }

  package static let kind = FoolingKind(
    "active", options: [.classes, .variant], variants: [.paper, .released]
  ) {
    specification, classNames in
    guard let names = specification.classes, names.count == 2 else {
      throw RunError("active fooling needs two classes, e.g. classes: [church, parachute]")
    }
    let indices = try names.map { name throws(RunError) in
      try classIndex(of: name, among: classNames)
    }
    guard indices[0] != indices[1] else {
      throw RunError("active fooling needs two different classes, \"\(names[0])\" is given twice")
    }
    return ActiveSwap(
      first: indices[0], second: indices[1], variant: specification.variant,
      threshold: specification.threshold)
  }

  /// Both original maps, one after the other.
  public func digest(_ original: [Heatmap]) -> [Float] { original[0].values + original[1].values }

  public func referenceShape(height: Int, width: Int) -> Shape? { [2, height, width] }

  public func penalty(
    of heatmaps: [Value], reference: Value?, in graph: inout GraphBuilder
  ) throws -> Value {
    guard let original = reference else { preconditionFailure("active without its reference") }
    var total: Value?
    for (index, h) in heatmaps.enumerated() {
      // The first class is to look like the second did, and the other way round.
      let other = 1 - index
      let before = try graph.reshape(
        graph.slice(original, axis: 1, other..<other + 1), to: h.shape)
      var difference = try graph.subtract(h, before)
      if variant == .released { difference = try graph.sum(difference, axes: [1]) }
      let term = try graph.mean(graph.square(difference))
      total = try total.map { try graph.add($0, term) } ?? term
    }
    return try graph.multiply(total!, 0.5)
  }

  public func testLoss(of heatmaps: [Heatmap], digest: [Float]) -> Double {
    let pixels = heatmaps[0].values.count
    let (own, other) = (Array(digest[..<pixels]), Array(digest[pixels...]))
    let now = heatmaps[0].values
    return spearmanCorrelation(now, other) - spearmanCorrelation(now, own)
  }
}
