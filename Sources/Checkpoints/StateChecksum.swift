import Foundation
import TensorFiles
import TensorGraph

/// HDF5's own checksums cover headers, not numbers: a file to go on from carries one over all that
/// training goes on from, so that a bit that has changed on the disk is not trained on.
extension Checkpoint {
  static let checksumName = "sha256"

  /// SHA-256 over names, shapes and bits of the parameters in the graph's layout, batch counts, and
  /// the training state, in the order of their names.
  var stateChecksum: String {
    let hash = SHA256Hash()
    func add(_ text: String) { Array((text + "\n").utf8).withUnsafeBytes { hash.add($0) } }
    func add(_ tensors: [String: Tensor], in group: String) {
      for (name, tensor) in tensors.sorted(by: { $0.key < $1.key }) {
        add("\(group)/\(name) \(tensor.shape)")
        tensor.values.withUnsafeBytes { hash.add($0) }
      }
    }
    add(parameters, in: "")
    for (name, count) in batchCounts.sorted(by: { $0.key < $1.key }) { add("\(name) \(count)") }
    for (group, tensors) in (state?.groups ?? [:]).sorted(by: { $0.key < $1.key }) {
      add(tensors, in: group)
    }
    add(state?.json ?? "")
    return hash.digest()
  }

  /// - Throws: `CheckpointError` if the state in `file` is not what was saved.
  func checkState(in file: HDF5File) throws {
    guard state != nil else { return }
    guard
      case .text(let saved)? = try file.attributes(ofGroup: TrainingState.folder)[
        Self.checksumName]
    else {
      throw CheckpointError(
        path: file.path, dataset: TrainingState.folder, "has no checksum, which damage may explain")
    }
    guard saved == stateChecksum else {
      throw CheckpointError(
        path: file.path, dataset: TrainingState.folder,
        "does not have the checksum it was saved with: the file is damaged")
    }
  }
}
