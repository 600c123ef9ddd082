import Faithfulness
import Foundation
import Reports

extension StudyReport.Section {
  /// What metrics say of heatmaps of networks and of those that they were made from.
  /// - Parameter groups: by the name of a network, compared with its original.
  package init(metrics groups: [(network: String, comparisons: [MetricComparison])]) {
    func text(_ value: Double?) -> String { value.map { String(format: "%.4g", $0) } ?? "–" }
    let tables = groups.flatMap { group -> [StudyReport.Table] in
      Self.interpreters(group.comparisons).map { interpreter in
        let own = group.comparisons.filter { $0.interpreter == interpreter }
        let hasControl = own.contains { $0.control != nil }
        return StudyReport.Table(
          caption: "\(group.network), \(interpreter)",
          head: ["better", "original"] + (hasControl ? ["control"] : [])
            + [group.network, "difference", "±", "rated"],
          rows: own.map { metric in
            var cells = [metric.better, text(metric.original.mean)]
            if hasControl { cells.append(text(metric.control?.mean)) }
            cells += [
              text(metric.manipulated.mean), text(metric.difference), text(metric.differenceError),
            ]
            cells.append(metric.verdict.map { $0 == .worse ? "worse" : "no worse" } ?? "–")
            return StudyReport.Table.Row(metric.title, cells.map { StudyReport.Table.Cell($0) })
          })
      }
    }
    let charts = groups.flatMap { group -> [StudyReport.Chart] in
      group.comparisons.filter { $0.curve.count > 1 }.map { metric in
        func line(
          _ name: String, _ value: (MetricComparison.Point) -> Double?
        ) -> StudyReport.Series {
          StudyReport.Series(
            name: name,
            points: metric.curve.compactMap { point in
              value(point).map { StudyReport.Series.Point(x: point.x, y: $0) }
            })
        }
        let series = [
          line("original", \.original), line("control", \.control),
          line(group.network, \.manipulated),
        ].filter { !$0.points.isEmpty }
        return StudyReport.Chart(
          title: "\(metric.title), \(metric.interpreter)",
          xTitle: metric.metric == "mprt" ? "layers with random parameters" : "share of pixels",
          series: series)
      }
    }
    let all = groups.flatMap { $0.comparisons }
    let undefined = all.filter { $0.original.undefined + $0.manipulated.undefined > 0 }
    let omitted =
      undefined.isEmpty
      ? ""
      : " Not defined for some heatmaps, which are omitted: "
        + undefined.map {
          "\($0.title) by \($0.interpreter), \($0.original.undefined) of the original and "
            + "\($0.manipulated.undefined) of the other"
        }.joined(separator: "; ") + "."
    self.init(
      name: "faithfulness", title: "Metrics of the heatmaps",
      question:
        "Which metrics notice that heatmaps were changed? One that rates the manipulated network's "
        + "heatmaps no worse than the original's is fooled with them.",
      findings: groups.flatMap { MetricComparison.sentences($0.comparisons, of: $0.network) }.map {
        $0 + "."
      }, tables: tables, charts: charts,
      note:
        "Means over \(all.first?.images ?? 0) images, heatmaps of their labels resized to the image; the same masks, "
        + "noise and random parameters for each network. ±: standard error of the mean difference; "
        + "\"worse\": by more than two of them. Definitions of Quantus 0.6 (Hedström et al. 2023); "
        + "deletion and insertion: Petsiuk et al. 2018." + omitted)
  }

  private static func interpreters(_ comparisons: [MetricComparison]) -> [String] {
    comparisons.reduce(into: []) { names, comparison in
      if !names.contains(comparison.interpreter) { names.append(comparison.interpreter) }
    }
  }
}
