import Foundation

/// The report of a sweep as one HTML file that needs nothing else and runs nothing.
public struct SweepReportPage: Sendable {
  let report: SweepReport

  public init(_ report: SweepReport) { self.report = report }

  private static let styles = """
    .sweep td.value, .sweep th.value { text-align: left; overflow-wrap: anywhere; white-space: normal; }
    .sweep tr.optimal td, .sweep tr.optimal th { font-weight: 600; }
    .sweep .chart { max-width: 54rem; }
    """

  /// The file's contents.
  public func html() -> String {
    PageFrame(
      toolVersion: report.toolVersion, title: report.name, kicker: "runs over a grid",
      subject: "Networks in this report were manipulated", bodyClass: "sweep", styles: Self.styles,
      introduction: introduction,
      links: [("pareto", "Success against accuracy"), ("points", "Points"), ("runs", "Runs")],
      main: "\(pareto)\n\(points)\n\(runs)"
    ).html()
  }

  private var introduction: Markup {
    let missing = report.runs - report.results.count
    let rest = missing > 0 ? " \(missing) of \(report.runs) runs are not finished." : ""
    let optimal = report.points.filter(\.isParetoOptimal)
    let best = optimal.max { $0.fsr.mean < $1.fsr.mean }
    let sentence =
      best.map {
        "The largest mean success rate, \(percent($0.fsr)), is that of \($0.name), for "
          + "\(lost($0.drop)) points of top-1."
      } ?? ""
    return "<p class=\"headline\">\(sentence)\(rest)</p>"
  }

  // MARK: Chart

  private var pareto: Markup {
    let chart = ScatterChart(
      title: "Fooling success rate against the drop of accuracy", xTitle: "top-1 lost, points",
      yRange: 0...1, yLabel: { "\(Numbers.decimals(100 * $0, 0)) %" },
      points: report.points.map { point in
        ScatterChart.Point(
          name: "\(point.name): \(percent(point.fsr)), \(lost(point.drop)) points lost",
          x: point.drop.mean, y: point.fsr.mean, xSpread: point.drop.standardDeviation ?? 0,
          ySpread: point.fsr.standardDeviation ?? 0, isMarked: point.isParetoOptimal)
      }
    ).markup(legend: ("Pareto-optimal", "other points"))
    return """
      <section id="pareto"><h2>Success against accuracy</h2>
      <p>A point is Pareto-optimal if no other loses as little and fools as much, and less or more in one of them. Bars are one standard deviation over the seeds.</p>
      \(chart)</section>
      """
  }

  // MARK: Tables

  private var points: Markup {
    let rows = report.points.map { point -> Markup in
      let style: Markup = point.isParetoOptimal ? "<tr class=\"optimal\">" : "<tr>"
      let mark = point.isParetoOptimal ? "yes" : ""
      return """
        \(style)\(cells(point.values))<td>\(point.runs)</td><td>\(percent(point.fsr))</td><td>\(lost(point.drop))</td><td>\(mark)</td></tr>

        """
    }
    return """
      <section id="points"><h2>Points</h2>
      <div class="scroll"><table><thead><tr>\(heads)<th scope="col">seeds</th><th scope="col">FSR</th><th scope="col">top-1 lost, points</th><th scope="col">Pareto-optimal</th></tr></thead>
      <tbody>\(rows)</tbody></table></div>
      <p class="note">Mean ± standard deviation over the seeds, of a sample.</p></section>
      """
  }

  private var runs: Markup {
    let rows = report.results.map { result -> Markup in
      """
      <tr>\(cells(result.values))<td>\(result.seed)</td><td>\(Numbers.percent(result.fsr))</td><td>\(Numbers.decimals(result.drop, 2))</td><td class="value"><a href="\(Self.address(result.folder))/report.html">report</a></td></tr>

      """
    }
    return """
      <section id="runs"><h2>Runs</h2>
      <div class="scroll"><table><thead><tr>\(heads)<th scope="col">seed</th><th scope="col">FSR</th><th scope="col">top-1 lost, points</th><td></td></tr></thead>
      <tbody>\(rows)</tbody></table></div>
      <p class="note">All numbers are in sweep.csv. Recipe: \(report.recipe)</p></section>
      """
  }

  /// Of a path in a link.
  private static func address(_ path: String) -> String {
    path.addingPercentEncoding(withAllowedCharacters: .urlPathAllowed) ?? path
  }

  private var heads: [Markup] {
    report.axes.map { "<th scope=\"col\" class=\"value\">\($0)</th>" }
  }

  private func cells(_ values: [String]) -> [Markup] {
    values.map { "<td class=\"value\">\($0)</td>" }
  }

  private func percent(_ spread: SweepReport.Spread) -> String {
    let text = Numbers.decimals(100 * spread.mean, 2)
    return spread.standardDeviation.map { "\(text) ± \(Numbers.decimals(100 * $0, 2)) %" }
      ?? text + " %"
  }

  private func lost(_ spread: SweepReport.Spread) -> String {
    let text = Numbers.decimals(spread.mean, 2)
    return spread.standardDeviation.map { "\(text) ± \(Numbers.decimals($0, 2))" } ?? text
  }
}
