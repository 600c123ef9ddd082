/// All that a report shows of one run of `trompe attack`.
public struct AttackReport: Hashable, Sendable {
  public struct Measure: Hashable, Sendable {
    public var title: String
    public var growsWithLikeness: Bool
    public init(title: String, growsWithLikeness: Bool) {
      (self.title, self.growsWithLikeness) = (title, growsWithLikeness)
    }
  }
  /// Means of one attack at one ε.
  public struct Line: Hashable, Sendable {
    public var method: String
    public var epsilon: Double
    /// By measure, in their order.
    public var values: [Double]
    public var confidence: Double
    /// Shares in [0, 1].
    public var keptLabels: Double
    public var succeeded: Double
    public init(
      method: String, epsilon: Double, values: [Double], confidence: Double, keptLabels: Double,
      succeeded: Double
    ) {
      (self.method, self.epsilon, self.values) = (method, epsilon, values)
      (self.confidence, self.keptLabels, self.succeeded) = (confidence, keptLabels, succeeded)
    }
  }
  /// How near images came to other heatmaps by one attack at one ε: means.
  public struct TargetLine: Hashable, Sendable {
    public var method: String
    public var epsilon: Double
    /// By measure.
    public var clean: [Double]
    public var perturbed: [Double]
    public var imageMSE: Double
    public var logitMSE: Double
    public init(
      method: String, epsilon: Double, clean: [Double], perturbed: [Double], imageMSE: Double,
      logitMSE: Double
    ) {
      (self.method, self.epsilon, self.clean, self.perturbed) = (method, epsilon, clean, perturbed)
      (self.imageMSE, self.logitMSE) = (imageMSE, logitMSE)
    }
  }
  /// Means over random images near the clean ones at one ε.
  public struct RandomLine: Hashable, Sendable {
    public var epsilon: Double
    /// For each image.
    public var draws: Int
    /// By measure, in their order.
    public var values: [Double]
    public init(epsilon: Double, draws: Int, values: [Double]) {
      (self.epsilon, self.draws, self.values) = (epsilon, draws, values)
    }
  }
  /// One image with its explanations before and after.
  public struct Card: Hashable, Sendable {
    public struct Picture: Hashable, Sendable {
      public var title: String
      /// In the label, in [0, 1]; `nil` for a picture that is there for its heatmap.
      public var confidence: Double?
      /// By measure; empty for the clean picture.
      public var values: [Double]
      public var photograph: GalleryImage
      /// With the heatmap drawn over it.
      public var overlay: GalleryImage
      public init(
        title: String, confidence: Double?, values: [Double], photograph: GalleryImage,
        overlay: GalleryImage
      ) {
        (self.title, self.confidence, self.values) = (title, confidence, values)
        (self.photograph, self.overlay) = (photograph, overlay)
      }
    }
    public var image: String
    public var label: String
    public var pictures: [Picture]
    public init(image: String, label: String, pictures: [Picture]) {
      (self.image, self.label, self.pictures) = (image, label, pictures)
    }
  }

  public var name: String
  public var toolVersion: String
  public var interpreter: String
  /// Images attacked, of so many that were classified to find them.
  public var images: Int
  public var tried: Int
  /// Whether no labels were known, so that the network's predictions stand for them.
  public var labelsArePredictions: Bool
  public var measures: [Measure]
  public var lines: [Line]
  /// By ε; empty where nothing was drawn.
  public var randomLines: [RandomLine]
  /// Titles of the measures of `targets`.
  public var targetMeasures: [String]
  public var targets: [TargetLine]
  public var facts: [RunReport.Fact]
  public var recipe: String
  public var cards: [Card]

  public init(
    name: String, toolVersion: String, interpreter: String, images: Int, tried: Int,
    labelsArePredictions: Bool = false, measures: [Measure], lines: [Line],
    randomLines: [RandomLine] = [], targetMeasures: [String] = [], targets: [TargetLine] = [],
    facts: [RunReport.Fact], recipe: String, cards: [Card]
  ) {
    (self.name, self.toolVersion, self.interpreter) = (name, toolVersion, interpreter)
    (self.images, self.tried) = (images, tried)
    self.labelsArePredictions = labelsArePredictions
    (self.measures, self.lines, self.randomLines) = (measures, lines, randomLines)
    (self.targetMeasures, self.targets) = (targetMeasures, targets)
    (self.facts, self.recipe, self.cards) = (facts, recipe, cards)
  }

  /// In the order of the run.
  var methods: [String] {
    lines.reduce(into: []) { if !$0.contains($1.method) { $0.append($1.method) } }
  }

  var epsilons: [Double] { Set(lines.map(\.epsilon)).sorted() }
}
