import Checkpoints
import Foundation

/// Numbers as people read them.
enum Format {
  /// A difference in points with its sign: `+0.55`, `−1.10`.
  static func change(_ points: Double) -> String {
    let text = decimals(abs(points), 2)
    return text == "0.00" ? text : (points < 0 ? "−" : "+") + text
  }

  static func decimals(_ value: Double, _ count: Int) -> String {
    String(format: "%.\(count)f", value)
  }

  /// Three digits: `0.0003`, `12.5`, `1.2e-05`.
  static func significant(_ value: Double) -> String { String(format: "%.3g", value) }

  /// Of a share in [0, 1]: `84.55 %`.
  static func percent(_ share: Double) -> String { decimals(100 * share, 2) + " %" }

  /// `45 s`, `3 min 20 s`, `2 h 5 min`.
  static func duration(_ seconds: Double) -> String {
    guard seconds.isFinite, seconds >= 0, seconds < 1e9 else { return "unknown time" }
    let total = Int(seconds.rounded())
    if total < 60 { return "\(total) s" }
    if total < 3600 { return "\(total / 60) min \(total % 60) s" }
    return "\(total / 3600) h \(total % 3600 / 60) min"
  }

  /// `1.2 GB`
  static func bytes(_ count: Int) -> String {
    switch Double(count) {
    case 1e9...: decimals(Double(count) / 1e9, 1) + " GB"
    case 1e6...: decimals(Double(count) / 1e6, 1) + " MB"
    case 1e3...: decimals(Double(count) / 1e3, 1) + " kB"
    default: "\(count) B"
    }
  }

  /// A row of two columns whose second is broken at spaces into lines of at most `width`.
  static func wrapped(_ label: String, _ text: String, width: Int = 64) -> [[String]] {
    var lines: [String] = []
    for word in printable(text, atMost: 20_000).split(separator: " ") {
      if let last = lines.last, last.count + 1 + word.count <= width {
        lines[lines.count - 1] = last + " " + word
      } else {
        lines.append(String(word))
      }
    }
    return lines.enumerated().map { [$0.offset == 0 ? label : "", $0.element] }
  }

  /// Columns as wide as their widest cell, two spaces between; numbers to the right.
  /// - Parameters:
  ///   - leading: how many columns stand to the left; the others hold numbers.
  ///   - text: in place of that, which columns stand to the left.
  ///   - firstWidth: cells of the first column that are longer are shortened.
  static func table(
    _ rows: [[String]], leading: Int = 1, text: Set<Int>? = nil, firstWidth: Int = 44
  ) -> String {
    let text = text ?? Set(0..<leading)
    let rows = rows.map { row in
      row.enumerated().map { index, cell in
        let cell = printable(cell)
        return index == 0 && cell.count > firstWidth ? cell.prefix(firstWidth - 1) + "…" : cell
      }
    }
    let columns = rows.map(\.count).max() ?? 0
    let widths = (0..<columns).map { column in
      rows.map { column < $0.count ? $0[column].count : 0 }.max() ?? 0
    }
    return rows.map { row in
      let cells = row.enumerated().map { index, cell in
        let gap = String(repeating: " ", count: widths[index] - cell.count)
        return text.contains(index) ? cell + gap : gap + cell
      }
      let line = cells.joined(separator: "  ")
      return String(line.reversed().drop { $0 == " " }.reversed()) + "\n"
    }.joined()
  }
}
