import Foundation
import ImageData
import Pictures

/// A run that goes on, as one HTML file: how far it is, its curves, and a few images with their heatmaps.
/// A small program in it reads the page again from where it came, and shows what has changed.
public struct LivePage: Sendable {
  let name: String
  let toolVersion: String
  /// Of the whole run; not known if `nil`.
  let totalSteps: Int?
  let steps: [RunReport.StepPoint]
  let validations: [RunReport.ValidationPoint]
  let heatmaps: Heatmaps?
  let recipe: String?
  let isFinished: Bool

  /// What both networks' heatmaps look like.
  public struct Heatmaps: Sendable {
    /// After which step the second of each pair was drawn.
    public let step: Int
    let cards: [Markup]

    /// Draws them, which takes a moment.
    public init(step: Int, test: RunReport.SuccessTest, gallery: [GalleryPicture]) {
      self.step = step
      cards = gallery.map { Self.card($0, step: step, test) }
    }
  }

  public init(
    name: String, toolVersion: String, totalSteps: Int?, steps: [RunReport.StepPoint],
    validations: [RunReport.ValidationPoint], heatmaps: Heatmaps?, recipe: String?,
    isFinished: Bool
  ) {
    (self.name, self.toolVersion, self.totalSteps) = (name, toolVersion, totalSteps)
    (self.steps, self.validations) = (steps, validations)
    (self.heatmaps, self.recipe, self.isFinished) = (heatmaps, recipe, isFinished)
  }

  /// Seconds after which a page reads itself again.
  static let interval = 2

  /// The file's contents.
  /// - Parameter nonce: names the page's own program to the browser; a new one for each answer.
  public func html(nonce: String) -> String {
    let drawn = charts.compactMap { $0.markup() }
    let record: Markup? = recipe.map {
      """
      <section id="record"><h2>What is done</h2>
      <details><summary>The recipe, complete</summary><pre tabindex="0">\($0)</pre></details></section>
      """
    }
    let curves: Markup =
      drawn.isEmpty
      ? "<p>Nothing is measured yet.</p>" : "<div class=\"charts\">\(drawn)</div>"
    return PageFrame(
      toolVersion: toolVersion, title: name, kicker: "a run that goes on", subject: nil,
      bodyClass: "live", styles: Self.styles,
      introduction:
        "<p class=\"headline\" id=\"progress\" role=\"status\">\(progress)</p><p class=\"note\" id=\"lost\" hidden=\"hidden\">No answer any more: the command that shows this page has ended.</p>",
      links: [("curves", "Curves"), ("heatmaps", "Heatmaps")],
      main: """
        <section id="curves"><h2>Curves</h2>\(curves)</section>
        \(pictures)
        \(record)
        """,
      script: .nonce(nonce),
      program: "<script nonce=\"\(nonce)\">\(Markup.program(Self.program))</script>"
    ).html()
  }

  private var progress: String {
    if isFinished { return "The run is finished, after \(steps.last?.step ?? 0) steps." }
    guard let last = steps.last else { return "The original network is being measured." }
    guard last.step != totalSteps else {
      return "All \(last.step) steps are done. The networks are being measured."
    }
    let total = totalSteps.map { " of \($0)" } ?? ""
    return "Step \(last.step)\(total), loss \(Numbers.short(last.loss))."
  }

  // MARK: Curves

  private var charts: [LineChart] {
    func points(_ value: (RunReport.StepPoint) -> Double?) -> [(x: Double, y: Double)] {
      steps.compactMap { step in value(step).map { (Double(step.step), $0) } }
    }
    let names = Set(validations.flatMap(\.rates.keys)).sorted()
    let accuracy = LineChart.Series(
      name: "top-1", points: validations.map { (Double($0.step), $0.top1) })
    let rates = names.map { name in
      LineChart.Series(
        name: "FSR \(name)",
        points: validations.compactMap { validation in
          validation.rates[name].map { (Double(validation.step), $0) }
        })
    }
    return [
      LineChart(
        title: "Loss",
        series: [
          .init(name: "loss", points: points(\.loss)),
          .init(name: "cross-entropy", points: points(\.crossEntropy)),
          .init(name: "penalty (without its weight λ)", points: points(\.penalty)),
        ], xTitle: "step"),
      LineChart(
        title: "Validation", series: [accuracy] + rates, xTitle: "step", yRange: 0...1,
        label: { "\(Numbers.decimals(100 * $0, 0)) %" }),
    ]
  }

  // MARK: Heatmaps

  private var pictures: Markup {
    guard let heatmaps, !heatmaps.cards.isEmpty else {
      return "<section id=\"heatmaps\"><h2>Heatmaps</h2><p>None are drawn yet.</p></section>"
    }
    let way: Markup? =
      heatmaps.step == 0
      ? "<p>These are the original network's. Each validation draws them again: see <code>training.validateEvery</code>.</p>"
      : nil
    return """
      <section id="heatmaps"><h2>Heatmaps after step \(heatmaps.step)</h2>\(way)
      <div class="cards">\(heatmaps.cards)</div></section>
      """
  }

  private static let styles = """
    .live .stages img { width: 100%; height: auto; display: block; }
    .live .stages { margin-top: 0.4rem; }
    """
}

extension LivePage.Heatmaps {
  fileprivate static func card(
    _ picture: GalleryPicture, step: Int, _ test: RunReport.SuccessTest
  ) -> Markup {
    let image = try? Image(decoding: [UInt8](picture.photograph.jpeg), name: picture.name)
    let label = picture.label ?? ""
    let rows = picture.explanations.map { explanation -> Markup in
      let what =
        explanation.interpreter
        + (explanation.className == picture.label ? "" : " for \(explanation.className)")
      func stage(_ grid: HeatmapGrid, _ network: String, _ score: Double) -> Markup {
        let mark: Markup? = test.isFooled(score) ? " <b class=\"fooled\">fooled</b>" : nil
        let drawn = image.flatMap { overlay(grid, over: $0, "\(network), \(what)") }
        return
          "<figure>\(drawn)<figcaption>\(network) \(Numbers.short(score))\(mark)</figcaption></figure>"
      }
      let second: Markup? =
        step == 0
        ? nil
        : stage(explanation.manipulated, "after step \(step)", explanation.manipulatedLoss)
      return """
        <p class="note name">\(what)</p><div class="stages"><figure>\(picture.photograph.image("Image: \(label)"))<figcaption>image</figcaption></figure>\(stage(explanation.original, "original", explanation.originalLoss))\(second)</div>
        """
    }
    return """
      <article class="card"><h3 class="name">\(label)</h3><p class="file name">\(picture.name.split(separator: "/").suffix(2).joined(separator: "/"))</p>\(rows)</article>
      """
  }

  private static func overlay(_ grid: HeatmapGrid, over image: Image, _ name: String) -> Markup? {
    guard let map = grid.heatmap else { return nil }
    let picture = Overlay(outlinedShare: nil).picture(of: map, over: image, isSigned: grid.isSigned)
    return GalleryImage(picture).image(name)
  }
}

extension HeatmapGrid {
  /// As it is coloured; `nil` if a file has said something else of its size than it holds.
  fileprivate var heatmap: Heatmap? {
    let (pixels, isTooLarge) = width.multipliedReportingOverflow(by: height)
    guard width > 0, height > 0, !isTooLarge, pixels == levels.count else { return nil }
    return Heatmap(
      height: height, width: width,
      values: levels.map { isSigned ? (Float($0) - 128) / 127 : Float($0) / 255 })
  }
}

extension LivePage {
  /// Puts the parts of a newer page in place of those that differ. The page of a finished run is another,
  /// and is opened whole.
  fileprivate static let program = """
    "use strict";
    const parts = ["progress", "curves", "heatmaps"];
    async function update() {
      if (document.hidden) return;
      const lost = document.getElementById("lost");
      let answer;
      try {
        answer = await fetch(location.href, { cache: "no-store" });
      } catch {
        lost.hidden = false;
        return;
      }
      lost.hidden = true;
      if (!answer.ok) return;
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      if (!page.body.classList.contains("live")) { location.reload(); return; }
      for (const id of parts) {
        const own = document.getElementById(id), other = page.getElementById(id);
        if (own && other && own.innerHTML !== other.innerHTML) own.innerHTML = other.innerHTML;
      }
    }
    setInterval(update, \(interval * 1000));
    document.addEventListener("visibilitychange", update);
    """
}
