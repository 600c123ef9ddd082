/// Points in a plane with bars for their spread, as SVG; a line joins those that are marked.
struct ScatterChart {
  struct Point {
    /// What a reader is told of it.
    let name: String
    let x: Double
    let y: Double
    /// How far it goes to each side.
    var xSpread = 0.0
    var ySpread = 0.0
    var isMarked = false

    fileprivate var isDrawable: Bool {
      [x, y, xSpread, ySpread].allSatisfy(Numbers.isDrawable)
    }
  }

  let title: String
  let xTitle: String
  let yRange: ClosedRange<Double>
  var yLabel: (Double) -> String = Numbers.short
  let points: [Point]

  /// Figure with its legend; `nil` if there is nothing to draw.
  /// - Parameter legend: what marked points are, and the others.
  func markup(legend: (marked: String, other: String)) -> Markup? {
    let points = points.filter(\.isDrawable)
    guard !points.isEmpty else { return nil }
    let least = points.map { $0.x - $0.xSpread }.min() ?? 0
    let most = points.map { $0.x + $0.xSpread }.max() ?? 0
    let margin = max(0.05 * (most - least), 1e-3 * max(1, abs(most)))
    let axes = ChartAxes(
      x: min(0, least - margin)...max(0, most + margin), y: yRange, plot: LineChart.plot)
    func key(_ point: Point) -> String { point.isMarked ? "s2" : "s7" }
    let bars = points.map { point -> Markup in
      let (x, y) = (axes.x(point.x), axes.y(point.y))
      return """
        <path class="line spread \(key(point))" d="M\(axes.x(point.x - point.xSpread)) \(y)H\(axes.x(point.x + point.xSpread))M\(x) \(axes.y(point.y - point.ySpread))V\(axes.y(point.y + point.ySpread))"/>
        """
    }
    let marked = points.filter(\.isMarked).sorted { ($0.x, $0.y) < ($1.x, $1.y) }
    let path = marked.enumerated().map { place, point in
      "\(place == 0 ? "M" : "L")\(axes.x(point.x)) \(axes.y(point.y))"
    }.joined()
    let line: Markup? = marked.count > 1 ? "<path class=\"line s0\" d=\"\(path)\"/>" : nil
    let dots = points.map { point -> Markup in
      "<circle class=\"dot \(key(point))\" cx=\"\(axes.x(point.x))\" cy=\"\(axes.y(point.y))\" r=\"\(point.isMarked ? 5 : 4)\"><title>\(point.name)</title></circle>"
    }
    return """
      <figure class="chart"><figcaption>\(title)</figcaption>
      <svg viewBox="0 0 480 250" role="img" aria-label="\(title): \(marked.map(\.name).joined(separator: "; "))">
      \(axes.markup(xTitle: xTitle, yLabel: yLabel))\(line)\(bars)\(dots)</svg>
      <ul class="legend"><li><span class="key s2"></span>\(legend.marked)</li><li><span class="key s7"></span>\(legend.other)</li></ul></figure>
      """
  }
}
