/// Accuracies and success rates as tables, the latter coloured by their height.
struct ResultSection {
  let runs: [RunReport]

  func markup() -> Markup {
    """
    <section id="result"><h2>Result</h2>
    <div class="tables">\(accuracies)\(rates)\(tables)\(inside)\(vanished)\(masks)</div>
    \(classes)
    \(note)</section>
    """
  }

  private var accuracies: Markup {
    let rows = runs.map { run -> Markup in
      let name: Markup? =
        runs.count > 1
        ? "<tr class=\"run\"><th colspan=\"3\" scope=\"rowgroup\" class=\"name\">\(run.name)</th></tr>"
        : nil
      let control: Markup? = run.control.map { control in
        """
        \(accuracy("control (λ = 0)", control))
        \(change("change, points", from: run.original, to: control))
        """
      }
      return """
        \(name)\(accuracy("original", run.original))
        \(accuracy(run.testedName, run.manipulated))
        \(change("change, points", from: run.original, to: run.manipulated))
        \(control)
        """
    }
    return """
      <div class="scroll"><table class="accuracy"><caption>Accuracy</caption>
      <thead><tr><td></td><th scope="col">top-1</th><th scope="col">top-5</th></tr></thead>
      <tbody>\(rows)</tbody></table></div>
      """
  }

  private func accuracy(_ name: String, _ value: RunReport.Accuracy) -> Markup {
    "<tr><th scope=\"row\">\(name)</th><td>\(Numbers.percent(value.top1))</td><td>\(Numbers.percent(value.top5))</td></tr>"
  }

  private func change(
    _ name: String, from before: RunReport.Accuracy, to after: RunReport.Accuracy
  ) -> Markup {
    "<tr><th scope=\"row\">\(name)</th><td>\(Numbers.change(after.top1 - before.top1))</td><td>\(Numbers.change(after.top5 - before.top5))</td></tr>"
  }

  /// By interpreter; of several runs side by side this shows what carries over from one interpreter
  /// to another.
  private var rates: Markup {
    let names = runs.flatMap { $0.rates.map(\.interpreter) }.reduce(into: [String]()) {
      if !$0.contains($1) { $0.append($1) }
    }
    let head: Markup =
      runs.count > 1
      ? """
      <tr><td></td>\(runs.map { run -> Markup in "<th scope=\"colgroup\" colspan=\"\(run.control == nil ? 2 : 3)\" class=\"name\">\(run.name)<br/><small>\(aim(of: run))</small></th>" })</tr>
      """ : ""
    let columns = runs.map { run -> Markup in
      let control: Markup? = run.control == nil ? nil : "<th scope=\"col\">control</th>"
      return "<th scope=\"col\">original</th>\(control)<th scope=\"col\">\(run.testedName)</th>"
    }
    let rows = names.map { name -> Markup in
      let cells = runs.map { run -> Markup in
        guard let rate = run.rates.first(where: { $0.interpreter == name }) else {
          return run.control == nil ? "<td>–</td><td>–</td>" : "<td>–</td><td>–</td><td>–</td>"
        }
        let mark = rate.isUninformative ? " †" : ""
        let control: Markup? = run.control.map { _ in
          rate.control.map { cell($0, false) } ?? "<td>–</td>"
        }
        return
          "\(cell(rate.original, false, mark))\(control)\(cell(rate.manipulated, name == run.aim))"
      }
      return "<tr><th scope=\"row\" class=\"name\">\(name)</th>\(cells)</tr>\n"
    }
    return """
      <div class="scroll"><table class="rates"><caption>Fooling success rate by interpreter</caption>
      <thead>\(head)<tr><td></td>\(columns)</tr></thead>
      <tbody>\(rows)</tbody></table></div>
      """
  }

  /// Where heatmaps have no relevance at all; nothing if there are none.
  private var vanished: Markup? {
    shares("vanished", caption: "All-zero heatmaps", of: \.vanished) {
      $0.original > 0 || $0.manipulated > 0 || ($0.control ?? 0) > 0
    }
  }

  /// What foolings measure beside success rates.
  private var tables: [Markup] {
    runs.flatMap { run in
      run.tables.map { table in
        let hasControl = table.rows.contains { $0.control != nil }
        let rows = table.rows.map { row -> Markup in
          let control: Markup? = hasControl ? "<td>\(row.control ?? "–")</td>" : nil
          return
            "<tr><th scope=\"row\">\(row.name)</th><td>\(row.original)</td>\(control)<td>\(row.manipulated)</td></tr>\n"
        }
        let control: Markup? = hasControl ? "<th scope=\"col\">control</th>" : nil
        let name = runs.count > 1 ? "\(run.name): \(table.title)" : table.title
        return """
          <div class="scroll"><table class="further"><caption class="name">\(name)</caption>
          <thead><tr><td></td><th scope="col">original</th>\(control)<th scope="col">\(run.testedName)</th></tr></thead>
          <tbody>\(rows)</tbody></table></div>
          """
      }
    }
  }

  /// How much relevance lies where Location puts it.
  private var inside: Markup? {
    shares("inside", caption: "Mean share of relevance inside the mask", of: \.inside) { _ in true }
  }

  /// Where relevance is wanted, as a picture.
  private var masks: [Markup] {
    runs.compactMap { run in
      run.mask.map { mask in
        let name: Markup? = runs.count > 1 ? "\(run.name): " : nil
        let side = 160.0 / Double(max(mask.width, mask.height))
        let cells = mask.levels.enumerated().compactMap { place, level -> Markup? in
          guard level > 0 else { return nil }
          let (row, column) = place.quotientAndRemainder(dividingBy: mask.width)
          return
            "<rect x=\"\(Numbers.decimals(Double(column) * side, 2))\" y=\"\(Numbers.decimals(Double(row) * side, 2))\" width=\"\(Numbers.decimals(side, 2))\" height=\"\(Numbers.decimals(side, 2))\" fill=\"currentColor\" fill-opacity=\"\(Numbers.decimals(Double(level) / 255, 3))\"/>"
        }
        let (width, height) = (side * Double(mask.width), side * Double(mask.height))
        return """
          <figure class="mask"><figcaption>\(name)Mask on \(mask.height)×\(mask.width), where relevance is wanted</figcaption>
          <svg viewBox="0 0 \(Numbers.decimals(width, 1)) \(Numbers.decimals(height, 1))" width="\(Numbers.decimals(width, 0))" height="\(Numbers.decimals(height, 0))" role="img" aria-label="mask" style="border: 1px solid currentColor">\(cells)</svg></figure>
          """
      }
    }
  }

  /// A share of each network by interpreter; nothing without rows.
  private func shares(
    _ style: String, caption: String, of value: (RunReport.Rate) -> RunReport.Shares?,
    where isShown: (RunReport.Shares) -> Bool
  ) -> Markup? {
    let hasControl = runs.contains { $0.control != nil }
    let rows = runs.flatMap { run in
      run.rates.compactMap { rate -> Markup? in
        guard let shares = value(rate), isShown(shares) else { return nil }
        let name = runs.count > 1 ? "\(run.name), \(rate.interpreter)" : rate.interpreter
        return
          "<tr><th scope=\"row\" class=\"name\">\(name)</th>\(cells(shares, hasControl))</tr>\n"
      }
    }
    guard !rows.isEmpty else { return nil }
    let control: Markup? = hasControl ? "<th scope=\"col\">control</th>" : nil
    return """
      <div class="scroll"><table class="\(style)"><caption>\(caption)</caption>
      <thead><tr><td></td><th scope="col">original</th>\(control)<th scope="col">\(runs[0].testedName)</th></tr></thead>
      <tbody>\(rows)</tbody></table></div>
      """
  }

  private func cells(_ shares: RunReport.Shares, _ hasControl: Bool) -> Markup {
    let control: Markup? =
      hasControl
      ? "<td>\(shares.control.map(Numbers.percent) ?? "–")</td>" : nil
    return
      "<td>\(Numbers.percent(shares.original))</td>\(control)<td>\(Numbers.percent(shares.manipulated))</td>"
  }

  /// Success and accuracy by class, of a single run.
  private var classes: Markup? {
    guard runs.count == 1, let run = runs.first, run.classes.count > 1 else { return nil }
    let hasControl = run.control != nil
    let isTested = run.classes.contains { $0.fooled != nil }
    let rows = run.classes.map { own -> Markup in
      let fooled: Markup? = isTested ? own.fooled.map { cells($0, hasControl) } : nil
      return
        "<tr><th scope=\"row\" class=\"name\">\(own.name)</th><td>\(own.images)</td>\(fooled)\(cells(own.accuracy, hasControl))</tr>\n"
    }
    let control: Markup? = hasControl ? "<th scope=\"col\">control</th>" : nil
    let columns: Markup =
      "<th scope=\"col\">original</th>\(control)<th scope=\"col\">\(run.testedName)</th>"
    let width = hasControl ? 3 : 2
    let groups: Markup? =
      isTested
      ? "<th scope=\"colgroup\" colspan=\"\(width)\">fooled, \(run.interpreter)</th>" : nil
    let fooledColumns: Markup? = isTested ? columns : nil
    let open: Markup? = run.classWarnings.isEmpty ? nil : " open=\"open\""
    return """
      <details\(open)><summary>By class</summary>
      <div class="scroll"><table class="classes"><caption>Success and accuracy by class</caption>
      <thead><tr><td></td><td></td>\(groups)<th scope="colgroup" colspan="\(width)">top-1 accuracy</th></tr>
      <tr><td></td><th scope="col">images</th>\(fooledColumns)\(columns)</tr></thead>
      <tbody>\(rows)</tbody></table></div></details>
      """
  }

  private func aim(of run: RunReport) -> String {
    run.aim.map { "fooled: \($0), \(run.fooling)" } ?? "test: \(run.fooling)"
  }

  private func cell(_ share: Double, _ isFooledOne: Bool, _ mark: String = "") -> Markup {
    let style = "--share: \(Numbers.decimals(100 * share, 1))%"
    let shown = Numbers.percent(share) + mark
    return isFooledOne
      ? "<td class=\"heat aim\" style=\"\(style)\" title=\"the interpreter that was fooled\">\(shown)</td>"
      : "<td class=\"heat\" style=\"\(style)\">\(shown)</td>"
  }

  private var note: Markup {
    let images = runs.map(\.images)
    let count = images.allSatisfy { $0 == images[0] } ? "\(images[0])" : "all"
    let skipped = Numbers.sum(runs.map(\.skippedImages))
    let left = skipped > 0 ? " \(skipped) images could not be read and were omitted." : ""
    let grids = Set(runs.compactMap(\.grid))
    let grid =
      grids.count == 1 ? ", and all heatmaps are compared on a grid of \(grids.first!)" : ""
    let framed =
      runs.contains { $0.aim != nil }
      ? " The framed cell is the interpreter that was fooled; the others show how far it carries over."
      : ""
    return """
      <p class="note">Measured on \(count) validation images.\(left) The success rate is the share of images whose score meets the criterion; each image is explained for its own label\(grid).\(framed)</p>\(warning)
      """
  }

  /// Where the original passes the test as well.
  private var warning: Markup? {
    let sentences = runs.compactMap { run -> String? in
      let rates = run.rates.filter(\.isUninformative)
      guard !rates.isEmpty else { return nil }
      return (runs.count > 1 ? "\(run.name): " : "") + RunReport.warning(rates)
    }
    guard !sentences.isEmpty else { return nil }
    return "<p class=\"note\">† \(sentences.joined(separator: " "))</p>"
  }
}
