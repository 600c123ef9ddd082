/// All that a report shows of one run of `trompe influence`.
public struct InfluenceReport: Hashable, Sendable {
  /// Means of one method at one ε.
  public struct Line: Hashable, Sendable {
    public var method: String
    public var epsilon: Double
    public var spearman: Double
    /// Shares in [0, 1].
    public var helpfulOverlap: Double
    public var harmfulOverlap: Double
    public var targetInfluenceLeft: Double
    public var confidence: Double
    public var keptLabels: Double
    public init(
      method: String, epsilon: Double, spearman: Double, helpfulOverlap: Double,
      harmfulOverlap: Double, targetInfluenceLeft: Double, confidence: Double, keptLabels: Double
    ) {
      (self.method, self.epsilon, self.spearman) = (method, epsilon, spearman)
      (self.helpfulOverlap, self.harmfulOverlap) = (helpfulOverlap, harmfulOverlap)
      (self.targetInfluenceLeft, self.confidence) = (targetInfluenceLeft, confidence)
      self.keptLabels = keptLabels
    }
  }

  /// One image with the training images that matter to it, before and after.
  public struct Card: Hashable, Sendable {
    public struct Training: Hashable, Sendable {
      public var label: String
      public var influence: Double
      public var photograph: GalleryImage
      public init(label: String, influence: Double, photograph: GalleryImage) {
        (self.label, self.influence, self.photograph) = (label, influence, photograph)
      }
    }
    public struct Row: Hashable, Sendable {
      public var title: String
      /// In the label, in [0, 1].
      public var confidence: Double
      public var photograph: GalleryImage
      /// The most influential first.
      public var helpful: [Training]
      public var harmful: [Training]
      public init(
        title: String, confidence: Double, photograph: GalleryImage, helpful: [Training],
        harmful: [Training]
      ) {
        (self.title, self.confidence, self.photograph) = (title, confidence, photograph)
        (self.helpful, self.harmful) = (helpful, harmful)
      }
    }
    public var image: String
    public var label: String
    public var rows: [Row]
    public init(image: String, label: String, rows: [Row]) {
      (self.image, self.label, self.rows) = (image, label, rows)
    }
  }

  public var name: String
  public var toolVersion: String
  public var images: Int
  public var tried: Int
  public var trainImages: Int
  /// How many training images count as the top, and how many are aimed at.
  public var top: Int
  public var targets: Int
  public var lines: [Line]
  public var facts: [RunReport.Fact]
  public var recipe: String
  public var cards: [Card]

  public init(
    name: String, toolVersion: String, images: Int, tried: Int, trainImages: Int, top: Int,
    targets: Int, lines: [Line], facts: [RunReport.Fact], recipe: String, cards: [Card]
  ) {
    (self.name, self.toolVersion, self.images, self.tried) = (name, toolVersion, images, tried)
    (self.trainImages, self.top, self.targets) = (trainImages, top, targets)
    (self.lines, self.facts, self.recipe, self.cards) = (lines, facts, recipe, cards)
  }

  /// In the order of the run.
  var methods: [String] {
    lines.reduce(into: []) { if !$0.contains($1.method) { $0.append($1.method) } }
  }

  var largestEpsilon: Double { lines.map(\.epsilon).max() ?? 0 }
}
