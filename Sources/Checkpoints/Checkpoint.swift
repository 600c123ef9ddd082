import TensorFiles
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
  /// - Throws: `CheckpointError` as `TensorContainer.load`, with shapes as they are in the file, or
  ///   if a training state is there without the checksum it was saved with.
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
    try checkState(in: file)
  }

  /// Writes the file whole or not at all; see `HDF5Writer`.
  ///
  /// - Throws: `CheckpointError` if it cannot be written; an old file of that name is then intact.
  public func save(to path: String, layout: WeightLayout = .torchvision) throws {
    try save(to: FileTarget(path), layout: layout)
  }

  /// The same into a folder that is held open.
  public func save(to target: FileTarget, layout: WeightLayout = .torchvision) throws {
    try HDF5Writer.write(to: target) { file in
      try file.write(metadata)
      for (name, tensor) in parameters.sorted(by: { $0.key < $1.key }) {
        try file.write(layout.toFile(tensor), as: name)
      }
      for (name, count) in batchCounts.sorted(by: { $0.key < $1.key }) {
        try file.write(count, as: name)
      }
      if let state {
        try file.write(state)
        try file.setAttribute(
          Self.checksumName, to: .text(stateChecksum), ofGroup: TrainingState.folder)
      }
    }
  }

  /// Writes the file in any layout, whole or not at all. What Trompe knows of the network goes with
  /// it where other programs ignore it: as attributes, or in safetensors' own list.
  ///
  /// - Parameters:
  ///   - target: the file.
  ///   - layout: whose names and axes it has.
  ///   - layers: of the network, in Keras's order.
  ///   - modelConfig: Keras's description of the network in JSON, for `keras2Model` and `keras`.
  ///   - groups: for `keras` and `keras3`, the groups in which the description has the layers, by their names;
  ///     those that follow from the order of `layers` if empty.
  /// - Precondition: no training state unless the layout is `trompe`.
  /// - Throws: `CheckpointError` if it cannot be written; an old file of that name is then intact.
  public func save(
    to target: FileTarget, as layout: CheckpointLayout, layers: [ParameterizedLayer],
    modelConfig: String? = nil, groups: [String: [String]] = [:]
  ) throws {
    precondition(state == nil || layout == .trompe, "training state in a file of others")
    let specifications = layers.flatMap(\.parameters)
    precondition(
      Set(specifications.map(\.name)) == Set(parameters.keys), "layers of another network")
    func tensor(_ parameter: ParameterSpecification) -> Tensor { parameters[parameter.name]! }
    switch layout {
    case .trompe, .torch: try save(to: target)
    case .safetensors, .pth:
      var entries = specifications.map { parameter in
        let order = StateDictLayout.order(of: parameter)
        return StateDictEntry(
          name: parameter.name,
          content: .floats(order.storedShape(of: parameter.shape)) {
            order.toFile(tensor(parameter))
          })
      }
      entries += batchCounts.sorted { $0.key < $1.key }.map {
        StateDictEntry(name: $0.key, content: .integer($0.value))
      }
      let list = try metadata.list(path: target.path)
      if layout == .pth {
        try TorchWriter.write(to: target, entries, metadata: list)
      } else {
        // `format` says whose names the tensors have, and loaders ask for it.
        try SafetensorsWriter.write(
          to: target, entries, metadata: list.merging(["format": "pt"]) { $1 })
      }
    case .keras2:
      try HDF5Writer.write(to: target) { file in
        try file.write(metadata)
        try Keras2Layout.write(layers, group: "", to: &file, tensor)
      }
    case .keras2Model:
      guard let modelConfig else { preconditionFailure("a whole model without its description") }
      try HDF5Writer.write(to: target) { file in
        try file.write(metadata)
        try file.setAttribute(Keras2Layout.modelConfig, to: .text(modelConfig))
        try file.setAttribute("backend", to: .text("tensorflow"))
        try file.setAttribute("keras_version", to: .text(KerasMatching.version))
        try file.createGroup(Keras2Layout.modelGroup)
        try Keras2Layout.write(layers, group: Keras2Layout.modelGroup, to: &file, tensor)
      }
    case .keras:
      guard let modelConfig else { preconditionFailure("a whole model without its description") }
      try KerasArchive.write(to: target, modelConfig: modelConfig) { file in
        try file.write(metadata)
        try Keras3Layout.write(layers, in: groups, to: &file, tensor)
      }
    case .keras3:
      try HDF5Writer.write(to: target) { file in
        try file.write(metadata)
        try Keras3Layout.write(layers, in: groups, to: &file, tensor)
      }
    }
  }

  /// The same to a file of any path.
  public func save(
    to path: String, as layout: CheckpointLayout, layers: [ParameterizedLayer],
    modelConfig: String? = nil
  ) throws {
    try save(to: FileTarget(path), as: layout, layers: layers, modelConfig: modelConfig)
  }
}
