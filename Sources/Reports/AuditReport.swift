/// All that a page shows of a run of `trompe audit`.
public struct AuditReport: Hashable, Sendable {
  /// One image with what two networks, or two states of one, say of it.
  public struct Card: Hashable, Sendable {
    public struct Row: Hashable, Sendable {
      public var interpreter: String
      /// Of the two heatmaps; `nil` where it is not defined.
      public var agreement: Double?
      public var reference: GalleryImage
      public var suspect: GalleryImage
      public init(
        interpreter: String, agreement: Double?, reference: GalleryImage, suspect: GalleryImage
      ) {
        (self.interpreter, self.agreement) = (interpreter, agreement)
        (self.reference, self.suspect) = (reference, suspect)
      }
    }
    public var image: String
    public var label: String
    /// Whose heatmap stands beside the suspect's.
    public var referenceTitle: String
    public var photograph: GalleryImage
    public var rows: [Row]
    public init(
      image: String, label: String, referenceTitle: String, photograph: GalleryImage, rows: [Row]
    ) {
      (self.image, self.label, self.referenceTitle) = (image, label, referenceTitle)
      (self.photograph, self.rows) = (photograph, rows)
    }
  }

  public var name: String
  public var toolVersion: String
  public var verdict: String
  /// Whether the verdict is anything but that nothing was found.
  public var isAlarm: Bool
  public var sentences: [String]
  /// The strongest evidence first.
  public var cards: [Card]
  public var sections: [StudyReport.Section]
  public var facts: [RunReport.Fact]

  public init(
    name: String, toolVersion: String, verdict: String, isAlarm: Bool, sentences: [String],
    cards: [Card], sections: [StudyReport.Section], facts: [RunReport.Fact]
  ) {
    (self.name, self.toolVersion, self.verdict) = (name, toolVersion, verdict)
    (self.isAlarm, self.sentences, self.cards) = (isAlarm, sentences, cards)
    (self.sections, self.facts) = (sections, facts)
  }
}
