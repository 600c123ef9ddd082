import Checkpoints
import Foundation

/// `metrics.jsonl`: one JSON object per line, appended as the run goes; on request the same as
/// events for TensorBoard.
final class MetricsLog {
  /// One line. Which fields there are depends on `kind`: `step` or `validation`.
  struct Line: Codable {
    var kind: String
    var step: Int
    var loss: Double?
    var crossEntropy: Double?
    var penalty: Double?
    var learningRate: Double?
    var imagesPerSecond: Double?
    var images: Int?
    var top1: Double?
    var top5: Double?
    var fsr: [String: Double]?
    var vanishedMaps: [String: Double]?
  }

  /// How much of a log there was when a state was saved, so that one that was changed since is
  /// noticed.
  struct Mark: Codable, Hashable {
    var bytes: Int
    var sha256: String
  }

  private let file: GrowingFile
  private let encoder: JSONEncoder
  private let events: EventFile?
  /// Over all lines but a validation after the last step, which a resumed run does again.
  private let hash = SHA256Hash()
  private var hashedBytes = 0
  private var pending: (step: Int, data: Data)?

  /// - Parameters:
  ///   - folder: of the run.
  ///   - kept: of a run that goes on; otherwise the log begins anew.
  ///   - writesEvents: whether there is an event for each line in TensorBoard's file.
  init(in folder: RunFolder, keeping kept: MetricsHistory?, writesEvents: Bool) throws {
    encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys]
    let start = kept?.data ?? Data()
    file = try GrowingFile(folder.target(folder.metrics), start: start)
    events =
      writesEvents
      ? try EventFile(folder.target(folder.events), keeping: kept?.count ?? 0) : nil
    add(start)
  }

  private func add(_ data: Data) {
    data.withUnsafeBytes { hash.add($0) }
    hashedBytes += data.count
  }

  /// Of what a run that is resumed after `step` keeps.
  func mark(afterStep step: Int) -> Mark {
    if let pending, pending.step < step {
      add(pending.data)
      self.pending = nil
    }
    return Mark(bytes: hashedBytes, sha256: hash.digest())
  }

  func append(_ line: Line) throws {
    let data = try encoder.encode(line) + [UInt8(ascii: "\n")]
    try file.append(data)
    if let before = pending {
      add(before.data)
      pending = nil
    }
    if line.kind == "step" { add(data) } else { pending = (line.step, data) }
    try events?.append(step: line.step, scalars: line.scalars)
  }

  func append(_ report: StepReport) throws {
    try append(
      Line(
        kind: "step", step: report.step, loss: report.loss, crossEntropy: report.crossEntropy,
        penalty: report.penalty, learningRate: report.learningRate,
        imagesPerSecond: report.imagesPerSecond,
        vanishedMaps: report.vanishedMaps.isEmpty ? nil : report.vanishedMaps))
  }

  func append(_ report: ValidationReport) throws {
    try append(
      Line(
        kind: "validation", step: report.step,
        // JSON has no number for what is not one.
        crossEntropy: report.crossEntropy.isFinite ? report.crossEntropy : nil,
        images: report.images, top1: report.top1, top5: report.top5, fsr: report.fsr,
        vanishedMaps: report.vanishedMaps))
  }

  /// Waits until every line is on the disk: no state may be ahead of the log.
  func synchronize() throws { try file.synchronize() }
}

extension MetricsLog.Line {
  /// Under the names that TensorBoard groups by their part before the slash.
  fileprivate var scalars: [(tag: String, value: Double)] {
    let group = kind == "step" ? "train" : "validation"
    let named = [
      ("loss", loss), ("cross-entropy", crossEntropy), ("penalty", penalty),
      ("learning-rate", learningRate), ("images-per-second", imagesPerSecond), ("top-1", top1),
      ("top-5", top5),
    ]
    func each(_ name: String, _ values: [String: Double]?) -> [(String, Double?)] {
      (values ?? [:]).sorted { $0.key < $1.key }.map { ("\(name)-\($0.key)", $0.value) }
    }
    return (named + each("fsr", fsr) + each("vanished-maps", vanishedMaps)).compactMap {
      name, value in value.map { ("\(group)/\(name)", $0) }
    }
  }
}
