import Checkpoints
import Foundation

/// What a run that is not finished goes on from: `states/step-<steps done>.h5`, the newest of which
/// are kept, and `states/inputs.txt`, the list of images that they were trained with.
package struct SavedStates {
  package struct State: Hashable {
    package let step: Int
    /// For messages.
    package let path: String
    /// In the folder of the run.
    package let name: String
  }

  static let folderName = "states"
  package static let inputsName = folderName + "/inputs.txt"
  private static let (prefix, suffix) = ("step-", ".h5")
  /// Of what a search under a budget comes back to.
  private static let trialPrefix = "trial-"

  /// For messages.
  package let folder: String
  private let run: OpenFolder?

  /// - Parameter run: the output folder of the run; nil if there is none.
  package init(of run: OpenFolder?) {
    self.run = run
    folder = (run?.path ?? "") + "/" + Self.folderName
  }

  package func path(step: Int) -> String { folder + "/" + Self.prefix + "\(step)" + Self.suffix }

  private var names: [String] { (try? run?.folder(Self.folderName).names) ?? [] }

  /// The newest first. Whether they are valid shows when they are read.
  package var all: [State] {
    names.compactMap { name -> State? in
      guard name.hasPrefix(Self.prefix), name.hasSuffix(Self.suffix),
        let step = Int(name.dropFirst(Self.prefix.count).dropLast(Self.suffix.count)), step >= 0,
        path(step: step) == folder + "/" + name
      else { return nil }
      return State(step: step, path: folder + "/" + name, name: Self.folderName + "/" + name)
    }.sorted { $0.step > $1.step }
  }

  /// Networks that a search under a budget comes back to, `trial-<name>.h5`.
  package func path(trial name: String) -> String {
    folder + "/" + Self.trialPrefix + name + Self.suffix
  }

  private var trials: [String] {
    names.filter { $0.hasPrefix(Self.trialPrefix) && $0.hasSuffix(Self.suffix) }
  }

  package func open(trial name: String) throws -> HDF5File {
    try open(
      State(
        step: 0, path: path(trial: name),
        name: Self.folderName + "/" + Self.trialPrefix + name + Self.suffix))
  }

  /// Removes those of other names.
  package func removeTrials(but kept: Set<String>) {
    let files = Set(kept.map { Self.trialPrefix + $0 + Self.suffix })
    for name in trials where !files.contains(name) {
      run?.removeFile(Self.folderName + "/" + name)
    }
  }

  package func open(_ state: State) throws -> HDF5File {
    guard let run else { preconditionFailure("a state in no folder") }
    return try HDF5File(FileTarget(state.name, in: run))
  }

  /// Removes all but the `count` newest up to `step`. Later ones are of a part of the run that is
  /// done again, because they are damaged.
  package func prune(keeping count: Int, upTo step: Int) {
    let kept = Set(all.filter { $0.step <= step }.prefix(count))
    for state in all where !kept.contains(state) { run?.removeFile(state.name) }
  }

  /// When the run is finished: all at once, so that a run that is killed meanwhile is finished too. What
  /// somebody else has put there stays.
  package func removeAll() {
    let own = Set(
      all.map(\.name) + [Self.inputsName] + trials.map { Self.folderName + "/" + $0 })
    if names.allSatisfy({ own.contains(Self.folderName + "/" + $0) }) {
      run?.removeFolder(Self.folderName)
    } else {
      for name in own { run?.removeFile(name) }
    }
  }
}

/// Output folders, from outside.
public enum Runs {
  /// Whether a folder holds the state of a run that is not finished.
  public static func isResumable(_ folder: String) -> Bool {
    let run = RunFolder(existing: folder)
    // A study has no states, but what it has finished; so has an attack.
    return run.isResumable
      || (run.exists(run.studies) || run.exists(run.progress)) && !run.exists(run.summary)
  }
}
