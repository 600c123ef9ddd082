/// One heatmap on the host, row by row.
public struct Heatmap: Codable, Hashable, Sendable {
  public let height: Int
  public let width: Int
  public let values: [Float]

  public init(height: Int, width: Int, values: [Float]) {
    precondition(values.count == height * width, "\(values.count) values, \(height)×\(width)")
    (self.height, self.width, self.values) = (height, width, values)
  }

  /// - Throws: `DecodingError` if there are not as many values as pixels.
  public init(from decoder: any Decoder) throws {
    let fields = try decoder.container(keyedBy: CodingKeys.self)
    height = try fields.decode(Int.self, forKey: .height)
    width = try fields.decode(Int.self, forKey: .width)
    values = try fields.decode([Float].self, forKey: .values)
    let (pixels, isTooLarge) = height.multipliedReportingOverflow(by: width)
    guard height >= 0, width >= 0, !isTooLarge, pixels == values.count else {
      throw DecodingError.dataCorruptedError(
        forKey: .values, in: fields, debugDescription: "\(values.count) values, \(height)×\(width)")
    }
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
