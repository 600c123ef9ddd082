import Checkpoints
import Foundation

/// The output folder of a run and the names in it.
struct RunFolder {
  let path: String
  let states: SavedStates
  /// Nobody else writes in a folder that was made or opened for a run.
  private let lock: FolderLock?

  var recipe: String { path + "/recipe.yaml" }
  var metrics: String { path + "/metrics.jsonl" }
  var events: String { "\(path)/\(EventFile.name)" }
  var testLosses: String { path + "/test-losses.jsonl" }
  var predictions: String { path + "/predictions.csv" }
  /// What the same steps with λ = 0 leave.
  var control: String { path + "/control" }
  var controlMetrics: String { control + "/metrics.jsonl" }
  var controlStates: SavedStates { SavedStates(of: control) }
  var summary: String { path + "/summary.json" }
  var reportNotes: String { path + "/report.json" }
  var report: String { path + "/report.html" }
  var attacks: String { path + "/attacks.jsonl" }
  var influences: String { path + "/influences.jsonl" }
  var curvatures: String { path + "/curvature.jsonl" }
  /// What studies have found, and their lines.
  var studies: String { path + "/studies" }
  func study(_ name: String) -> String { "\(studies)/\(name).json" }
  func studyLines(_ name: String) -> String { "\(studies)/\(name).jsonl" }
  /// Perturbed images, a folder for each attack and ε.
  var images: String { path + "/images" }

  func manipulated(_ layout: CheckpointLayout) -> String {
    path + "/manipulated" + layout.fileExtension
  }

  func controlNetwork(_ layout: CheckpointLayout) -> String {
    control + "/network" + layout.fileExtension
  }

  func network(_ layout: CheckpointLayout) -> String { path + "/network" + layout.fileExtension }

  /// Of a run that is there, for reading.
  init(existing path: String) { (self.path, states, lock) = (path, SavedStates(of: path), nil) }

  /// - Throws: `RunError` if the folder cannot be made, another run is writing to it, or it holds the
  ///   results of another run and `resume` is not asked for.
  init(_ path: String, resume: Bool) throws {
    try self.init(making: path)
    if resume {
      guard isResumable || !exists(summary) else {
        throw RunError("\(path) holds a run that is finished: nothing is left to resume")
      }
      guard isResumable || isBegun else {
        throw RunError(
          "\(path) holds no saved state to resume from; leave out --resume to start from the "
            + "beginning")
      }
    } else if exists(summary) || isResumable {
      throw RunError(
        "\(path) already holds a run; continue it with --resume, or name another --output")
    }
  }

  /// For the results of an evaluation, which cannot be resumed.
  /// - Throws: `RunError` if the folder cannot be made, is in use or holds results already.
  init(forEvaluation path: String) throws {
    try self.init(making: path)
    guard !exists(summary), !isResumable else {
      throw RunError("\(path) already holds results; name another --output")
    }
  }

  private init(making path: String) throws {
    self.path = path
    states = SavedStates(of: path)
    try makeFolder(path)
    lock = try FolderLock(path)
    WholeFile.removeLeftovers(in: path)
    WholeFile.removeLeftovers(in: states.folder)
  }

  private func exists(_ file: String) -> Bool { FileManager.default.fileExists(atPath: file) }

  /// Whether there is a state to go on from.
  var isResumable: Bool { !states.all.isEmpty }

  /// Whether a run has begun here, perhaps ended before it saved its first state.
  private var isBegun: Bool { exists(recipe) }

  /// Lets others write in the folder.
  func release() { lock?.release() }

  var howToResume: String { "go on with the same command and --resume --output \(path)" }

  /// What a run that was stopped during an evaluation says.
  func stoppedDuringEvaluation() -> RunStopped {
    isResumable
      ? RunStopped("stopped during evaluation; \(howToResume)")
      : RunStopped("stopped before the first step; there is nothing to resume")
  }

  /// An error that ended the run, with what can be done about it.
  func ended(by error: any Error) -> any Error {
    if error is RunStopped { return error }
    let text =
      switch error {
      case let error as CheckpointError: "\(error.path): \(error.problems[0].text)"
      case let error as CocoaError: describe(error)
      default: "\(error)"
      }
    guard let state = states.all.first else { return RunError(text) }
    return RunError(
      error is DivergenceError
        ? "\(text); the state after step \(state.step) is kept in \(state.path)"
        : "\(text); the state after step \(state.step) is kept, \(howToResume)")
  }

  /// Writes a text file whole or not at all.
  func write(_ text: String, to file: String) throws {
    try WholeFile.write(Data(text.utf8), to: file)
  }

  /// - Throws: `RunError` if the run that began here had another recipe.
  func checkRecipe(_ text: String) throws {
    guard let old = try? String(contentsOfFile: recipe, encoding: .utf8), old != text else {
      return
    }
    throw RunError(
      "\(path) was begun with another recipe; resume with the recipe and settings it was started "
        + "with (\(recipe) holds them)")
  }
}

/// A run whose numbers stopped being finite: to go on from what was saved would end the same way.
struct DivergenceError: Error, CustomStringConvertible {
  let description: String
  init(_ description: String) { self.description = description }
}
