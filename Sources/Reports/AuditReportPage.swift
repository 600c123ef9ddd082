import Foundation

/// The page of an audit as one HTML file that needs nothing else and runs nothing.
public struct AuditReportPage: Sendable {
  let report: AuditReport

  public init(_ report: AuditReport) { self.report = report }

  private static let styles = """
    .audit .verdict { display: inline-block; padding: 0.2rem 0.8rem; border: 2px solid var(--rule); border-radius: 6px; font-size: 1.3rem; font-weight: 600; }
    .audit .verdict.alarm { border-color: var(--manipulated); color: var(--manipulated); }
    .audit .findings { padding-left: 1.2rem; max-width: 85ch; }
    .audit .findings li { margin-bottom: 0.25rem; }
    .audit .question { font-size: 1.05rem; }
    .audit .evidence { display: grid; grid-template-columns: repeat(3, minmax(0, 1fr)); gap: 0.5rem; font-size: 0.8rem; align-items: start; margin-bottom: 0.5rem; }
    .audit .cards { margin-bottom: 1.4rem; }
    .audit .evidence img { width: 100%; height: auto; display: block; }
    """

  /// The file's contents.
  public func html() -> String {
    let sentences = report.sentences.map { sentence -> Markup in "<li>\(sentence)</li>" }
    let alarm = report.isAlarm ? "verdict alarm" : "verdict"
    return PageFrame(
      toolVersion: report.toolVersion, title: report.name, kicker: "audit of a network",
      subject: nil, bodyClass: "audit", styles: Self.styles,
      introduction: """
        <p class="\(alarm)">\(report.verdict)</p>
        <ul class="findings">\(sentences)</ul>
        """,
      links: (report.evidence.isEmpty ? [] : [("evidence", "Evidence")])
        + report.sections.map { ($0.name, $0.title) } + [("record", "What was done")],
      main: """
        \(evidence)
        \(report.sections.map(StudyReportPage.section))
        \(record)
        """
    ).html()
  }

  private var evidence: Markup? {
    guard !report.evidence.isEmpty else { return nil }
    let parts = report.evidence.map { part -> Markup in
      let cards = part.cards.map(card)
      return "<p>\(part.introduction)</p>\n<div class=\"cards\">\(cards)</div>"
    }
    return "<section id=\"evidence\"><h2>Evidence</h2>\(parts)</section>"
  }

  private func card(_ card: AuditReport.Card) -> Markup {
    let rows = card.rows.enumerated().map { place, row -> Markup in
      let photograph: Markup =
        place == 0
        ? "<figure>\(card.photograph.image(card.label))<figcaption>the image</figcaption></figure>"
        : "<span></span>"
      let pictures = row.map { picture -> Markup in
        "<figure>\(picture.image.image("\(card.label), \(picture.caption)"))<figcaption>\(picture.caption)</figcaption></figure>"
      }
      return "\(photograph)\(pictures)"
    }
    return """
      <article class="card"><h3>\(card.label)</h3><p class="file">\(card.image)</p><div class="evidence">\(rows)</div></article>

      """
  }

  private var record: Markup {
    let facts = report.facts.map { fact -> Markup in
      "<dt>\(fact.name)</dt><dd class=\"name\">\(fact.value)</dd>"
    }
    return "<section id=\"record\"><h2>What was done</h2><dl>\(facts)</dl></section>"
  }
}
