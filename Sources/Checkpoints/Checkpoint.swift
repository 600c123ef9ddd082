import TensorGraph

/// A network's parameters in the graph's layout with all that belongs to them, as one file.
public struct Checkpoint: Hashable, Sendable {
  /// By full name, in the graph's layout.
  public var parameters: [String: Tensor]
  /// PyTorch's `num_batches_tracked` entries, by full name.
  public var batchCounts: [String: Int64]
  public var metadata: CheckpointMetadata
  /// Nil unless training is to go on from here.
  public var state: TrainingState?

  public init(
    parameters: [String: Tensor], batchCounts: [String: Int64] = [:],
    metadata: CheckpointMetadata = CheckpointMetadata(), state: TrainingState? = nil
  ) {
    self.parameters = parameters
    self.batchCounts = batchCounts
    self.metadata = metadata
    self.state = state
  }

  /// Reads a file strictly. `expected` has the shapes of the graph.
  ///
  /// - Throws: `CheckpointError` as `TensorContainer.load`, with shapes as they are in the file.
  public init(
    contentsOf file: HDF5File, expecting expected: [ParameterSpecification],
    layout: WeightLayout = .torchvision
  ) throws {
    let inFile = expected.map {
      ParameterSpecification(name: $0.name, shape: layout.fileShape(of: $0.shape))
    }
    var parameters: [String: Tensor] = [:]
    try file.forEachParameter(inFile) { parameters[$0.name] = layout.toGraph($1) }
    self.init(
      parameters: parameters, batchCounts: try file.readBatchCounts(),
      metadata: try file.readMetadata(), state: try file.readTrainingState())
  }

  /// Writes the file whole or not at all; see `HDF5Writer`.
  ///
  /// - Throws: `CheckpointError` if it cannot be written; an old file of that name is then intact.
  public func save(to path: String, layout: WeightLayout = .torchvision) throws {
    try HDF5Writer.write(to: path) { file in
      try file.write(metadata)
      for (name, tensor) in parameters.sorted(by: { $0.key < $1.key }) {
        try file.write(layout.toFile(tensor), as: name)
      }
      for (name, count) in batchCounts.sorted(by: { $0.key < $1.key }) {
        try file.write(count, as: name)
      }
      if let state { try file.write(state) }
    }
  }
}
