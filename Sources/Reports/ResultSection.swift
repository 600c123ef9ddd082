/// Accuracies and success rates as tables, the latter coloured by their height.
struct ResultSection {
  let runs: [RunReport]

  func markup() -> Markup {
    """
    <section id="result"><h2>Result</h2>
    <div class="tables">\(accuracies)\(rates)\(vanished)</div>
    \(note)</section>
    """
  }

  private var accuracies: Markup {
    let rows = runs.map { run -> Markup in
      let name: Markup? =
        runs.count > 1
        ? "<tr class=\"run\"><th colspan=\"3\" scope=\"rowgroup\" class=\"name\">\(run.name)</th></tr>"
        : nil
      return """
        \(name)<tr><th scope="row">original</th><td>\(Numbers.percent(run.original.top1))</td><td>\(Numbers.percent(run.original.top5))</td></tr>
        <tr><th scope="row">manipulated</th><td>\(Numbers.percent(run.manipulated.top1))</td><td>\(Numbers.percent(run.manipulated.top5))</td></tr>
        <tr><th scope="row">drop, points</th><td>\(points(run.original.top1 - run.manipulated.top1))</td><td>\(points(run.original.top5 - run.manipulated.top5))</td></tr>

        """
    }
    return """
      <div class="scroll"><table class="accuracy"><caption>Accuracy</caption>
      <thead><tr><td></td><th scope="col">top-1</th><th scope="col">top-5</th></tr></thead>
      <tbody>\(rows)</tbody></table></div>
      """
  }

  private func points(_ share: Double) -> String { Numbers.decimals(100 * share, 2) }

  /// By interpreter; of several runs side by side this shows what carries over from one interpreter
  /// to another.
  private var rates: Markup {
    let names = runs.flatMap { $0.rates.map(\.interpreter) }.reduce(into: [String]()) {
      if !$0.contains($1) { $0.append($1) }
    }
    let head: Markup =
      runs.count > 1
      ? """
      <tr><td></td>\(runs.map { run -> Markup in "<th scope=\"colgroup\" colspan=\"2\" class=\"name\">\(run.name)<br/><small>\(aim(of: run))</small></th>" })</tr>
      """ : ""
    let columns = runs.map { _ -> Markup in
      "<th scope=\"col\">original</th><th scope=\"col\">manipulated</th>"
    }
    let rows = names.map { name -> Markup in
      let cells = runs.map { run -> Markup in
        guard let rate = run.rates.first(where: { $0.interpreter == name }) else {
          return "<td>–</td><td>–</td>"
        }
        let mark = rate.saysLittle ? " †" : ""
        return "\(cell(rate.original, false, mark))\(cell(rate.manipulated, name == run.aim))"
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
    let rows = runs.flatMap { run in
      run.rates.compactMap { rate -> Markup? in
        guard let shares = rate.vanished, shares.original > 0 || shares.manipulated > 0 else {
          return nil
        }
        let name = runs.count > 1 ? "\(run.name), \(rate.interpreter)" : rate.interpreter
        return
          "<tr><th scope=\"row\" class=\"name\">\(name)</th><td>\(Numbers.percent(shares.original))</td><td>\(Numbers.percent(shares.manipulated))</td></tr>\n"
      }
    }
    guard !rows.isEmpty else { return nil }
    return """
      <div class="scroll"><table class="vanished"><caption>Heatmaps without any relevance</caption>
      <thead><tr><td></td><th scope="col">original</th><th scope="col">manipulated</th></tr></thead>
      <tbody>\(rows)</tbody></table></div>
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
    let left = skipped > 0 ? " \(skipped) images could not be read and were left out." : ""
    let framed =
      runs.contains { $0.aim != nil }
      ? " The framed cell is the interpreter that was fooled; the others show how far it carries over."
      : ""
    return """
      <p class="note">Measured on \(count) validation images.\(left) The success rate is the share of images whose test loss counts as fooled.\(framed)</p>\(warning)
      """
  }

  /// Where the original passes the test as well.
  private var warning: Markup? {
    let sentences = runs.compactMap { run -> String? in
      let rates = run.rates.filter(\.saysLittle)
      guard !rates.isEmpty else { return nil }
      return (runs.count > 1 ? "\(run.name): " : "") + RunReport.warning(rates)
    }
    guard !sentences.isEmpty else { return nil }
    return "<p class=\"note\">† \(sentences.joined(separator: " "))</p>"
  }
}
