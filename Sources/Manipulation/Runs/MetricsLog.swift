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

  private let path: String
  private let handle: FileHandle
  private let encoder: JSONEncoder
  private let events: EventFile?

  /// - Parameters:
  ///   - keptSteps: of a run that goes on, see `MetricsHistory`; otherwise the log begins anew.
  ///   - events: path of TensorBoard's event file, which has an event for each line.
  init(_ path: String, keptSteps: Int?, events: String?) throws {
    self.path = path
    encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys]
    let kept = keptSteps.flatMap { steps in
      FileManager.default.contents(atPath: path).map { MetricsHistory($0, upTo: steps) }
    }
    try WholeFile.write(kept?.data ?? Data(), to: path)
    guard let handle = FileHandle(forWritingAtPath: path) else {
      throw RunError("\(path) cannot be opened for writing")
    }
    self.handle = handle
    handle.seekToEndOfFile()
    self.events = try events.map { try EventFile($0, keeping: kept?.count ?? 0) }
  }

  func append(_ line: Line) throws {
    do {
      try handle.write(contentsOf: encoder.encode(line) + [UInt8(ascii: "\n")])
    } catch {
      throw RunError("\(path) cannot be written: \(describe(error))")
    }
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
  func synchronize() throws {
    do { try handle.synchronize() } catch {
      throw RunError("\(path) cannot be written: \(describe(error))")
    }
  }

  deinit { try? handle.close() }
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
