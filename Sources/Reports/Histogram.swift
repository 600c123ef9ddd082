/// How the scores of one interpreter spread, before and after, with the region that meets the
/// criterion; as SVG.
struct Histogram {
  static let bins = 36

  let losses: RunReport.TestLosses
  let test: RunReport.SuccessTest?
  let title: String

  /// Numbers of images in equal parts of `range`; the upper bound belongs to the last.
  static func counts(_ values: [Double], in range: ClosedRange<Double>) -> [Int] {
    let length = range.upperBound - range.lowerBound
    return values.reduce(into: [Int](repeating: 0, count: bins)) { counts, value in
      guard value.isFinite, range.contains(value) else { return }
      let place = length > 0 ? (value - range.lowerBound) / length : 0
      guard place.isFinite else { return }
      counts[min(bins - 1, max(0, Int(place * Double(bins))))] += 1
    }
  }

  /// `nil` without scores.
  func markup() -> Markup? {
    let values = (losses.original + losses.manipulated).filter(Numbers.isDrawable)
    guard let smallest = values.min(), let largest = values.max() else { return nil }
    // The bound that decides is shown even if no image is near it.
    let bound = test.map { $0.isSmallerFooled ? $0.upper : $0.lower }
      .flatMap { Numbers.isDrawable($0) ? $0 : nil }
    let lower = min(smallest, bound ?? smallest, 0)
    let upper = max(largest, bound ?? largest, lower + max(1e-9, abs(lower) * 1e-9))
    let range = lower...upper
    let before = Self.counts(losses.original, in: range)
    let after = Self.counts(losses.manipulated, in: range)
    let highest = Double((before + after).max() ?? 1)
    let axes = ChartAxes(x: range, y: 0...highest * 1.05, plot: LineChart.plot)
    let step = (upper - lower) / Double(Self.bins)
    func bars(_ counts: [Int], _ name: String) -> [Markup] {
      counts.enumerated().compactMap { bin, count in
        guard count > 0 else { return nil }
        let (from, to) = (lower + Double(bin) * step, lower + Double(bin + 1) * step)
        let width = axes.position(x: to) - axes.position(x: from)
        let (top, bottom) = (axes.position(y: Double(count)), axes.position(y: 0))
        return """
          <rect class="bar \(name)" x="\(axes.x(from))" y="\(Numbers.decimals(top, 1))" width="\(Numbers.decimals(width, 1))" height="\(Numbers.decimals(bottom - top, 1))"><title>\(name): \(count) images from \(Numbers.short(from)) to \(Numbers.short(to))</title></rect>
          """
      }
    }
    return """
      <figure class="chart"><figcaption>\(title)</figcaption>
      <svg viewBox="0 0 480 250" role="img" aria-label="\(title): \(description)">
      \(region(axes, range))\(axes.markup(xTitle: "score", yLabel: Numbers.short))
      \(bars(before, "original"))\(bars(after, "manipulated"))\(threshold(bound, axes))</svg>
      <ul class="legend"><li><span class="key original"></span>original</li>
      <li><span class="key manipulated"></span>manipulated</li>
      <li><span class="key fooled"></span>meets the criterion</li></ul></figure>
      """
  }

  private var description: String {
    guard let test else { return "\(losses.manipulated.count) images" }
    return "\(losses.original.count(where: test.isFooled)) of \(losses.original.count) images are "
      + "fooled by the original, \(losses.manipulated.count(where: test.isFooled)) of "
      + "\(losses.manipulated.count) by the manipulated network"
  }

  private func region(_ axes: ChartAxes, _ range: ClosedRange<Double>) -> Markup? {
    guard let test, test.lower <= test.upper, test.lower <= range.upperBound,
      test.upper >= range.lowerBound
    else { return nil }
    let from = axes.position(x: max(test.lower, range.lowerBound))
    let to = axes.position(x: min(test.upper, range.upperBound))
    let (top, height) = (LineChart.plot.top, LineChart.plot.bottom - LineChart.plot.top)
    return """
      <rect class="region" x="\(Numbers.decimals(from, 1))" y="\(Numbers.decimals(top, 1))" width="\(Numbers.decimals(max(to - from, 0.5), 1))" height="\(Numbers.decimals(height, 1))"/>
      """
  }

  private func threshold(_ bound: Double?, _ axes: ChartAxes) -> Markup? {
    guard let bound else { return nil }
    let x = axes.x(bound)
    let isRight = axes.position(x: bound) > (LineChart.plot.left + LineChart.plot.right) / 2
    return """
      <line class="threshold" x1="\(x)" x2="\(x)" y1="\(Numbers.decimals(LineChart.plot.top, 1))" y2="\(Numbers.decimals(LineChart.plot.bottom, 1))"/>
      <text class="tick \(isRight ? "end" : "start")" x="\(Numbers.decimals(axes.position(x: bound) + (isRight ? -5 : 5), 1))" y="\(Numbers.decimals(LineChart.plot.top + 12, 1))">threshold \(Numbers.short(bound))</text>
      """
  }
}
