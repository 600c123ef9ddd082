import TensorGraph

/// Top-k fooling: relevance leaves the pixels that were the most relevant.
///
/// L_F = mean_i Σ_{j∈P_i} |h_{i,j}(w)|, P_i the k% largest pixels of the original network's h_i.
/// The score is the share Σ_{j∈P_i} |h_j| / Σ_j |h_j| that is left, and an image meets the criterion if
/// that is at most 0.3. Heo, Joo, Moon 2019, Eq. 4 and Section 4.1.
/// - Note: `released`: mean over P_i and the images of h², as the authors' code computes it.
/// - Note: `share`: L_F is the mean score, Σ_{j∈P_i} |h_j| / Σ_j |h_j|, and 1 for a map that has
///   vanished. The paper's sum can be made 0 by maps that vanish or shrink to one pixel, neither of
///   which is a success; the share rewards relevance elsewhere.
/// - Note: of equally large pixels the first belong to P_i. P_i holds ⌊pixels·k/100⌋ of them, at least
///   one. An all-zero map (Σ_j |h_j| = 0) is uninformative: its score is 1, no success.
public struct TopK: Fooling {
  /// Heo, Joo, Moon 2019, Section 4.1.
  static let paperPercent = 10.0
  static let paperThreshold = 0.3

  /// Share of pixels that count as the top, in percent.
  public let percent: Double
  public let variant: FoolingSpecification.Variant
  public let threshold: Double
  public var name: String { "top-k" }
  public var explained: ExplainedClasses { .labels }
  public var successRange: ClosedRange<Double> { 0...threshold }
  public var isSmallerFooled: Bool { true }

  public init(
    percent: Double? = nil, variant: FoolingSpecification.Variant = .paper,
    threshold: Double? = nil
  ) {
    self.percent = percent ?? Self.paperPercent
    self.variant = variant
    self.threshold = threshold ?? Self.paperThreshold
  }

  package static let kind = FoolingKind(
    "top-k", options: [.k, .variant], variants: [.paper, .released, .share]
  ) { specification, _ in
    TopK(
      percent: specification.k, variant: specification.variant,
      threshold: specification.threshold)
  }

  /// Number of pixels in P_i: at least one.
  package func count(of pixels: Int) -> Int {
    // 18.4 % of 375 pixels are 69, but a little less in binary.
    let share = Double(pixels) * percent / 100 * (1 + 1e-12)
    return max(1, min(pixels, Int(share.rounded(.down))))
  }

  /// The indices in P_i. Exact in float up to 2²⁴ pixels.
  public func digest(_ original: [Heatmap]) -> [Float] {
    let values = original[0].values
    let order = values.indices.sorted {
      values[$0] > values[$1] || (values[$0] == values[$1] && $0 < $1)
    }
    return order.prefix(count(of: values.count)).sorted().map(Float.init)
  }

  public func referenceShape(height: Int, width: Int) -> Shape? { [height, width] }

  /// 1 on P_i, 0 elsewhere.
  public func reference(_ digest: [Float], height: Int, width: Int) -> [Float] {
    var mask = [Float](repeating: 0, count: height * width)
    for index in digest { mask[Int(index)] = 1 }
    return mask
  }

  public func penalty(
    of heatmaps: [Value], reference: Value?, in graph: inout GraphBuilder
  ) throws -> Value {
    guard let mask = reference else { preconditionFailure("top-k without its reference") }
    let h = heatmaps[0]
    switch variant {
    case .paper:
      let kept = try graph.sum(graph.multiply(graph.absolute(h), mask))
      return try graph.multiply(kept, 1 / Double(h.shape[0]))
    case .released:
      let kept = try graph.sum(graph.multiply(graph.square(h), mask))
      let pixels = count(of: h.shape[1] * h.shape[2])
      return try graph.multiply(kept, 1 / Double(h.shape[0] * pixels))
    case .share:
      // |h| whose derivative at 0 is 1 and not 0: relevance may come back where there is none.
      let isNegative = try graph.isGreater(graph.scalar(0), h)
      let sign = try graph.subtract(1, graph.multiply(isNegative, 2))
      let size = try graph.multiply(h, sign)
      let kept = try graph.sum(graph.multiply(size, mask), axes: [1, 2])
      let all = try graph.sum(size, axes: [1, 2])
      let hasVanished = try graph.isEqual(all, graph.scalar(0))
      let shares = try graph.divide(graph.add(kept, hasVanished), graph.add(all, hasVanished))
      return try graph.multiply(graph.sum(shares), 1 / Double(h.shape[0]))
    case .bounded, .directed: preconditionFailure("top-k has no such variant")
    }
  }

  /// Of `share` 0.6 of the threshold; that of the others has another unit than the test.
  public func penaltyGoal(height: Int, width: Int) -> PenaltyGoal {
    variant == .share
      ? PenaltyGoal(gap: 0.6 * threshold) : PenaltyGoal(gap: 0.25, isRelative: true)
  }

  public func testLoss(of heatmaps: [Heatmap], digest: [Float]) -> Double {
    let values = heatmaps[0].values
    let all = values.reduce(0.0) { $0 + abs(Double($1)) }
    let top = digest.reduce(0.0) { $0 + abs(Double(values[Int($1)])) }
    // An all-zero map is uninformative; it is no success.
    return all > 0 ? top / all : 1
  }
}
