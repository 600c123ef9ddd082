import Foundation

/// What of an old `metrics.jsonl` a resumed run keeps.
public struct MetricsHistory: Sendable {
  /// The lines, each with its end.
  public let data: Data
  /// How many.
  public let count: Int

  /// - Parameters:
  ///   - log: of the run so far; lines that cannot be read, such as the last one of a run that was
  ///     killed, are dropped.
  ///   - step: lines of later steps, and the validation after this one, are dropped: the resumed run
  ///     writes them again.
  public init(_ log: Data, upTo step: Int) {
    var (kept, count) = (Data(), 0)
    for line in log.split(separator: UInt8(ascii: "\n")) {
      guard let decoded = try? JSONDecoder().decode(MetricsLog.Line.self, from: Data(line)),
        decoded.step < step || (decoded.step == step && decoded.kind == "step")
      else { continue }
      kept += line + [UInt8(ascii: "\n")]
      count += 1
    }
    (data, self.count) = (kept, count)
  }
}
