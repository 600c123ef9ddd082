import Checkpoints
import Programs
import RunSupport
import TensorRuntime

/// A loop that several processes share.
extension TrainingLoop {
  /// Whether somebody wants it to stop, in whatever process.
  func isStopped() throws -> Bool {
    try network.executor.group?.isAnywhere(stop.isRequested) ?? stop.isRequested
  }

  /// Compares what must be the same in all processes, or a number would be wrong without a word.
  func checkGroup() throws {
    guard let group = network.executor.group else { return }
    let hash = SHA256Hash()
    Array(recipe.utf8).withUnsafeBytes { hash.add($0) }
    try reads.json().withUnsafeBytes { hash.add($0) }
    for name in network.parameters.names {
      try network.parameters.download(name).values.withUnsafeBytes { hash.add($0) }
    }
    if let rank = try group.firstDifference(Array(hash.digest().utf8)) {
      throw RunError(
        "after step \(step) process \(rank) has another recipe, other images or other parameters than "
          + "process 0; start all of them with the same version, recipe, files and images")
    }
  }
}
