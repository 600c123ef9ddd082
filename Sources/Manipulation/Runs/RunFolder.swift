import Checkpoints
import Foundation

/// The output folder of a run and the names in it.
struct RunFolder {
  let path: String
  var recipe: String { path + "/recipe.yaml" }
  var metrics: String { path + "/metrics.jsonl" }
  var events: String { "\(path)/\(EventFile.name)" }
  var testLosses: String { path + "/test-losses.jsonl" }
  var summary: String { path + "/summary.json" }
  var reportNotes: String { path + "/report.json" }
  var report: String { path + "/report.html" }
  var attacks: String { path + "/attacks.jsonl" }
  /// Perturbed images, a folder for each attack and ε.
  var images: String { path + "/images" }
  var state: String { path + "/state.h5" }

  func manipulated(_ layout: CheckpointLayout) -> String {
    path + "/manipulated" + layout.fileExtension
  }

  func network(_ layout: CheckpointLayout) -> String { path + "/network" + layout.fileExtension }

  /// Of a run that is there.
  init(existing path: String) { self.path = path }

  /// - Throws: `RunError` if the folder cannot be made, or holds the results of another run and
  ///   `resume` is not asked for.
  init(_ path: String, resume: Bool) throws {
    try self.init(making: path)
    func exists(_ file: String) -> Bool { FileManager.default.fileExists(atPath: file) }
    if resume {
      guard exists(state) else {
        throw RunError(
          "\(path) holds no state.h5 to resume from; leave out --resume to start from the beginning"
        )
      }
    } else if exists(summary) || exists(state) {
      throw RunError(
        "\(path) already holds a run; continue it with --resume, or name another --output")
    }
  }

  /// For the results of an evaluation, which cannot be resumed.
  /// - Throws: `RunError` if the folder cannot be made or holds results already.
  init(forEvaluation path: String) throws {
    try self.init(making: path)
    guard !FileManager.default.fileExists(atPath: summary),
      !FileManager.default.fileExists(atPath: state)
    else { throw RunError("\(path) already holds results; name another --output") }
  }

  private init(making path: String) throws {
    self.path = path
    do {
      try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    } catch {
      throw RunError("\(path): the output folder cannot be made: \(describe(error))")
    }
  }

  var howToResume: String { "go on with the same command and --resume --output \(path)" }

  /// What a run that was stopped during an evaluation says.
  func stoppedDuringEvaluation() -> RunStopped {
    FileManager.default.fileExists(atPath: state)
      ? RunStopped("stopped during evaluation; \(howToResume)")
      : RunStopped("stopped before the first step; there is nothing to resume")
  }

  func makeFolder(_ path: String) throws {
    do {
      try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    } catch { throw RunError("\(path): the folder cannot be made: \(describe(error))") }
  }

  /// Writes a text file whole or not at all.
  func write(_ text: String, to file: String) throws {
    do {
      try Data(text.utf8).write(to: URL(fileURLWithPath: file), options: .atomic)
    } catch {
      throw RunError("\(file) cannot be written: \(describe(error))")
    }
  }
}

/// The reason of a file system's error, without the noise.
func describe(_ error: any Error) -> String {
  let error = error as NSError
  if let inner = error.userInfo[NSUnderlyingErrorKey] as? NSError,
    inner.domain == NSPOSIXErrorDomain
  {
    return String(cString: strerror(Int32(inner.code)))
  }
  return error.localizedDescription
}
