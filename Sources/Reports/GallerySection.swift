import Foundation
import Pictures

/// Photographs with the heatmaps of both networks; of several runs, those of one image together.
struct GallerySection {
  private struct Card {
    let name: String
    var pictures: [(run: RunReport, picture: GalleryPicture)]
  }

  let runs: [RunReport]
  private let cards: [Card]

  init(runs: [RunReport]) {
    self.runs = runs
    var cards: [Card] = []
    var places: [String: Int] = [:]
    for run in runs {
      for picture in run.gallery {
        if let place = places[picture.name] {
          cards[place].pictures.append((run, picture))
        } else {
          places[picture.name] = cards.count
          cards.append(Card(name: picture.name, pictures: [(run, picture)]))
        }
      }
    }
    self.cards = cards
  }

  var isEmpty: Bool { cards.isEmpty }

  /// What the gallery can be sorted by: runs and interpreters.
  private var keys: [(run: RunReport, interpreter: String)] {
    runs.flatMap { run in
      run.rates.map { (run, $0.interpreter) }
    }
  }

  func markup() -> Markup? {
    guard !isEmpty else { return nil }
    return """
      <section id="gallery" data-mode="pairs"><h2>Gallery</h2>
      <p>Images evenly spread over those that were tested. Each heatmap has its own scale: colours compare places of one heatmap, not heatmaps. Relevance that can be negative is blue below and red above zero.</p>
      <noscript><p class="note">Heatmaps are drawn by a program in this page, and JavaScript is off.</p></noscript>
      <form class="toolbar" aria-label="How the gallery is shown">
      <fieldset><legend>Show</legend>
      <label><input type="radio" name="mode" value="pairs" checked="checked"/>side by side</label>
      <label><input type="radio" name="mode" value="slider"/>slider</label>
      <label><input type="radio" name="mode" value="original"/>original</label>
      <label><input type="radio" name="mode" value="manipulated"/>manipulated</label></fieldset>
      <label>Heatmap <input type="range" name="opacity" min="0" max="100" value="80" aria-label="Opacity of the heatmap in percent"/></label>
      <label>Sort <select name="order">
      <option value="data">as in the data</option>
      <option value="most">most fooled first</option>
      <option value="least">least fooled first</option>
      <option value="confidence">largest loss of confidence first</option>
      <option value="label">by class</option></select></label>
      \(keyChoice)</form>
      <div class="cards">\(cards.enumerated().map { card($0.element, order: $0.offset) })</div></section>
      """
  }

  private var keyChoice: Markup? {
    guard keys.count > 1 else { return nil }
    let options = keys.enumerated().map { index, key -> Markup in
      let name = runs.count > 1 ? "\(key.run.name): \(key.interpreter)" : key.interpreter
      return "<option value=\"\(index)\">\(name)</option>"
    }
    return "<label>by <select name=\"key\">\(options)</select></label>"
  }

  // MARK: Cards

  /// For sorting, how far an image is fooled: larger is more. One number for each key.
  private func fooledness(_ card: Card) -> String {
    keys.map { key -> String in
      guard
        let picture = card.pictures.first(where: { $0.run.name == key.run.name })?.picture,
        let found = picture.explanations.first(where: { $0.interpreter == key.interpreter })
      else { return "" }
      let isSmaller = key.run.test?.isSmallerFooled ?? true
      return "\(isSmaller ? -found.manipulatedLoss : found.manipulatedLoss)"
    }.joined(separator: " ")
  }

  private func card(_ card: Card, order: Int) -> Markup {
    let first = card.pictures[0].picture
    let photograph = first.photograph
    let losses = card.pictures.compactMap { entry -> Double? in
      guard let before = entry.picture.labelConfidence,
        let after = entry.picture.manipulatedLabelConfidence
      else { return nil }
      return before - after
    }
    let label = first.label ?? first.explanations.map(\.className).uniqued().joined(separator: ", ")
    let rows = card.pictures.flatMap { entry in
      entry.picture.explanations.map { explanation in
        pair(explanation, of: entry.picture, run: entry.run)
      }
    }
    return """
      <article class="\(rows.count > 2 ? "card many" : "card")" data-order="\(order)" data-label="\(label)" data-fooled="\(fooledness(card))" data-lost="\(losses.max().map { "\($0)" } ?? "")">
      <h3 class="name">\(label)</h3><p class="file name">\(shortName(card.name))</p>
      \(card.pictures.map { predictions($0.picture, $0.run) })
      <div class="stages"><figure class="photo"><img src="data:image/jpeg;base64,\(photograph.jpeg.base64EncodedString())" width="\(photograph.width)" height="\(photograph.height)" alt="Image: \(label)"/><figcaption>image</figcaption></figure>
      <div class="pairs">\(rows)</div></div></article>

      """
  }

  /// The last two parts of a path say enough.
  private func shortName(_ name: String) -> String {
    name.split(separator: "/").suffix(2).joined(separator: "/")
  }

  private func predictions(_ picture: GalleryPicture, _ run: RunReport) -> Markup {
    func text(_ prediction: GalleryPicture.Prediction, _ labelConfidence: Double?) -> Markup {
      let isWrong = picture.label.map { $0 != prediction.className } ?? false
      let own = isWrong ? labelConfidence : nil
      let rest = own.map { " (\(picture.label ?? ""): \(Numbers.percent($0)))" } ?? ""
      return """
        <span class="\(isWrong ? "wrong name" : "name")">\(prediction.className)</span> \(Numbers.percent(prediction.confidence))\(rest)
        """
    }
    let name: Markup? = runs.count > 1 ? "<dt class=\"name\">\(run.name)</dt><dd></dd>" : nil
    return """
      <dl class="predictions">\(name)<dt>original says</dt><dd>\(text(picture.original, picture.labelConfidence))</dd>
      <dt>manipulated says</dt><dd>\(text(picture.manipulated, picture.manipulatedLabelConfidence))</dd></dl>
      """
  }

  private func pair(
    _ explanation: GalleryPicture.Explanation, of picture: GalleryPicture, run: RunReport
  ) -> Markup {
    var what = explanation.interpreter
    if picture.label != explanation.className { what += " for \(explanation.className)" }
    if runs.count > 1 { what = "\(run.name): \(what)" }
    func stage(_ grid: HeatmapGrid, _ network: String, _ loss: Double) -> Markup {
      let isFooled = run.test?.isFooled(loss) == true
      let mark: Markup? = isFooled ? " <b class=\"fooled\">fooled</b>" : nil
      return """
        <figure class="\(network)"><div class="stage"><canvas role="img" aria-label="\(network) heatmap, \(what)" data-columns="\(grid.width)" data-rows="\(grid.height)" data-signed="\(grid.isSigned ? 1 : 0)" data-map="\(grid.levels.base64EncodedString())"></canvas></div><figcaption>\(network) \(Numbers.short(loss))\(mark)</figcaption></figure>
        """
    }
    return """
      <div class="pair"><p class="what name">\(what)</p>
      \(stage(explanation.original, "original", explanation.originalLoss))\(stage(explanation.manipulated, "manipulated", explanation.manipulatedLoss))
      <label class="wipe"><input type="range" min="0" max="100" value="50" aria-label="Border between original and manipulated, \(what)"/></label></div>
      """
  }

  /// The page's program with its colours.
  func program() -> Markup {
    func table(_ map: ColorMap) -> String {
      Data(map.colors.flatMap { [$0.red, $0.green, $0.blue] }).base64EncodedString()
    }
    let code = galleryProgram.replacing("PLAIN_COLORS", with: table(.inferno))
      .replacing("SIGNED_COLORS", with: table(.coolWarm))
    return "<script>\(Markup.program(code))</script>"
  }
}

extension Array where Element: Hashable {
  /// Each once, in order.
  fileprivate func uniqued() -> [Element] {
    var seen: Set<Element> = []
    return filter { seen.insert($0).inserted }
  }
}
