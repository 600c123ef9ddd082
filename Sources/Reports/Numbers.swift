import Foundation

/// Numbers as a report shows them.
enum Numbers {
  static func decimals(_ value: Double, _ count: Int) -> String {
    String(format: "%.\(count)f", value)
  }

  /// Of a share in [0, 1]: `84.55 %`.
  static func percent(_ share: Double) -> String { decimals(100 * share, 2) + " %" }

  /// A difference of shares in points, with its sign: `+0.55`, `−1.10`.
  static func change(_ difference: Double) -> String {
    let text = decimals(abs(100 * difference), 2)
    return text == "0.00" ? text : (difference < 0 ? "−" : "+") + text
  }

  /// Three digits that matter: `0.0413`, `12.3`, `1.2e-05`; whole numbers whole: `1200`.
  static func short(_ value: Double) -> String {
    guard value.isFinite else { return "–" }
    if value == value.rounded(), abs(value) < 1e6 { return "\(Int(value))" }
    let text = String(format: "%.3g", value)
    return text == "-0" ? "0" : text
  }

  /// Up to about `count` round numbers within `range`, in equal steps.
  static func ticks(_ range: ClosedRange<Double>, about count: Int = 5) -> [Double] {
    let length = range.upperBound - range.lowerBound
    guard length > 0, length.isFinite else { return [range.lowerBound] }
    let raw = length / Double(count)
    let power = pow(10, floor(log10(raw)))
    let step = ([1, 2, 5, 10].first { $0 * power >= raw } ?? 10) * power
    let first = (range.lowerBound / step - 1e-9).rounded(.up)
    let last = (range.upperBound / step + 1e-9).rounded(.down)
    // Of the smallest numbers there are no powers of ten, and between the largest no steps.
    guard step > 0, last >= first, last - first <= Double(4 * count) else {
      return [range.lowerBound]
    }
    return (0...Int(last - first)).map { (first + Double($0)) * step }.filter(\.isFinite)
  }

  /// Numbers of a chart's axis: what was read from a file may be infinite, no number, or so large that
  /// differences are.
  static func isDrawable(_ value: Double) -> Bool { value.isFinite && abs(value) <= largest }

  /// Four of these can be added.
  static let largest = Double.greatestFiniteMagnitude / 8

  /// Without an overflow: counts come from files.
  static func sum(_ counts: some Sequence<Int>) -> Int {
    counts.reduce(0) { sum, count in
      let (total, overflows) = sum.addingReportingOverflow(count)
      return overflows ? (count > 0 ? Int.max : Int.min) : total
    }
  }
}
