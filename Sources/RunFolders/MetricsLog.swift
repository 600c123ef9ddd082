import Checkpoints
import Foundation
import Programs
import RunSupport

/// `metrics.jsonl`: one JSON object per line, appended as the run goes; on request the same as
/// events for TensorBoard.
package final class MetricsLog {
  /// One line. Which fields there are depends on `kind`: `step` or `validation`.
  package struct Line: Codable {
    package var kind: String
    package var step: Int
    package var loss: Double?
    package var crossEntropy: Double?
    package var penalty: Double?
    package var learningRate: Double?
    /// λ, where it changes from step to step.
    package var lambda: Double?
    package var imagesPerSecond: Double?
    package var images: Int?
    package var top1: Double?
    package var top5: Double?
    package var fsr: [String: Double]?
    package var vanishedMaps: [String: Double]?

    package init(
      kind: String, step: Int, loss: Double? = nil, crossEntropy: Double? = nil,
      penalty: Double? = nil, learningRate: Double? = nil, lambda: Double? = nil,
      imagesPerSecond: Double? = nil,
      images: Int? = nil, top1: Double? = nil, top5: Double? = nil, fsr: [String: Double]? = nil,
      vanishedMaps: [String: Double]? = nil
    ) {
      self.kind = kind
      self.step = step
      self.loss = loss
      self.crossEntropy = crossEntropy
      self.penalty = penalty
      self.learningRate = learningRate
      self.lambda = lambda
      self.imagesPerSecond = imagesPerSecond
      self.images = images
      self.top1 = top1
      self.top5 = top5
      self.fsr = fsr
      self.vanishedMaps = vanishedMaps
    }
  }

  /// How much of a log there was when a state was saved, so that one that was changed since is
  /// noticed.
  package struct Mark: Codable, Hashable {
    package var bytes: Int
    package var sha256: String
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
  package init(in folder: RunFolder, keeping kept: MetricsHistory?, writesEvents: Bool) throws {
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
  /// - Parameter isMeasured: whether the validation after this step is not done again.
  package func mark(afterStep step: Int, isMeasured: Bool = false) -> Mark {
    if let pending, pending.step < step || isMeasured {
      add(pending.data)
      self.pending = nil
    }
    return Mark(bytes: hashedBytes, sha256: hash.digest())
  }

  package func append(_ line: Line) throws {
    let data = try encoder.encode(line) + [UInt8(ascii: "\n")]
    try file.append(data)
    if let before = pending {
      add(before.data)
      pending = nil
    }
    if line.kind == "step" { add(data) } else { pending = (line.step, data) }
    try events?.append(step: line.step, scalars: line.scalars)
  }

  package func append(_ report: StepReport) throws {
    try append(
      Line(
        kind: "step", step: report.step, loss: report.loss, crossEntropy: report.crossEntropy,
        penalty: report.penalty, learningRate: report.learningRate,
        lambda: report.lambda, imagesPerSecond: report.imagesPerSecond,
        vanishedMaps: report.vanishedMaps.isEmpty ? nil : report.vanishedMaps))
  }

  package func append(_ report: ValidationReport) throws {
    try append(
      Line(
        kind: "validation", step: report.step,
        // JSON has no number for what is not one.
        crossEntropy: report.crossEntropy.isFinite ? report.crossEntropy : nil,
        images: report.images, top1: report.top1, top5: report.top5, fsr: report.fsr,
        vanishedMaps: report.vanishedMaps))
  }

  /// Waits until every line is on the disk: no state may be ahead of the log.
  package func synchronize() throws { try file.synchronize() }
}

extension MetricsLog.Line {
  /// Under the names that TensorBoard groups by their part before the slash.
  fileprivate var scalars: [(tag: String, value: Double)] {
    let group = kind == "step" ? "train" : "validation"
    let named = [
      ("loss", loss), ("cross-entropy", crossEntropy), ("penalty", penalty),
      ("learning-rate", learningRate), ("lambda", lambda), ("images-per-second", imagesPerSecond),
      ("top-1", top1),
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
