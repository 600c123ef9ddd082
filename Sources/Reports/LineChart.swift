/// Lines over training steps, as SVG.
struct LineChart {
  struct Series {
    let name: String
    let points: [(x: Double, y: Double)]
    /// How far each point's value goes up and down, drawn as a band; none if empty.
    var spreads: [Double] = []
  }

  /// Of the drawing, in its own units; the page scales it.
  static let width = 480.0
  static let height = 250.0
  static let plot = (left: 52.0, right: 468.0, top: 12.0, bottom: 212.0)
  /// Longer series are reduced to the means of equal parts.
  static let mostPoints = 240

  let title: String
  let series: [Series]
  let xTitle: String
  /// Fixed range of the vertical axis; what the points need, from 0, if `nil`.
  var yRange: ClosedRange<Double>?
  /// What is written at the vertical axis, of a value.
  var label: (Double) -> String = Numbers.short

  /// Figure with its legend; `nil` if there is nothing to draw.
  func markup() -> Markup? {
    let series = series.map { series in
      let points = Self.reduced(series.points)
      let spreads = series.spreads.map { $0.isNaN ? 0 : min(abs($0), Numbers.largest) }
      return Series(
        name: series.name, points: points,
        spreads: points.count == spreads.count ? spreads : [])
    }.filter { !$0.points.isEmpty }
    let points = series.flatMap(\.points)
    guard !points.isEmpty else { return nil }
    let xs = (points.map(\.x).min() ?? 0)...(points.map(\.x).max() ?? 0)
    let bounds = points.map(\.y) + series.flatMap { $0.upperBounds + $0.lowerBounds }
    let largest = bounds.max() ?? 0
    let smallest = min(0, bounds.min() ?? 0)
    let given = yRange.flatMap { range in
      Numbers.isDrawable(range.lowerBound) && Numbers.isDrawable(range.upperBound) ? range : nil
    }
    let ys =
      given ?? smallest...max(largest * 1.05, smallest + max(1e-9, abs(smallest) * 1e-9))
    let axes = ChartAxes(x: xs, y: ys, plot: Self.plot)
    let bands = series.enumerated().compactMap { index, series -> Markup? in
      guard series.spreads.contains(where: { $0 > 0 }) else { return nil }
      let border =
        zip(series.points, series.upperBounds).map { ($0.x, $1) }
        + zip(series.points, series.lowerBounds).map { ($0.x, $1) }.reversed()
      let corners = border.map { "\(axes.x($0.0)),\(axes.y($0.1))" }.joined(separator: " ")
      return "<polygon class=\"band s\(index % 8)\" points=\"\(corners)\"/>"
    }
    let lines = series.enumerated().map { index, series -> Markup in
      let path = series.points.enumerated().map { place, point in
        "\(place == 0 ? "M" : "L")\(axes.x(point.x)) \(axes.y(point.y))"
      }.joined()
      guard series.points.count < 12 else {
        return "<path class=\"line s\(index % 8)\" d=\"\(path)\"/>"
      }
      let dots = series.points.map { point -> Markup in
        "<circle class=\"dot s\(index % 8)\" cx=\"\(axes.x(point.x))\" cy=\"\(axes.y(point.y))\" r=\"3\"><title>\(series.name): \(label(point.y)) at \(Numbers.short(point.x))</title></circle>"
      }
      return "<path class=\"line s\(index % 8)\" d=\"\(path)\"/>\(dots)"
    }
    let legend = series.enumerated().map { index, series -> Markup in
      "<li><span class=\"key s\(index % 8)\"></span>\(series.name)</li>"
    }
    return """
      <figure class="chart"><figcaption>\(title)</figcaption>
      <svg viewBox="0 0 480 250" role="img" aria-label="\(title): \(description(series))">
      \(axes.markup(xTitle: xTitle, yLabel: label))\(bands)\(lines)</svg>
      <ul class="legend">\(legend)</ul></figure>
      """
  }

  /// For those who do not see it: where each line begins and ends.
  private func description(_ series: [Series]) -> String {
    series.map { series in
      guard let first = series.points.first, let last = series.points.last else { return "" }
      return "\(series.name) from \(label(first.y)) to \(label(last.y))"
    }.joined(separator: ", ")
  }

  static func reduced(_ points: [(x: Double, y: Double)]) -> [(x: Double, y: Double)] {
    let points = points.filter { Numbers.isDrawable($0.x) && Numbers.isDrawable($0.y) }
    guard points.count > mostPoints else { return points }
    return (0..<mostPoints).map { part in
      let own = points[part * points.count / mostPoints..<(part + 1) * points.count / mostPoints]
      let count = Double(own.count)
      return (own.reduce(0) { $0 + $1.x } / count, own.reduce(0) { $0 + $1.y } / count)
    }
    // A sum of large numbers may be infinite.
    .filter { Numbers.isDrawable($0.x) && Numbers.isDrawable($0.y) }
  }
}

extension LineChart.Series {
  fileprivate var upperBounds: [Double] { zip(points, spreads).map { $0.y + $1 } }
  fileprivate var lowerBounds: [Double] { zip(points, spreads).map { $0.y - $1 } }
}

/// Axes with round numbers.
struct ChartAxes {
  let xRange: ClosedRange<Double>
  let yRange: ClosedRange<Double>
  let plot: (left: Double, right: Double, top: Double, bottom: Double)

  init(
    x: ClosedRange<Double>, y: ClosedRange<Double>,
    plot: (left: Double, right: Double, top: Double, bottom: Double)
  ) {
    (xRange, yRange, self.plot) = (x, y, plot)
  }

  private func place(_ value: Double, in range: ClosedRange<Double>) -> Double {
    let length = range.upperBound - range.lowerBound
    return length > 0 ? (value - range.lowerBound) / length : 0.5
  }

  func x(_ value: Double) -> String { Numbers.decimals(position(x: value), 1) }
  func y(_ value: Double) -> String { Numbers.decimals(position(y: value), 1) }

  func position(x value: Double) -> Double {
    plot.left + place(value, in: xRange) * (plot.right - plot.left)
  }

  func position(y value: Double) -> Double {
    plot.bottom - min(max(place(value, in: yRange), 0), 1) * (plot.bottom - plot.top)
  }

  func markup(xTitle: String, yLabel: (Double) -> String) -> Markup {
    let horizontal = Numbers.ticks(yRange).map { tick -> Markup in
      """
      <line class="grid" x1="\(Numbers.decimals(plot.left, 1))" x2="\(Numbers.decimals(plot.right, 1))" y1="\(y(tick))" y2="\(y(tick))"/>
      <text class="tick end" x="\(Numbers.decimals(plot.left - 6, 1))" y="\(Numbers.decimals(position(y: tick) + 4, 1))">\(yLabel(tick))</text>
      """
    }
    let vertical = Numbers.ticks(xRange).map { tick -> Markup in
      """
      <text class="tick middle" x="\(x(tick))" y="\(Numbers.decimals(plot.bottom + 17, 1))">\(Numbers.short(tick))</text>
      """
    }
    return """
      \(horizontal)\(vertical)<text class="tick middle" x="\(Numbers.decimals((plot.left + plot.right) / 2, 1))" y="\(Numbers.decimals(plot.bottom + 34, 1))">\(xTitle)</text>
      """
  }
}
