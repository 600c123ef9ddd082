import Foundation

/// Results for other programs.
enum JSON {
  /// Readable, with sorted keys, ending in a line break.
  static func text(_ value: some Encodable) throws -> String {
    try encoded(value, [.prettyPrinted])
  }

  /// On one line, with sorted keys.
  static func line(_ value: some Encodable) throws -> String { try encoded(value, []) }

  private static func encoded(
    _ value: some Encodable, _ further: JSONEncoder.OutputFormatting
  ) throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = further.union([.sortedKeys, .withoutEscapingSlashes])
    return String(decoding: try encoder.encode(value), as: UTF8.self) + "\n"
  }
}
