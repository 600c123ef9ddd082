import Foundation

/// The report of an attack on explanations as one HTML file that needs nothing else and runs nothing.
public struct AttackReportPage: Sendable {
  let report: AttackReport

  public init(_ report: AttackReport) { self.report = report }

  private static let styles = """
    .attack .row { display: grid; grid-template-columns: repeat(auto-fill, minmax(7rem, 1fr)); gap: 0.5rem; font-size: 0.8rem; }
    .attack .row img { width: 100%; height: auto; display: block; }
    .attack .row figcaption { line-height: 1.3; font-variant-numeric: tabular-nums; }
    .attack .cards { grid-template-columns: repeat(auto-fill, minmax(min(100%, 36rem), 1fr)); }
    """

  /// The file's contents.
  public func html() -> String {
    PageFrame(
      toolVersion: report.toolVersion, title: report.name, kicker: "attacks on explanations",
      subject: "The images in this report were changed", bodyClass: "attack", styles: Self.styles,
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
    let largest = report.epsilons.last ?? 0
    let parts = report.lines.filter { $0.epsilon == largest }.map { line in
      "\(line.method) \(Numbers.decimals(line.values.first ?? .nan, 2))"
    }
    return "Of the pixels that \(report.interpreter) finds most relevant, this share stays so at ε "
      + "\(Numbers.short(largest)) of 255, as a mean over \(report.images) "
      + (report.labelsArePredictions ? "" : "correctly classified ")
      + "images: \(parts.joined(separator: ", "))."
  }

  // MARK: Result

  /// Which images were attacked.
  private var choice: String {
    report.labelsArePredictions
      ? "\(report.images) images were attacked, none of which has a known label: the network's "
        + "predictions stand for labels."
      : "\(report.images) of \(report.tried) images were classified correctly and attacked."
  }

  private var table: Markup {
    let head = report.measures.map { measure -> Markup in
      "<th scope=\"col\">\(measure.title)</th>"
    }
    let rows = report.methods.flatMap { method in
      report.lines.filter { $0.method == method }.map { line -> Markup in
        let values = line.values.map { value -> Markup in
          "<td>\(Numbers.decimals(value, 3))</td>"
        }
        return """
          <tr><th scope="row">\(method)</th><td>\(Numbers.short(line.epsilon))</td>\(values)<td>\(Numbers.percent(line.confidence))</td><td>\(Numbers.percent(line.keptLabels))</td><td>\(Numbers.percent(line.succeeded))</td></tr>

          """
      }
    }
    return """
      <section id="result"><h2>Result</h2>
      <div class="scroll"><table><caption>Means over \(report.images) images</caption>
      <thead><tr><td></td><th scope="col">ε</th>\(head)<th scope="col">confidence</th><th scope="col">label kept</th><th scope="col">succeeded</th></tr></thead>
      <tbody>\(rows)</tbody></table></div>
      <p class="note">Clean and perturbed images are compared by their relevance maps; \(choice) An attack succeeds if an iterate keeps the label and comes nearer to its aim; otherwise the original image counts. Everything is measured on 8-bit images by the network itself.</p>
      \(randomTable)\(targetTable)</section>
      """
  }

  private var randomTable: Markup? {
    guard let draws = report.randomLines.first?.draws else { return nil }
    let head = report.measures.map { measure -> Markup in
      "<th scope=\"col\">\(measure.title)</th>"
    }
    let rows = report.randomLines.map { line -> Markup in
      let values = line.values.map { value -> Markup in "<td>\(Numbers.decimals(value, 3))</td>" }
      return "<tr><th scope=\"row\">\(Numbers.short(line.epsilon))</th>\(values)</tr>\n"
    }
    return """
      <div class="scroll"><table><caption>Likeness to random images nearby</caption>
      <thead><tr><th scope="col">ε</th>\(head)</tr></thead>
      <tbody>\(rows)</tbody></table></div>
      <p class="note">Means over \(draws) images for each, whose samples differ by up to ε at random (Joo, Heo, Moon 2023).</p>

      """
  }

  private var targetTable: Markup? {
    guard !report.targets.isEmpty else { return nil }
    let head = report.targetMeasures.map { title -> Markup in
      "<th scope=\"col\">\(title), before</th><th scope=\"col\">after</th>"
    }
    let rows = report.targets.map { line -> Markup in
      let values = zip(line.clean, line.perturbed).map { clean, perturbed -> Markup in
        "<td>\(Numbers.decimals(clean, 3))</td><td>\(Numbers.decimals(perturbed, 3))</td>"
      }
      return """
        <tr><th scope="row">\(line.method)</th><td>\(Numbers.short(line.epsilon))</td>\(values)<td>\(Numbers.decimals(line.imageMSE, 2))</td><td>\(Numbers.decimals(line.logitMSE, 4))</td></tr>

        """
    }
    return """
      <div class="scroll"><table><caption>Likeness to the heatmap of another image</caption>
      <thead><tr><td></td><th scope="col">ε</th>\(head)<th scope="col">image MSE</th><th scope="col">logit MSE</th></tr></thead>
      <tbody>\(rows)</tbody></table></div>
      <p class="note">Relevance maps have a mean of 1; samples are in units of 0 to 255.</p>

      """
  }

  // MARK: Curves

  private var curves: Markup {
    func chart(_ title: String, _ value: (AttackReport.Line) -> Double) -> Markup? {
      AttackPage.chart(title, methods: report.methods, report.lines, value)
    }
    var charts = report.measures.enumerated().map { index, measure in
      chart(measure.title + (measure.growsWithLikeness ? "" : " (0: alike)")) { $0.values[index] }
    }
    charts.append(chart("confidence in the label", \.confidence))
    return AttackPage.curves(charts)
  }

  // MARK: Gallery

  private var gallery: Markup? {
    guard !report.cards.isEmpty else { return nil }
    let cards = report.cards.map { card -> Markup in
      let pictures = card.pictures.map { picture -> Markup in
        """
        <figure><figcaption><b>\(picture.title)</b> \(picture.confidence.map(Numbers.percent) ?? "")</figcaption>\(picture.photograph.image("\(card.label), \(picture.title)"))\(picture.overlay.image("its explanation"))\(caption(picture))</figure>
        """
      }
      return """
        <article class="card"><h3>\(card.label)</h3><p class="file">\(card.image)</p><div class="row">\(pictures)</div></article>

        """
    }
    return """
      <section id="gallery"><h2>Gallery</h2>
      <p>At ε \(Numbers.short(report.epsilons.last ?? 0)); below each image the same with its explanation. The percentage is the confidence in the label.</p>
      <div class="cards">\(cards)</div></section>
      """
  }

  private func caption(_ picture: AttackReport.Card.Picture) -> Markup? {
    guard !picture.values.isEmpty else { return nil }
    let parts = zip(report.measures, picture.values).prefix(2).map { measure, value in
      "\(measure.title) \(Numbers.decimals(value, 2))"
    }
    return "<figcaption>\(parts.joined(separator: ", "))</figcaption>"
  }

  // MARK: What was done

  private var record: Markup { PageFrame.record(report.facts, recipe: report.recipe) }
}
