import Foundation

/// Values that statistics have of honest networks in general.
struct ReferenceNull: Hashable, Sendable {
  /// On the statistic's scale.
  let mean: Double
  let deviation: Double
  let count: Int

  /// - Returns: the probability of a value at least as far out, by Student's predictive distribution.
  func pValue(_ value: Double, tail: AuditStatistic.Tail) -> Double {
    let width = deviation * (1 + 1 / Double(count)).squareRoot()
    guard width > 0, count > 1 else { return 1 }
    let t = (value - mean) / width
    return Significance.studentTail(tail == .high ? t : -t, degrees: Double(count - 1))
  }

  /// Values of fewer networks are none.
  static let fewest = 6

  /// By statistic, then by role; those of a role that is not there are those of its kind. `nil` where
  /// too few networks are known.
  static func find(_ statistic: String, role: String) -> ReferenceNull? {
    guard let roles = all[statistic] else { return nil }
    let kind = role.split(separator: "#").first.map(String.init) ?? role
    return [roles[role], roles[kind]].compactMap(\.self).first { $0.count >= fewest }
  }
}
