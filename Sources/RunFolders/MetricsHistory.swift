import Checkpoints
import Foundation
import Programs

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
  ///   - bytes: of a state that was saved after that validation: it is kept as far as the log went
  ///     then.
  public init(_ log: Data, upTo step: Int, within bytes: Int? = nil) {
    var (kept, count) = (Data(), 0)
    for line in log.split(separator: UInt8(ascii: "\n")) {
      guard let decoded = try? JSONDecoder().decode(MetricsLog.Line.self, from: Data(line)),
        decoded.step < step
          || decoded.step == step
            && (decoded.kind == "step" || kept.count + line.count < bytes ?? 0)
      else { continue }
      kept += line + [UInt8(ascii: "\n")]
      count += 1
    }
    (data, self.count) = (kept, count)
  }

  /// What of the log in a run's folder a run keeps that goes on after a step.
  package init(in folder: RunFolder, upTo step: Int, within bytes: Int? = nil) throws {
    self.init(
      try folder.contents(of: folder.metrics, atMost: RunFolder.largestLog) ?? Data(), upTo: step,
      within: bytes)
  }

  /// What differs from the log that there was when a state was saved, in one sentence; `nil` if
  /// nothing does.
  package func difference(from mark: MetricsLog.Mark, of path: String, step: Int) -> String? {
    let hash = SHA256Hash()
    data.withUnsafeBytes { hash.add($0) }
    guard data.count != mark.bytes || hash.digest() != mark.sha256 else { return nil }
    let what =
      data.count == mark.bytes
      ? "other contents" : "\(data.count) readable bytes instead of \(mark.bytes)"
    return
      "\(path) was changed since the run wrote it: up to step \(step) it has \(what); what "
      + "can be read of it is kept, and the report shows it"
  }
}
