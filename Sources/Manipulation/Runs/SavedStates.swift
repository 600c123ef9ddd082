import Checkpoints
import Foundation

/// What a run that is not finished goes on from: `states/step-<steps done>.h5`, the newest of which
/// are kept.
struct SavedStates {
  struct State: Hashable {
    let step: Int
    let path: String
  }

  static let folderName = "states"
  private static let (prefix, suffix) = ("step-", ".h5")

  let folder: String

  /// - Parameter run: the output folder of the run.
  init(of run: String) { folder = run + "/" + Self.folderName }

  func path(step: Int) -> String { folder + "/" + Self.prefix + "\(step)" + Self.suffix }

  /// The newest first. Whether they are valid shows when they are read.
  var all: [State] {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
    return names.compactMap { name -> State? in
      guard name.hasPrefix(Self.prefix), name.hasSuffix(Self.suffix),
        let step = Int(name.dropFirst(Self.prefix.count).dropLast(Self.suffix.count)), step >= 0,
        path(step: step) == folder + "/" + name
      else { return nil }
      return State(step: step, path: folder + "/" + name)
    }.sorted { $0.step > $1.step }
  }

  /// Removes all but the `count` newest up to `step`. Later ones are of a part of the run that is
  /// done again, because they are damaged.
  func prune(keeping count: Int, upTo step: Int) {
    let kept = Set(all.filter { $0.step <= step }.prefix(count))
    for state in all where !kept.contains(state) { unlink(state.path) }
  }

  /// When the run is finished: all at once, so that a run that is killed meanwhile is finished too. What
  /// somebody else has put there stays.
  func removeAll() {
    let states = all
    if states.count == (try? FileManager.default.contentsOfDirectory(atPath: folder))?.count {
      WholeFile.removeFolder(folder)
    } else {
      for state in states { unlink(state.path) }
    }
  }
}

/// Output folders, from outside.
public enum Runs {
  /// Whether a folder holds the state of a run that is not finished.
  public static func isResumable(_ folder: String) -> Bool {
    let run = RunFolder(existing: folder)
    func exists(_ file: String) -> Bool { FileManager.default.fileExists(atPath: file) }
    // A study has no states, but what it has finished.
    return run.isResumable || exists(run.studies) && !exists(run.summary)
  }
}
