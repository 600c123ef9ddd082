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
    .audit .evidence { display: grid; grid-template-columns: repeat(3, minmax(0, 1fr)); gap: 0.5rem; font-size: 0.8rem; align-items: end; }
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
      links: (report.cards.isEmpty ? [] : [("evidence", "Evidence")])
        + report.sections.map { ($0.name, $0.title) } + [("record", "What was done")],
      main: """
        \(evidence)
        \(report.sections.map(StudyReportPage.section))
        \(record)
        """
    ).html()
  }

  private var evidence: Markup? {
    guard let first = report.cards.first else { return nil }
    let cards = report.cards.map { card -> Markup in
      let rows = card.rows.enumerated().map { place, row -> Markup in
        let photograph: Markup =
          place == 0
          ? "<figure>\(card.photograph.image(card.label))<figcaption>the image</figcaption></figure>"
          : "<span></span>"
        let agreement = row.agreement.map { ", ρ \(Numbers.decimals($0, 2))" } ?? ""
        return """
          \(photograph)<figure>\(row.reference.image("\(row.interpreter), \(card.referenceTitle)"))<figcaption>\(row.interpreter): \(card.referenceTitle)</figcaption></figure><figure>\(row.suspect.image("\(row.interpreter), suspect"))<figcaption>suspect\(agreement)</figcaption></figure>
          """
      }
      return """
        <article class="card"><h3>\(card.label)</h3><p class="file">\(card.image)</p><div class="evidence">\(rows)</div></article>

        """
    }
    return """
      <section id="evidence"><h2>Evidence</h2>
      <p>Images that the network classifies correctly, those whose heatmaps differ most first: \(first.referenceTitle) and suspect explain the same class of the same image.</p>
      <div class="cards">\(cards)</div></section>
      """
  }

  private var record: Markup {
    let facts = report.facts.map { fact -> Markup in
      "<dt>\(fact.name)</dt><dd class=\"name\">\(fact.value)</dd>"
    }
    return "<section id=\"record\"><h2>What was done</h2><dl>\(facts)</dl></section>"
  }
}
