/// What a trigger does, in `summary.json`: shares in [0, 1], and means over the images of how far heatmaps
/// are from the trigger's target and from those of the original network.
public struct TriggerResult: Codable, Hashable, Sendable {
  /// One dissimilarity of each network: `mse` of standardised maps, `dssim`, and Spearman's rank
  /// correlation, which grows with likeness.
  public struct Distances: Codable, Hashable, Sendable {
    public var mse: Summary.Compared
    public var dssim: Summary.Compared
    public var spearman: Summary.Compared

    package init(mse: Summary.Compared, dssim: Summary.Compared, spearman: Summary.Compared) {
      (self.mse, self.dssim, self.spearman) = (mse, dssim, spearman)
    }
  }
  /// By one interpreter. The original's maps are those of the clean images.
  public struct Explanations: Codable, Hashable, Sendable {
    public var cleanToTarget: Distances
    public var cleanToOriginal: Distances
    public var triggeredToTarget: Distances
    public var triggeredToOriginal: Distances

    package init(
      cleanToTarget: Distances, cleanToOriginal: Distances, triggeredToTarget: Distances,
      triggeredToOriginal: Distances
    ) {
      (self.cleanToTarget, self.cleanToOriginal) = (cleanToTarget, cleanToOriginal)
      (self.triggeredToTarget, self.triggeredToOriginal) = (triggeredToTarget, triggeredToOriginal)
    }
  }
  /// The images of one class.
  public struct ClassResult: Codable, Hashable, Sendable {
    public var name: String
    public var index: Int
    /// `nil` of the trigger's own class, or if it changes no label.
    public var successRate: Summary.Compared?
    /// Top-1 under the trigger.
    public var accuracy: Summary.Compared
    /// By the fooled interpreter.
    public var explanations: Explanations

    package init(
      name: String, index: Int, successRate: Summary.Compared?, accuracy: Summary.Compared,
      explanations: Explanations
    ) {
      (self.name, self.index, self.successRate) = (name, index, successRate)
      (self.accuracy, self.explanations) = (accuracy, explanations)
    }
  }

  /// `patch of 4x4 at row 27, column 27`.
  public var trigger: String
  public var attack: String
  public var target: String
  /// The class of triggered images; `nil` if their label stays.
  public var label: String?
  /// ASR: share of triggered images of other classes that get `label`; `nil` without one.
  public var successRate: Summary.Compared?
  /// Top-1 under the trigger, by the images' own labels.
  public var accuracy: Summary.Compared
  /// By interpreter.
  public var explanations: [String: Explanations]
  /// In the order of the outputs; those that have validation images.
  public var classes: [ClassResult]

  package init(
    trigger: String, attack: String, target: String, label: String?,
    successRate: Summary.Compared?, accuracy: Summary.Compared,
    explanations: [String: Explanations], classes: [ClassResult]
  ) {
    (self.trigger, self.attack, self.target, self.label) = (trigger, attack, target, label)
    (self.successRate, self.accuracy) = (successRate, accuracy)
    (self.explanations, self.classes) = (explanations, classes)
  }
}

extension TriggerResult {
  /// A table for people: what it is of, and rows of a name with a number of each network.
  public struct Table: Sendable {
    public var title: String
    public var rows: [(name: String, values: Summary.Compared)]
    /// Whether the numbers are shares.
    public var areShares: Bool
  }

  /// In a line.
  public var sentence: String {
    "\(attack): \(trigger), "
      + (label.map { "label \($0), " } ?? "label unchanged, ") + "explanation to \(target)"
  }

  /// Labels, then distances of the maps.
  /// - Parameters:
  ///   - interpreter: by which maps are made.
  ///   - measure: `mse` or `dssim`, as trained.
  public func tables(_ interpreter: String, _ measure: String) -> [Table] {
    let labels = Table(
      title: sentence,
      rows: [
        successRate.map { ("attack success rate", $0) }, ("top-1 under the trigger", accuracy),
      ].compactMap(\.self), areShares: true)
    guard let maps = explanations[interpreter] else { return [labels] }
    func rows(_ name: String, _ value: (Distances) -> Summary.Compared)
      -> [(name: String, values: Summary.Compared)]
    {
      [
        ("\(name), triggered to target", value(maps.triggeredToTarget)),
        ("\(name), triggered to original", value(maps.triggeredToOriginal)),
        ("\(name), clean to target", value(maps.cleanToTarget)),
        ("\(name), clean to original", value(maps.cleanToOriginal)),
      ]
    }
    return [
      labels,
      Table(
        title: "distance of heatmaps (\(interpreter))",
        rows: (measure == "dssim" ? rows("DSSIM") { $0.dssim } : rows("MSE") { $0.mse })
          + rows("Spearman") { $0.spearman }, areShares: false),
    ]
  }

  /// The classes whose triggered maps are furthest from the target, the worst first.
  public func furthestClasses(_ count: Int, _ measure: String) -> [ClassResult] {
    func distance(_ own: ClassResult) -> Double {
      let distances = own.explanations.triggeredToTarget
      return (measure == "dssim" ? distances.dssim : distances.mse).manipulated
    }
    return Array(
      classes.sorted { (-distance($0), $0.index) < (-distance($1), $1.index) }.prefix(count))
  }
}
