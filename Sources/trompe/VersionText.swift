import CBuild
import Checkpoints
import Manipulation
import TensorCPU

/// What `--version` shows: the program, what it was made of, and what it runs on.
enum VersionText {
  static let program = "trompe \(Trompe.version)"

  /// A line for each part: its name, and after a space its version.
  static var whole: String {
    let commit = build_commit().map { String(cString: $0) } ?? "not recorded"
    let threads = CPUExecutor.defaultThreads
    return """
      \(program)
      commit \(commit)
      instructions \(InstructionSet.best)
      oneDNN \(CPUExecutor.oneDNNVersion)
      HDF5 \(HDF5Version.text)
      devices cpu (\(threads) \(threads == 1 ? "thread" : "threads"))
      """
  }
}
