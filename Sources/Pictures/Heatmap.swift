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

  /// The same with 0 in place of what is not a number or infinite.
  public var finite: Heatmap {
    values.allSatisfy(\.isFinite)
      ? self
      : Heatmap(height: height, width: width, values: values.map { $0.isFinite ? $0 : 0 })
  }
}
