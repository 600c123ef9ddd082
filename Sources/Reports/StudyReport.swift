/// All that a report shows of a run of `trompe study`. What a study found is said in tables, charts and
/// sentences, so that the page needs to know no study.
public struct StudyReport: Hashable, Sendable {
  /// One line of a chart.
  public struct Series: Codable, Hashable, Sendable {
    public struct Point: Codable, Hashable, Sendable {
      public var x: Double
      public var y: Double
      /// How far `y` goes up and down, drawn as a band.
      public var spread: Double
      public init(x: Double, y: Double, spread: Double = 0) {
        (self.x, self.y, self.spread) = (x, y, spread)
      }
    }
    public var name: String
    public var points: [Point]
    public init(name: String, points: [Point]) { (self.name, self.points) = (name, points) }
  }
  public struct Chart: Codable, Hashable, Sendable {
    public var title: String
    public var xTitle: String
    /// Whether values are shares in [0, 1], shown as percent on an axis of the whole range.
    public var isShare: Bool
    /// Of the vertical axis, where charts are to be compared; what the points need if `nil`.
    public var yRange: ClosedRange<Double>?
    public var series: [Series]
    public init(
      title: String, xTitle: String, isShare: Bool = false, yRange: ClosedRange<Double>? = nil,
      series: [Series]
    ) {
      (self.title, self.xTitle, self.isShare) = (title, xTitle, isShare)
      (self.yRange, self.series) = (yRange, series)
    }
  }
  public struct Table: Codable, Hashable, Sendable {
    public struct Cell: Codable, Hashable, Sendable {
      public var text: String
      /// In [0, 1]: how strongly the cell is coloured; not at all if `nil`.
      public var share: Double?
      public init(_ text: String, share: Double? = nil) { (self.text, self.share) = (text, share) }
    }
    public struct Row: Codable, Hashable, Sendable {
      public var name: String
      public var cells: [Cell]
      public init(_ name: String, _ cells: [Cell]) { (self.name, self.cells) = (name, cells) }
    }
    public var caption: String
    /// Of the columns of cells.
    public var head: [String]
    public var rows: [Row]
    public init(caption: String, head: [String], rows: [Row]) {
      (self.caption, self.head, self.rows) = (caption, head, rows)
    }
  }
  /// What one study found.
  public struct Section: Codable, Hashable, Sendable {
    /// Of the study, in recipes.
    public var name: String
    public var title: String
    /// What is asked.
    public var question: String
    /// What was found, a sentence each.
    public var findings: [String]
    public var tables: [Table]
    public var charts: [Chart]
    /// How it was measured.
    public var note: String
    public init(
      name: String, title: String, question: String, findings: [String], tables: [Table],
      charts: [Chart], note: String
    ) {
      (self.name, self.title, self.question) = (name, title, question)
      (self.findings, self.tables, self.charts, self.note) = (findings, tables, charts, note)
    }
  }
  /// A network under study.
  public struct Subject: Codable, Hashable, Sendable {
    public var name: String
    /// What it was made from; `nil` for an original.
    public var original: String?
    public var file: String
    public init(name: String, original: String?, file: String) {
      (self.name, self.original, self.file) = (name, original, file)
    }
  }

  public var name: String
  public var toolVersion: String
  public var subjects: [Subject]
  public var sections: [Section]
  /// Studies of the recipe that are not done yet.
  public var pending: [String]
  public var facts: [RunReport.Fact]
  public var recipe: String

  public init(
    name: String, toolVersion: String, subjects: [Subject], sections: [Section],
    pending: [String] = [], facts: [RunReport.Fact], recipe: String
  ) {
    (self.name, self.toolVersion, self.subjects) = (name, toolVersion, subjects)
    (self.sections, self.pending, self.facts, self.recipe) = (sections, pending, facts, recipe)
  }
}
