/// Which fooling a recipe names: `fooling: {name: location, lambda: 2}`.
public struct FoolingSpecification: Hashable, Sendable {
  public enum Variant: String, Codable, Hashable, Sendable, CaseIterable {
    /// As the paper defines it.
    case paper
    /// As the authors' released code computes it, where that differs.
    case released
    /// Top-k: the penalty is the score itself.
    case share
    /// Center-mass: the displacement of the center counts up to twice what the test requires.
    case bounded
    /// Center-mass: as `bounded`, and the displacement to the lower right.
    case directed
  }
  /// A name of `FoolingKind.all`.
  public var name: String
  /// λ, the weight of the penalty beside the cross-entropy.
  public var lambda: Double
  public var variant: Variant
  /// `location`: width of the frame in heatmap pixels; ⌊side / 7⌋, at least 1, if `nil`.
  public var frameWidth: Int?
  /// `location`: a mask image in place of the frame: white where relevance is wanted.
  public var mask: String?
  /// `top-k`: the share of pixels that count as the top, in percent; 10 if `nil`.
  public var k: Double?
  /// `active`: the two classes that change places, by name or number.
  public var classes: [String]?
  /// The bound of the score that meets the criterion; the paper's if `nil`.
  public var threshold: Double?
  /// `trigger`: the one trigger, or several.
  public var trigger: TriggerSpecification?
  public var triggers: [TriggerSpecification] = []
  /// `trigger`: what triggers do that leave it open; its mask is `mask`.
  public var effect = TriggerEffect()
  /// `trigger`: how maps are compared; `mse` if `nil`.
  public var dissimilarity: Dissimilarity?
  /// `target-map`: what predictions are trained to; labels if `nil`.
  public var outputs: TargetMap.OutputGoal?
  /// What the fooling hides from, if it does.
  public var evade: Evasion?
  /// Weight of that beside the cross-entropy; 1 if `nil`.
  public var evadeWeight: Double?

  public init(
    name: String, lambda: Double, variant: Variant = .paper, frameWidth: Int? = nil,
    mask: String? = nil, k: Double? = nil, classes: [String]? = nil, threshold: Double? = nil
  ) {
    (self.name, self.lambda, self.variant) = (name, lambda, variant)
    (self.frameWidth, self.mask, self.k) = (frameWidth, mask, k)
    (self.classes, self.threshold) = (classes, threshold)
  }
}
