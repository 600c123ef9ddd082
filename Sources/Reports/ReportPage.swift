/// The report of one run, or of several side by side, as one HTML file that needs nothing else.
///
/// Numbers, tables and charts are plain HTML and SVG; a small program in the page colours the
/// heatmaps, sorts the gallery and switches between original and manipulated. A content security
/// policy keeps the page from loading anything.
public struct ReportPage: Sendable {
  let runs: [RunReport]

  /// - Precondition: there is a run.
  public init(_ runs: [RunReport]) {
    precondition(!runs.isEmpty, "a report of no run")
    self.runs = runs
  }

  public init(_ run: RunReport) { self.init([run]) }

  var isComparison: Bool { runs.count > 1 }

  var title: String {
    isComparison ? "\(runs.count) runs compared" : runs[0].name
  }

  /// Network, fooling, interpreter and layer, of a single run.
  private var subtitle: Markup? {
    isComparison ? nil : "<p class=\"name\">\(runs[0].subtitle)</p>\n"
  }

  /// The file's contents.
  public func html() -> String {
    let gallery = GallerySection(runs: runs)
    return PageFrame(
      toolVersion: runs[0].toolVersion, title: title, kicker: "manipulated explanations",
      subject: runs.contains { $0.testedName == "manipulated" }
        ? "The networks in this report were manipulated" : nil,
      introduction: "\(subtitle)\(sentences)",
      links: links(hasGallery: !gallery.isEmpty),
      main: """
        \(ResultSection(runs: runs).markup())
        \(budget)
        \(metrics)
        \(histograms)
        \(curves)
        \(gallery.markup())
        \(record)
        """,
      script: .inline, program: gallery.isEmpty ? nil : gallery.program()
    ).html()
  }

  private var sentences: Markup {
    guard isComparison else { return "<p class=\"headline\">\(runs[0].sentence)</p>" }
    let items = runs.map { run -> Markup in
      "<li><b class=\"name\">\(run.name)</b> \(run.sentence)</li>"
    }
    return "<ul class=\"headline\">\(items)</ul>"
  }

  private func links(hasGallery: Bool) -> [(id: String, title: String)] {
    var links: [(id: String, title: String)] = [("result", "Result")]
    if let metrics = runs.lazy.compactMap(\.metrics).first {
      links.append((metrics.name, "Metrics"))
    }
    if runs.contains(where: { !$0.testLosses.isEmpty }) { links.append(("tests", "Scores")) }
    if hasCurves { links.append(("training", "Training")) }
    if hasGallery { links.append(("gallery", "Gallery")) }
    links.append(("record", "What was done"))
    return links
  }

  // MARK: Budget

  private var budget: Markup? {
    let parts = runs.filter { !$0.budget.isEmpty }.map { run -> Markup in
      let name: Markup? = isComparison ? "<h3 class=\"name\">\(run.name)</h3>" : nil
      let items = run.budget.map { text -> Markup in "<li>\(text)</li>" }
      func points(_ isFinal: Bool) -> [(x: Double, y: Double)] {
        run.frontier.filter { $0.isFinal == isFinal }.map { ($0.drop, $0.rate) }
      }
      let chart = LineChart(
        title: "Success rate that each drop buys",
        series: [
          .init(name: "on calibration images", points: points(false)),
          .init(name: "on all others", points: points(true)),
        ], xTitle: "drop of top-1 accuracy, points", yRange: 0...1,
        label: { "\(Numbers.decimals(100 * $0, 0)) %" }
      ).markup()
      return "<div>\(name)<ul>\(items)</ul><div class=\"charts\">\(chart)</div></div>"
    }
    guard !parts.isEmpty else { return nil }
    return "<section id=\"budget\"><h2>Budget</h2>\(parts)</section>"
  }

  // MARK: Metrics

  private var metrics: Markup? {
    let sections = runs.compactMap { run -> Markup? in
      guard var section = run.metrics else { return nil }
      if isComparison { section.title = "\(run.name): \(section.title)" }
      return StudyReportPage.section(section)
    }
    return sections.isEmpty ? nil : "\(sections)"
  }

  // MARK: Scores

  private var histograms: Markup? {
    let charts = runs.flatMap { run in
      run.testLosses.compactMap { losses in
        Histogram(
          losses: losses, test: run.test,
          title: isComparison ? "\(run.name): \(losses.interpreter)" : losses.interpreter
        ).markup()
      }
    }
    guard !charts.isEmpty else { return nil }
    return """
      <section id="tests"><h2>Scores</h2>
      <p>How many images have which score. An image meets the criterion if its score lies in the shaded region.</p>
      <div class="charts">\(charts)</div></section>
      """
  }

  // MARK: Training

  private var hasCurves: Bool { runs.contains { !$0.steps.isEmpty } }

  private var curves: Markup? {
    guard hasCurves else { return nil }
    let charts = isComparison ? comparedCurves : curves(of: runs[0])
    return """
      <section id="training"><h2>Training</h2>
      <div class="charts">\(charts.compactMap { $0.markup() })</div></section>
      """
  }

  private func curves(of run: RunReport) -> [LineChart] {
    func points(_ value: (RunReport.StepPoint) -> Double?) -> [(x: Double, y: Double)] {
      run.steps.compactMap { step in value(step).map { (Double(step.step), $0) } }
    }
    let losses = LineChart(
      title: "Loss",
      series: [
        .init(name: "loss", points: points(\.loss)),
        .init(name: "cross-entropy", points: points(\.crossEntropy)),
        .init(name: "penalty (without its weight λ)", points: points(\.penalty)),
      ], xTitle: "step")
    return [losses, validation(of: [run])]
  }

  private var comparedCurves: [LineChart] {
    func chart(_ title: String, _ value: @escaping (RunReport.StepPoint) -> Double?) -> LineChart {
      LineChart(
        title: title,
        series: runs.map { run in
          .init(
            name: run.name,
            points: run.steps.compactMap { step in value(step).map { (Double(step.step), $0) } })
        }, xTitle: "step")
    }
    return [
      chart("Penalty (without its weight λ)", \.penalty), chart("Cross-entropy", \.crossEntropy),
      validation(of: runs),
    ]
  }

  private func validation(of runs: [RunReport]) -> LineChart {
    let series = runs.flatMap { run -> [LineChart.Series] in
      let prefix = isComparison ? run.name + ": " : ""
      let names = isComparison ? [run.interpreter] : run.rates.map(\.interpreter)
      let accuracy = LineChart.Series(
        name: prefix + "top-1 accuracy",
        points: run.validations.map { (Double($0.step), $0.top1) })
      return [accuracy]
        + names.map { name in
          .init(
            name: prefix + "fooled, \(name)",
            points: run.validations.compactMap { validation in
              validation.rates[name].map { (Double(validation.step), $0) }
            })
        }
    }
    return LineChart(
      title: "Validation", series: series, xTitle: "step", yRange: 0...1,
      label: { "\(Numbers.decimals(100 * $0, 0)) %" })
  }

  // MARK: What was done

  private var record: Markup {
    let parts = runs.map { run -> Markup in
      let facts = run.facts.map { fact -> Markup in
        "<dt>\(fact.name)</dt><dd class=\"name\">\(fact.value)</dd>"
      }
      let recipe: Markup? = run.recipe.map {
        "<details><summary>The recipe, complete</summary><pre tabindex=\"0\">\($0)</pre></details>"
      }
      let name: Markup? = isComparison ? "<h3 class=\"name\">\(run.name)</h3>" : nil
      return "<div>\(name)<dl>\(facts)</dl>\(recipe)</div>"
    }
    return "<section id=\"record\"><h2>What was done</h2>\(parts)</section>"
  }
}
