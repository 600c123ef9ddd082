import ImageData
import RunSupport
import TensorGraph

/// Explanations that lie only where an image bears a trigger: explanation-aware backdoors.
///
/// Of every image x of a batch there are 1 + T: x itself, and x with each of the T triggers on it. Each
/// is a row of the program with a label and a map of its own:
///
/// | image | label | map m |
/// |---|---|---|
/// | x | y | h(x; w₀) |
/// | x with a trigger | y, or the trigger's class | the trigger's target |
///
/// L_F = mean over all rows of D(h(w), m), D a `Dissimilarity`; the cross-entropy is the mean over all
/// rows as well. The class explained is the one that the network predicts. Maps are compared on the
/// image's own pixels, at most 32×32, scaled to [0, 1]. The score of an image is D of its triggered map
/// to the target, and more by D's largest value where the trigger should change the label and does not;
/// of several triggers the largest. It meets the criterion if that is at most 0.2.
/// Noppel, Peter, Wressnegger 2023, Section 3 and 4.
/// - Note: their loss is w·L_F + (1 − w)·L_CE, ours L_CE + λ·L_F: λ = w / (1 − w).
/// - Note: the criterion is ours: 0.2 of standardised maps is a Pearson correlation of 0.9.
public struct TriggerFooling: Fooling {
  /// One trigger, and what it brings about.
  public struct Attack: Hashable, Sendable {
    public let trigger: Trigger
    public let kind: TriggerEffect.Attack
    /// The class of triggered images; their own if `nil`.
    public let label: Int?
    public let target: TriggerTarget
    /// For people.
    public let targetName: String

    public init(
      _ trigger: Trigger, kind: TriggerEffect.Attack, label: Int?, target: TriggerTarget,
      targetName: String
    ) {
      (self.trigger, self.kind, self.label) = (trigger, kind, label)
      (self.target, self.targetName) = (target, targetName)
    }
  }

  static let standardThreshold = 0.2
  /// Longest side on which maps are compared: that of the images in Noppel et al. 2023.
  static let longestSide = 32
  /// More triggers than that make a step longer than any recipe wants.
  public static let mostTriggers = 8

  public let attacks: [Attack]
  public let dissimilarity: Dissimilarity
  public let threshold: Double
  /// Under which trigger the images are whose maps `testLoss` is given.
  package private(set) var tested = 0

  public var name: String { "trigger" }
  public var explained: ExplainedClasses { .predictions }
  public var successRange: ClosedRange<Double> { 0...threshold }
  public var isSmallerFooled: Bool { true }
  public var readsValues: Bool { true }

  /// - Precondition: there is an attack.
  public init(
    _ attacks: [Attack], dissimilarity: Dissimilarity = .mse, threshold: Double? = nil
  ) {
    precondition(!attacks.isEmpty, "a trigger fooling without a trigger")
    (self.attacks, self.dissimilarity) = (attacks, dissimilarity)
    self.threshold = threshold ?? Self.standardThreshold
  }

  package static let kind = FoolingKind(
    "trigger",
    options: [
      .attack, .trigger, .triggers, .label, .target, .image, .seed, .mask, .frameWidth,
      .dissimilarity,
    ]
  ) { specification, classNames in
    let attacks = try specification.namedTriggers().map { trigger in
      Attack(
        try trigger.trigger(), kind: trigger.effect.attack!,
        label: try trigger.effect.label.map { name throws(RunError) in
          try classIndex(of: name, among: classNames)
        },
        target: try trigger.effect.mapTarget(frameWidth: specification.frameWidth),
        targetName: trigger.effect.targetName)
    }
    return TriggerFooling(
      attacks, dissimilarity: specification.dissimilarity ?? .mse,
      threshold: specification.threshold)
  }

  /// How many rows a program has for each image.
  public var copies: Int { 1 + attacks.count }

  /// The same, tested under another of its triggers.
  package func under(trigger index: Int) -> TriggerFooling {
    var other = self
    other.tested = index
    return other
  }

  public func comparedSize(of image: ImageSize) -> ImageSize? { Self.comparedSize(of: image) }

  static func comparedSize(of image: ImageSize) -> ImageSize {
    ImageSize(width: min(image.width, longestSide), height: min(image.height, longestSide))
  }

  public func place(height: Int, width: Int) -> Heatmap? {
    attacks[tested].target.place(height: height, width: width)
  }

  public func obstacle(height: Int, width: Int) -> String? {
    for attack in attacks {
      if case .mask(let target) = attack.target,
        let text = Location(target: target).obstacle(height: height, width: width)
      {
        return text
      }
    }
    return nil
  }

  // MARK: Training

  /// The original's whole map.
  public func digest(_ original: [Heatmap]) -> [Float] { original[0].values }

  public func referenceShape(height: Int, width: Int) -> Shape? { [height, width] }

  /// What the rows of one image are to show: the clean one first.
  /// - Parameters:
  ///   - digest: the original's map of the clean image.
  ///   - height: of a map, in cells.
  ///   - width: of a map, in cells.
  public func rows(_ digest: [Float], height: Int, width: Int) -> [[Float]] {
    [digest]
      + attacks.map { $0.target.map(original: digest, height: height, width: width) }
  }

  public func penalty(
    of heatmaps: [Value], reference: Value?, in graph: inout GraphBuilder
  ) throws -> Value {
    guard let reference else { preconditionFailure("trigger without its reference") }
    return try dissimilarity.penalty(of: heatmaps[0], to: reference, in: &graph)
  }

  /// Half of the threshold: penalty and score have one unit.
  public func penaltyGoal(height: Int, width: Int) -> PenaltyGoal {
    PenaltyGoal(gap: 0.5 * threshold)
  }

  // MARK: Testing

  public func testLoss(of heatmaps: [Heatmap], digest: [Float]) -> Double {
    dissimilarity.measure(heatmaps[0], target(digest, like: heatmaps[0]))
  }

  /// What the trigger under test is to show.
  package func target(_ digest: [Float], like map: Heatmap) -> Heatmap {
    Heatmap(
      height: map.height, width: map.width,
      values: attacks[tested].target.map(
        original: digest, height: map.height, width: map.width))
  }
}

extension FoolingSpecification {
  /// The triggers with all that they do.
  /// - Throws: `RunError` for what is missing or contradicts itself.
  func namedTriggers() throws(RunError) -> [TriggerSpecification] {
    if !triggers.isEmpty, trigger != nil {
      throw RunError("trigger has either a \"trigger\" or \"triggers\", not both")
    }
    let named = trigger.map { [$0] } ?? triggers
    guard !named.isEmpty else {
      throw RunError(
        "trigger needs a \"trigger\", e.g. trigger: {patch: square.png, at: [27, 27]}")
    }
    var own = effect
    own.mask = mask
    return try named.map { trigger throws(RunError) in
      var trigger = trigger
      trigger.effect = trigger.effect.completed(by: own)
      try trigger.check()
      try trigger.effect.check()
      return trigger
    }
  }

  /// Paths of the files that it names.
  public var files: [String] {
    [mask].compactMap(\.self) + effect.files + (trigger.map { [$0] } ?? triggers).flatMap(\.files)
  }
}
