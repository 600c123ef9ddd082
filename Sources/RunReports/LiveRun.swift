import Checkpoints
import Foundation
import Recipes
import Reports
import RunFolders
import RunSupport
import Synchronization

/// The page of a run while it goes on, and its report when it is finished. Files are read again only as far
/// as they have grown, so that watching takes little from the run.
public final class LiveRun: Sendable {
  public let folder: String
  private let known = Mutex(Known())

  /// What was read so far.
  private struct Known {
    var log = Log()
    /// As read.
    var live = Data()
    var heatmaps: LivePage.Heatmaps?
  }

  /// - Throws: `RunError` if there is no run of a training.
  public init(_ folder: String) throws {
    self.folder = folder
    let run = RunFolder(existing: folder)
    guard run.exists(run.recipe) || run.exists(run.summary) else {
      throw RunError(
        "\(folder) holds no run: recipe.yaml is missing, which a run writes first; name the --output of a "
          + "run that goes on, or of one that is finished")
    }
  }

  /// One answer.
  public struct Page: Sendable {
    public let html: Data
    /// Whether it is the report, and not what is shown until then.
    public let isReport: Bool
  }

  /// - Parameter nonce: names the page's own program to the browser; a new one for each answer.
  /// - Returns: the page as it is now.
  /// - Throws: `CheckpointError` for a file that cannot be read.
  public func page(nonce: String) throws -> Page {
    let run = RunFolder(existing: folder)
    let isFinished = run.exists(run.summary) && !run.isResumable
    if isFinished, let report = try run.contents(of: run.report) {
      return Page(html: report, isReport: true)
    }
    let recipe = try run.contents(of: run.recipe).map { String(decoding: $0, as: UTF8.self) }
    let log = try run.contents(of: run.metrics, atMost: RunFolder.largestLog) ?? Data()
    let live = try run.contents(of: run.live) ?? Data()
    let page = known.withLock { known in
      known.log.read(log)
      if live != known.live {
        known.live = live
        let notes = try? CheckedJSON.decode(LiveNotes.self, from: live, by: JSONDecoder.nonFinite)
        known.heatmaps = notes.map { .init(step: $0.step, test: $0.test, gallery: $0.gallery) }
      }
      return LivePage(
        name: URL(fileURLWithPath: folder).standardizedFileURL.lastPathComponent,
        toolVersion: Trompe.version, totalSteps: recipe.flatMap(Self.steps),
        steps: known.log.steps, validations: known.log.validations, heatmaps: known.heatmaps,
        recipe: recipe, isFinished: isFinished)
    }
    return Page(html: Data(page.html(nonce: nonce).utf8), isReport: false)
  }

  /// Of a recipe that says them.
  private static func steps(_ recipe: String) -> Int? {
    let fooling = try? FoolingRecipe(yaml: recipe, folder: "/")
    guard fooling?.budget == nil else { return nil }
    let training = try? TrainingRecipe(yaml: recipe, folder: "/").training
    guard case .steps(let count)? = (fooling?.training ?? training)?.duration else { return nil }
    return count
  }
}

extension LiveRun {
  /// The lines of `metrics.jsonl` that are whole.
  fileprivate struct Log {
    /// Bytes that tell whether a log is still the one that was read.
    private static let compared = 4096

    private(set) var steps: [RunReport.StepPoint] = []
    private(set) var validations: [RunReport.ValidationPoint] = []
    private var count = 0
    private var end = Data()

    mutating func read(_ log: Data) {
      // A run that is resumed begins its log anew, with the lines that it keeps.
      if log.count < count || !log.prefix(count).suffix(end.count).elementsEqual(end) {
        self = Log()
      }
      let new = log.dropFirst(count)
      guard let last = new.lastIndex(of: UInt8(ascii: "\n")) else { return }
      for text in new[...last].split(separator: UInt8(ascii: "\n")) {
        guard let line = try? JSONDecoder().decode(MetricsLog.Line.self, from: Data(text)) else {
          continue
        }
        if let loss = line.loss, let crossEntropy = line.crossEntropy {
          steps.append(
            .init(step: line.step, loss: loss, crossEntropy: crossEntropy, penalty: line.penalty))
        } else if let top1 = line.top1 {
          validations.append(.init(step: line.step, top1: top1, rates: line.fsr ?? [:]))
        }
      }
      count = log.distance(from: log.startIndex, to: last) + 1
      end = Data(log.prefix(count).suffix(Self.compared))
    }
  }
}
