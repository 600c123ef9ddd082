/// What reports of attacks share: values against ε, a curve for each method.
enum AttackPage {
  static func links(hasGallery: Bool) -> [(id: String, title: String)] {
    [("result", "Result"), ("curves", "Curves")] + (hasGallery ? [("gallery", "Gallery")] : [])
      + [("record", "What was done")]
  }

  /// - Parameters:
  ///   - lines: of all methods, each with its ε.
  static func chart<Line: AttackLine>(
    _ title: String, methods: [String], _ lines: [Line], _ value: (Line) -> Double
  ) -> Markup? {
    LineChart(
      title: title,
      series: methods.map { method in
        LineChart.Series(
          name: method,
          points: lines.filter { $0.method == method }.sorted { $0.epsilon < $1.epsilon }
            .map { ($0.epsilon, value($0)) })
      }, xTitle: "ε, of 255"
    ).markup()
  }

  static func curves(_ charts: [Markup?]) -> Markup {
    """
    <section id="curves"><h2>Curves</h2>
    <div class="charts">\(charts.compactMap(\.self))</div></section>
    """
  }
}

/// Means of one method at one ε.
protocol AttackLine {
  var method: String { get }
  var epsilon: Double { get }
}

extension AttackReport.Line: AttackLine {}
extension InfluenceReport.Line: AttackLine {}
