import Checkpoints
import Foundation
import KerasModels
import Networks
import RunSupport

extension LoadedNetwork {
  /// The network as a file.
  public func checkpoint(
    provenance: Provenance? = nil, state: TrainingState? = nil
  ) throws -> Checkpoint {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    func text(_ value: some Encodable) throws -> String {
      String(decoding: try encoder.encode(value), as: UTF8.self)
    }
    return Checkpoint(
      parameters: try parameters.snapshot().tensors,
      batchCounts: batchCounts,
      metadata: CheckpointMetadata(
        architecture: try text(specification), classNames: classNames,
        preprocessing: try text(
          RecordedPreprocessing(preprocessing, isAssumed: assumesNormalization)),
        provenance: provenance),
      state: state)
  }

  /// Writes the network as a file: in the layout of the file that it came from, unless told otherwise.
  ///
  /// - Throws: what stands against it, in one sentence; an old file of that name is then intact.
  public func save(
    to path: String, as layout: CheckpointLayout? = nil, provenance: Provenance? = nil
  ) throws {
    try save(to: FileTarget(path), as: layout, provenance: provenance)
  }

  /// The same into a folder that is held open.
  public func save(
    to target: FileTarget, as layout: CheckpointLayout? = nil, provenance: Provenance? = nil
  ) throws {
    let layout = layout ?? self.layout
    let isKept = layout == self.layout || layout == .trompe
    let network = isKept ? self : try converted(to: layout)
    // Keras's own description stays as it came.
    try network.checkpoint(provenance: provenance).save(
      to: target, as: layout, layers: network.architecture.parameterizedLayers,
      modelConfig: layout.hasModelConfig ? try network.description(for: layout) : nil,
      groups: network.groups(for: layout))
  }

  /// - Throws: `NetworkError` if the network can no longer be described to Keras.
  func checkDescription() throws { _ = try description(for: layout) }

  /// The groups in which Keras looks for the layers: those of the model that the network came with, if
  /// the file is for that model.
  private func groups(for layout: CheckpointLayout) -> [String: [String]] {
    let isDescribedAnew = layout == .keras && (layout != self.layout || modelConfig == nil)
    return isDescribedAnew ? [:] : kerasGroups
  }

  /// Keras's description: as it came, if it came in a file of this layout.
  private func description(for layout: CheckpointLayout) throws -> String {
    if layout == self.layout, let modelConfig { return modelConfig }
    return try architecture.kerasModelConfig(isArchive: layout == .keras)
  }
}
