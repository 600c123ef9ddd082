import TensorFiles
import TensorGraph

/// What a trainer needs besides the network to go on as if it had never stopped: optimizer moments as
/// tensors, and its step, random state and other settings as JSON text.
///
/// In the file: tensors at `state/<group>/<name>`, the text as attribute `json` of the group `state`;
/// beside it `sha256`, see `Checkpoint.stateChecksum`.
/// None of it counts as a parameter.
public struct TrainingState: Hashable, Sendable {
  /// Tensors by group and name, in the graph's layout, kept bit for bit.
  public var groups: [String: [String: Tensor]]
  /// The trainer's own text.
  public var json: String

  public init(groups: [String: [String: Tensor]] = [:], json: String) {
    self.groups = groups
    self.json = json
  }

  static let folder = "state"
  static let textName = "json"
}

extension HDF5File {
  /// The trainer's own text, without the tensors and unchecked; nil when the file has no training
  /// state.
  ///
  /// - Throws: `CheckpointError` if it cannot be read.
  public func readTrainingText() throws -> String? {
    guard groups.contains(TrainingState.folder) else { return nil }
    guard
      case .text(let json)? = try attributes(ofGroup: TrainingState.folder)[TrainingState.textName]
    else { return nil }
    return json
  }

  /// Nil when the file has no training state.
  ///
  /// - Throws: `CheckpointError` if it is incomplete or cannot be read.
  public func readTrainingState() throws -> TrainingState? {
    guard groups.contains(TrainingState.folder) else { return nil }
    let attributes = try attributes(ofGroup: TrainingState.folder)
    guard case .text(let json)? = attributes[TrainingState.textName] else {
      throw CheckpointError(
        path: path, dataset: TrainingState.folder,
        "has no text attribute \"\(TrainingState.textName)\": this is no training state")
    }
    var state = TrainingState(json: json)
    let prefix = TrainingState.folder + "/"
    for group in groups where group.hasPrefix(prefix) {
      let name = group.dropFirst(prefix.count)
      if !name.contains("/") { state.groups[String(name)] = [:] }
    }
    for stored in tensors where stored.name.hasPrefix(prefix) {
      let rest = stored.name.dropFirst(prefix.count)
      guard let slash = rest.firstIndex(of: "/") else {
        throw CheckpointError(
          path: path, dataset: stored.name, "is in no group of the training state")
      }
      let name = String(rest[rest.index(after: slash)...])
      state.groups[String(rest[..<slash]), default: [:]][name] = try read(stored.name)
    }
    return state
  }
}

extension HDF5Writer {
  /// - Throws: `CheckpointError` if it cannot be written.
  public mutating func write(_ state: TrainingState) throws {
    try createGroup(TrainingState.folder)
    try setAttribute(
      TrainingState.textName, to: .text(state.json), ofGroup: TrainingState.folder)
    for (group, tensors) in state.groups.sorted(by: { $0.key < $1.key }) {
      guard !group.contains("/") else {
        throw CheckpointError(
          path: path, dataset: TrainingState.folder + "/" + group,
          "is no name for a group of tensors")
      }
      try createGroup(TrainingState.folder + "/" + group)
      for (name, tensor) in tensors.sorted(by: { $0.key < $1.key }) {
        try write(tensor, as: TrainingState.folder + "/" + group + "/" + name)
      }
    }
  }
}
