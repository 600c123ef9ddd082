/// One heatmap on the host, row by row.
public struct Heatmap: Hashable, Sendable {
  public let height: Int
  public let width: Int
  public let values: [Float]

  public init(height: Int, width: Int, values: [Float]) {
    precondition(values.count == height * width, "\(values.count) values, \(height)×\(width)")
    (self.height, self.width, self.values) = (height, width, values)
  }

  /// Whether there is relevance below zero.
  public var isSigned: Bool { values.contains { $0 < 0 } }

  /// Whether there is no relevance at all: every entry is 0, or there are entries that are not finite.
  public var hasVanished: Bool {
    values.allSatisfy { $0 == 0 } || !values.allSatisfy(\.isFinite)
  }

  /// The same with 0 in place of what is not a number or infinite.
  public var finite: Heatmap {
    values.allSatisfy(\.isFinite)
      ? self
      : Heatmap(height: height, width: width, values: values.map { $0.isFinite ? $0 : 0 })
  }
}
