import Checkpoints
import Faithfulness
import Manipulation

extension Summary {
  /// Metrics of both networks' heatmaps, by interpreter, within 80 columns; empty where there are none.
  var metricTables: String {
    let metrics = metrics ?? []
    var interpreters: [String] = []
    for metric in metrics where !interpreters.contains(metric.interpreter) {
      interpreters.append(metric.interpreter)
    }
    let hasControl = metrics.contains { $0.control != nil }
    let tables = interpreters.map { name -> String in
      let rows = metrics.filter { $0.interpreter == name }.map { metric -> [String] in
        func text(_ value: Double?) -> String { value.map(Format.significant) ?? "–" }
        return [metric.title, metric.better, text(metric.original.mean)]
          + (hasControl ? [text(metric.control?.mean)] : [])
          + [
            text(metric.manipulated.mean), text(metric.differenceError),
            metric.verdict.map { $0 == .worse ? "worse" : "no worse" } ?? "–",
          ]
      }
      let head =
        [printable(name), "better", "original"] + (hasControl ? ["control"] : [])
        + [testedName, "± of diff.", "rated"]
      return Format.table([head] + rows) + "\n"
    }
    let sentences = MetricComparison.sentences(metrics, of: testedName).flatMap { sentence in
      Format.wrapped("", "Metrics: \(printable(sentence)).", width: 80).map { $0[1] + "\n" }
    }
    return tables.joined() + sentences.joined() + (sentences.isEmpty ? "" : "\n")
  }
}
