import Foundation

/// The report of an attack on influences as one HTML file that needs nothing else and runs nothing.
public struct InfluenceReportPage: Sendable {
  let report: InfluenceReport

  public init(_ report: InfluenceReport) { self.report = report }

  private static let styles = """
    .influence .cards { grid-template-columns: repeat(auto-fill, minmax(min(100%, 44rem), 1fr)); }
    .influence .row { display: flex; flex-wrap: wrap; gap: 0.4rem 1.2rem; margin-top: 0.6rem; font-size: 0.8rem; }
    .influence .row > div { display: flex; flex-wrap: wrap; gap: 0.3rem; }
    .influence .row p { flex-basis: 100%; margin: 0; }
    .influence .row figure { width: 4rem; }
    .influence .row img { width: 100%; height: auto; display: block; }
    .influence .row figcaption { line-height: 1.2; font-variant-numeric: tabular-nums; overflow-wrap: anywhere; }
    """

  /// The file's contents.
  public func html() -> String {
    PageFrame(
      toolVersion: report.toolVersion, title: report.name, kicker: "attacks on influences",
      subject: "The images in this report were changed", bodyClass: "influence",
      styles: Self.styles,
      introduction: "<p class=\"headline\">\(sentence)</p>",
      links: AttackPage.links(hasGallery: !report.cards.isEmpty),
      main: """
        \(table)
        \(curves)
        \(gallery)
        \(record)
        """
    ).html()
  }

  private var sentence: String {
    let parts = report.lines.filter { $0.epsilon == report.largestEpsilon }.map { line in
      "\(line.method) \(Numbers.decimals(line.helpfulOverlap, 2))"
    }
    return "Of the \(report.top) training images that help an image most, this share stays so at ε "
      + "\(Numbers.short(report.largestEpsilon)) of 255, as a mean over \(report.images) correctly "
      + "classified images: \(parts.joined(separator: ", "))."
  }

  // MARK: Result

  private var table: Markup {
    let rows = report.methods.flatMap { method in
      report.lines.filter { $0.method == method }.map { line -> Markup in
        """
        <tr><th scope="row">\(method)</th><td>\(Numbers.short(line.epsilon))</td><td>\(Numbers.decimals(line.spearman, 3))</td><td>\(Numbers.decimals(line.helpfulOverlap, 3))</td><td>\(Numbers.decimals(line.harmfulOverlap, 3))</td><td>\(Numbers.percent(line.targetInfluenceLeft))</td><td>\(Numbers.percent(line.confidence))</td><td>\(Numbers.percent(line.keptLabels))</td></tr>

        """
      }
    }
    return """
      <section id="result"><h2>Result</h2>
      <div class="scroll"><table><caption>Means over \(report.images) images</caption>
      <thead><tr><td></td><th scope="col">ε</th><th scope="col">Spearman</th><th scope="col">helpful, top \(report.top)</th><th scope="col">harmful, top \(report.top)</th><th scope="col">influence left</th><th scope="col">confidence</th><th scope="col">label kept</th></tr></thead>
      <tbody>\(rows)</tbody></table></div>
      <p class="note">The influences of \(report.trainImages) training images on the loss at an image, before and after it was changed: their rank correlation, the shares of the most helpful and harmful ones that stay the same, and what is left of the influence of the \(report.targets) that were the most helpful and are aimed at. \(report.images) of \(report.tried) images were classified correctly and explained. Everything is measured on 8-bit images.</p>
      </section>
      """
  }

  // MARK: Curves

  private var curves: Markup {
    func chart(_ title: String, _ value: (InfluenceReport.Line) -> Double) -> Markup? {
      AttackPage.chart(title, methods: report.methods, report.lines, value)
    }
    let charts = [
      chart("rank correlation of influences", \.spearman),
      chart("most helpful ones that stay so", \.helpfulOverlap),
      chart("most harmful ones that stay so", \.harmfulOverlap),
      chart("influence left of those aimed at", \.targetInfluenceLeft),
    ]
    return AttackPage.curves(charts)
  }

  // MARK: Gallery

  private var gallery: Markup? {
    guard !report.cards.isEmpty else { return nil }
    let cards = report.cards.map { card -> Markup in
      let rows = card.rows.map { row -> Markup in
        """
        <div class="row"><div><p><b>\(row.title)</b></p><figure>\(row.photograph.image("\(card.label), \(row.title)"))<figcaption>\(Numbers.percent(row.confidence))</figcaption></figure></div><div><p>helpful</p>\(row.helpful.map(training))</div><div><p>harmful</p>\(row.harmful.map(training))</div></div>
        """
      }
      return """
        <article class="card"><h3>\(card.label)</h3><p class="file">\(card.image)</p>\(rows)</article>

        """
    }
    return """
      <section id="gallery"><h2>Gallery</h2>
      <p>Each original image and the same at ε \(Numbers.short(report.largestEpsilon)), with the confidence in its label, and the training images that make its loss smaller or larger, the most influential first.</p>
      <div class="cards">\(cards)</div></section>
      """
  }

  private func training(_ training: InfluenceReport.Card.Training) -> Markup {
    """
    <figure>\(training.photograph.image(training.label))<figcaption>\(training.label) \(Numbers.short(training.influence))</figcaption></figure>
    """
  }

  // MARK: What was done

  private var record: Markup { PageFrame.record(report.facts, recipe: report.recipe) }
}
