/// All that a page shows of a run of `trompe audit`.
public struct AuditReport: Hashable, Sendable {
  public struct Picture: Hashable, Sendable {
    public var image: GalleryImage
    public var caption: String
    public init(_ image: GalleryImage, _ caption: String) {
      (self.image, self.caption) = (image, caption)
    }
  }
  /// One image, and beside it rows of two pictures that differ.
  public struct Card: Hashable, Sendable {
    public var image: String
    public var label: String
    public var photograph: GalleryImage
    public var rows: [[Picture]]
    public init(image: String, label: String, photograph: GalleryImage, rows: [[Picture]]) {
      (self.image, self.label) = (image, label)
      (self.photograph, self.rows) = (photograph, rows)
    }
  }
  /// Pictures of one kind.
  public struct Evidence: Hashable, Sendable {
    public var introduction: String
    public var cards: [Card]
    public init(introduction: String, cards: [Card]) {
      (self.introduction, self.cards) = (introduction, cards)
    }
  }

  public var name: String
  public var toolVersion: String
  public var verdict: String
  /// Whether the verdict is anything but that nothing was found.
  public var isAlarm: Bool
  public var sentences: [String]
  /// The strongest evidence first.
  public var evidence: [Evidence]
  public var sections: [StudyReport.Section]
  public var facts: [RunReport.Fact]

  public init(
    name: String, toolVersion: String, verdict: String, isAlarm: Bool, sentences: [String],
    evidence: [Evidence], sections: [StudyReport.Section], facts: [RunReport.Fact]
  ) {
    (self.name, self.toolVersion, self.verdict) = (name, toolVersion, verdict)
    (self.isAlarm, self.sentences, self.evidence) = (isAlarm, sentences, evidence)
    (self.sections, self.facts) = (sections, facts)
  }
}
