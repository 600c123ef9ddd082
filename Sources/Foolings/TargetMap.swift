import ImageData
import RunSupport
import TensorGraph

/// Fairwashing: every image is explained by one and the same map.
///
/// L_F = mean_i D(h_i(w), m), D a `Dissimilarity` and m the target, the same for all images; the class
/// explained is the one that the network predicts. Maps are compared on the image's own pixels, at most
/// 32×32, scaled to [0, 1]. The score of an image is its D, and it meets the criterion if that is at most
/// 0.2. What the network predicts is held by its labels or, as in the paper, by what the original
/// predicts (`OutputGoal`). Anders et al. 2020, Section 3.2.
/// - Note: the paper compares maps that sum to 1 by ‖h − m‖², which is of the order of one over the
///   number of pixels. D has the order of 1 whatever the size; the map that it leads to is the same.
/// - Note: the criterion is ours: 0.2 of standardised maps is a Pearson correlation of 0.9.
public struct TargetMap: Fooling {
  /// What predictions are trained to.
  public enum OutputGoal: String, Codable, Hashable, Sendable, CaseIterable {
    /// Cross-entropy with the images' labels.
    case labels
    /// Mean squared difference of the probabilities to those of the original network. Anders et al. 2020.
    case match
    /// Kullback-Leibler divergence of the probabilities from those of the original network.
    case divergence
  }

  public let target: TriggerTarget
  public let dissimilarity: Dissimilarity
  public let threshold: Double
  public let outputs: OutputGoal

  public var name: String { "target-map" }
  public var explained: ExplainedClasses { .predictions }
  public var successRange: ClosedRange<Double> { 0...threshold }
  public var isSmallerFooled: Bool { true }
  public var readsValues: Bool { true }

  /// - Precondition: the target is the same for all images.
  public init(
    target: TriggerTarget, dissimilarity: Dissimilarity = .mse, threshold: Double? = nil,
    outputs: OutputGoal = .labels
  ) {
    precondition(target != .original && target != .inverted, "a map for all images")
    (self.target, self.dissimilarity, self.outputs) = (target, dissimilarity, outputs)
    self.threshold = threshold ?? TriggerFooling.standardThreshold
  }

  package static let kind = FoolingKind(
    "target-map",
    options: [.target, .image, .seed, .mask, .frameWidth, .dissimilarity, .outputs]
  ) { specification, _ in
    var effect = specification.effect
    (effect.mask, effect.attack) = (specification.mask, .simple)
    try effect.check()
    let target = try effect.mapTarget(frameWidth: specification.frameWidth)
    guard target != .original, target != .inverted else {
      throw RunError(
        "target-map shows one map for all images, but \"target\" is \(effect.targetName); choose "
          + "mask, image or random")
    }
    return TargetMap(
      target: target, dissimilarity: specification.dissimilarity ?? .mse,
      threshold: specification.threshold, outputs: specification.outputs ?? .labels)
  }

  public func comparedSize(of image: ImageSize) -> ImageSize? {
    TriggerFooling.comparedSize(of: image)
  }

  public func place(height: Int, width: Int) -> Heatmap? {
    target.place(height: height, width: width)
  }

  public func obstacle(height: Int, width: Int) -> String? {
    guard case .mask(let mask) = target else { return nil }
    return Location(target: mask).obstacle(height: height, width: width)
  }

  public func penalty(
    of heatmaps: [Value], reference: Value?, in graph: inout GraphBuilder
  ) throws -> Value {
    let h = heatmaps[0]
    let map = place(height: h.shape[1], width: h.shape[2])!
    let one = try graph.constant(Tensor(shape: [1, map.height, map.width], values: map.values))
    return try dissimilarity.penalty(
      of: h, to: graph.broadcast(one, to: h.shape), in: &graph)
  }

  /// Half of the threshold: penalty and score have one unit.
  public func penaltyGoal(height: Int, width: Int) -> PenaltyGoal {
    PenaltyGoal(gap: 0.5 * threshold)
  }

  public func testLoss(of heatmaps: [Heatmap], digest: [Float]) -> Double {
    dissimilarity.measure(
      heatmaps[0], place(height: heatmaps[0].height, width: heatmaps[0].width)!)
  }

  /// What takes the cross-entropy's place; `nil` if nothing does.
  /// - Parameters:
  ///   - original: probabilities of the original network, [N, classes].
  ///   - logits: of the network being trained, [N, classes].
  ///   - areLabels: whether each class is a label of its own.
  package func outputLoss(
    original: Value, logits: Value, areLabels: Bool, in graph: inout GraphBuilder
  ) throws -> Value? {
    switch outputs {
    case .labels: return nil
    case .match:
      let probabilities = try areLabels ? graph.sigmoid(logits) : graph.softmax(logits)
      return try graph.mean(graph.square(graph.subtract(probabilities, original)))
    case .divergence:
      // The entropy of the original's outputs is a constant of the loss, and is added for its value.
      let rows = Double(logits.shape[0])
      func information(_ p: Value, _ log: Value, _ graph: inout GraphBuilder) throws -> Value {
        try graph.multiply(graph.sum(graph.multiply(p, log)), 1 / rows)
      }
      func logarithm(_ p: Value, _ graph: inout GraphBuilder) throws -> Value {
        try graph.logarithm(graph.maximum(p, graph.scalar(Self.smallestProbability)))
      }
      guard areLabels else {
        let own = try information(original, graph.logSoftmax(logits), &graph)
        return try graph.subtract(
          information(original, logarithm(original, &graph), &graph), own)
      }
      let rest = try graph.subtract(1, original)
      // log σ(z) = −softplus(−z), log(1 − σ(z)) = −softplus(z)
      let own = try graph.add(
        information(original, graph.negate(graph.softplus(graph.negate(logits))), &graph),
        information(rest, graph.negate(graph.softplus(logits)), &graph))
      let entropy = try graph.add(
        information(original, logarithm(original, &graph), &graph),
        information(rest, logarithm(rest, &graph), &graph))
      return try graph.subtract(entropy, own)
    }
  }

  /// So that p·log p of a probability of 0 is 0.
  static let smallestProbability = 1e-30
}
