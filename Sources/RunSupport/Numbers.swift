import Foundation

/// 1,999
package func grouped(_ count: Int) -> String {
  var digits = String(count)
  var place = digits.count - 3
  while place > 0 {
    digits.insert(",", at: digits.index(digits.startIndex, offsetBy: place))
    place -= 3
  }
  return digits
}

/// 8, 0.5
package func short(_ value: Double) -> String { String(format: "%g", value) }
