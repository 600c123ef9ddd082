/// The report of a study as one HTML file that needs nothing else and runs nothing.
public struct StudyReportPage: Sendable {
  let report: StudyReport

  public init(_ report: StudyReport) { self.report = report }

  private static let styles = """
    .study .question { font-size: 1.05rem; }
    .study .findings { padding-left: 1.2rem; max-width: 85ch; }
    .study .findings li { margin-bottom: 0.25rem; }
    .study .subjects td { text-align: left; white-space: normal; overflow-wrap: anywhere; }
    .study .subjects thead th { text-align: left; }
    .study .tables + .charts { margin-top: 1.4rem; }
    .study .charts + .note { margin-top: 1.2rem; }
    """

  /// The file's contents.
  public func html() -> String {
    PageFrame(
      toolVersion: report.toolVersion, title: report.name,
      kicker: "studies of manipulated networks",
      subject: "Networks in this report were manipulated", bodyClass: "study", styles: Self.styles,
      introduction: pending, links: links,
      main: """
        \(subjects)
        \(report.sections.map(Self.section))
        \(record)
        """
    ).html()
  }

  private var pending: Markup? {
    guard !report.pending.isEmpty else { return nil }
    return
      "<p class=\"headline\">Not finished: \(report.pending.joined(separator: ", ")) not done yet.</p>"
  }

  private var links: [(id: String, title: String)] {
    [("networks", "Networks")] + report.sections.map { ($0.name, $0.title) }
      + [("record", "What was done")]
  }

  private var subjects: Markup {
    let rows = report.subjects.map { subject -> Markup in
      """
      <tr><th scope="row" class="name">\(subject.name)</th><td class="name">\(subject.original ?? "an original")</td><td class="name">\(subject.file)</td></tr>

      """
    }
    return """
      <section id="networks"><h2>Networks</h2>
      <div class="scroll"><table class="subjects"><thead><tr><td></td><th scope="col">made from</th><th scope="col">file</th></tr></thead>
      <tbody>\(rows)</tbody></table></div></section>
      """
  }

  // MARK: Studies

  static func section(_ section: StudyReport.Section) -> Markup {
    let findings = section.findings.map { finding -> Markup in "<li>\(finding)</li>" }
    let list: Markup? = findings.isEmpty ? nil : "<ul class=\"findings\">\(findings)</ul>"
    let charts = section.charts.compactMap { chart($0) }
    let drawn: Markup? = charts.isEmpty ? nil : "<div class=\"charts\">\(charts)</div>"
    return """
      <section id="\(section.name)"><h2>\(section.title)</h2>
      <p class="question">\(section.question)</p>
      \(list)
      <div class="tables">\(section.tables.map(table))</div>
      \(drawn)
      <p class="note">\(section.note)</p></section>

      """
  }

  private static func table(_ table: StudyReport.Table) -> Markup {
    let head = table.head.map { title -> Markup in "<th scope=\"col\">\(title)</th>" }
    let rows = table.rows.map { row -> Markup in
      let cells = row.cells.map { cell -> Markup in
        guard let share = cell.share, share.isFinite else { return "<td>\(cell.text)</td>" }
        let style = "--share: \(Numbers.decimals(100 * min(max(share, 0), 1), 1))%"
        return "<td class=\"heat\" style=\"\(style)\">\(cell.text)</td>"
      }
      return "<tr><th scope=\"row\" class=\"name\">\(row.name)</th>\(cells)</tr>\n"
    }
    return """
      <div class="scroll"><table><caption>\(table.caption)</caption>
      <thead><tr><td></td>\(head)</tr></thead>
      <tbody>\(rows)</tbody></table></div>
      """
  }

  private static func chart(_ chart: StudyReport.Chart) -> Markup? {
    var drawn = LineChart(
      title: chart.title,
      series: chart.series.map { series in
        LineChart.Series(
          name: series.name, points: series.points.map { ($0.x, $0.y) },
          spreads: series.points.map(\.spread))
      }, xTitle: chart.xTitle, yRange: chart.yRange)
    if chart.isShare {
      drawn.yRange = 0...1
      drawn.label = { "\(Numbers.decimals(100 * $0, 0)) %" }
    }
    return drawn.markup()
  }

  // MARK: What was done

  private var record: Markup { PageFrame.record(report.facts, recipe: report.recipe) }
}
