import Foundation
import TensorFiles
import TensorGraph

/// A file with a network's parameters in any of the layouts, opened for reading.
///
/// ```swift
/// let file = try CheckpointFile(path: "vgg16.weights.h5")
/// try file.load(layers) { parameter, fill in try store.withValues(of: parameter.name, fill) }
/// ```
public struct CheckpointFile: Sendable {
  public let container: any TensorContainer
  /// As detected.
  public let layout: CheckpointLayout
  /// What Trompe wrote, if it did.
  public let metadata: CheckpointMetadata
  /// Keras's description of the network in JSON, from a whole model.
  public let modelConfig: String?

  public var path: String { container.path }

  /// - Parameters:
  ///   - path: of the file.
  ///   - group: what stands before the names of the network's arrays, where the file holds several
  ///     networks. A file that Trompe wrote holds one, and has no groups.
  /// - Throws: `CheckpointError` if there is no such file, it is of no known format, or damaged, or it
  ///   has no such group.
  public init(path: String, group: String? = nil) throws {
    let whole = try Self(whole: path)
    guard let group, whole.metadata == CheckpointMetadata() else {
      self = whole
      return
    }
    guard !whole.layout.isKeras else {
      throw CheckpointError(
        path: path,
        "is a file of Keras's, which holds one network, but network.group (--group) names the group "
          + "\"\(printable(group, atMost: 100))\"; omit it")
    }
    self = Self(
      container: try TensorGroup(group, of: whole.container), layout: whole.layout,
      metadata: whole.metadata, modelConfig: nil)
  }

  private init(
    container: any TensorContainer, layout: CheckpointLayout, metadata: CheckpointMetadata,
    modelConfig: String?
  ) {
    (self.container, self.layout) = (container, layout)
    (self.metadata, self.modelConfig) = (metadata, modelConfig)
  }

  private init(whole path: String) throws {
    switch try Self.format(of: path) {
    case .safetensors:
      let file = try SafetensorsFile(path: path)
      (container, layout, modelConfig) = (file, .safetensors, nil)
      metadata = try CheckpointMetadata(list: file.metadata, path: path)
    case .index:
      let file = try ShardedSafetensors(path: path)
      (container, layout, modelConfig) = (file, .safetensors, nil)
      metadata = CheckpointMetadata()
    case .zip:
      let archive = try ZipArchive(path: path)
      if archive.entries[KerasArchive.weights] != nil {
        let file = try HDF5File(KerasArchive.weights, of: archive)
        (container, layout) = (file, .keras)
        metadata = try CheckpointMetadata(file.attributes(), path: path)
        modelConfig = try KerasArchive.modelConfig(of: archive)
        return
      }
      guard let folder = TorchFile.folder(of: archive) else {
        throw CheckpointError(
          path: path,
          "is a zip archive, but neither Keras's (.keras), with model.weights.h5, nor PyTorch's "
            + "(.pt, .pth), with data.pkl")
      }
      let file = try TorchFile(archive, folder: folder)
      (container, layout, modelConfig) = (file, .pth, nil)
      metadata = try CheckpointMetadata(list: file.metadata, path: path)
    case .pickle:
      let file = try TorchFile(path: path, openRegularFile(path))
      (container, layout, modelConfig, metadata) = (file, .pth, nil, CheckpointMetadata())
    case .hdf5:
      let file = try HDF5File(path: path)
      let attributes = try file.attributes()
      container = file
      metadata = try CheckpointMetadata(attributes, path: path)
      layout = Self.layout(of: file, attributes, isOurs: attributes["format"] == .text("trompe"))
      switch attributes[Keras2Layout.modelConfig] {
      case .text(let text):
        try CheckedJSON.checkKeys(of: text, as: Keras2Layout.modelConfig, path: path)
        modelConfig = text
      case nil: modelConfig = nil
      default:
        throw CheckpointError(path: path, dataset: "@" + Keras2Layout.modelConfig, "is not text")
      }
    }
  }

  private enum Format { case hdf5, safetensors, index, zip, pickle }

  private static func format(of path: String) throws -> Format {
    let (descriptor, size) = try openRegularFile(path)
    defer { close(descriptor) }
    if HDF5File.hasSignature(FileRegion(descriptor: descriptor, offset: 0, count: size)) {
      return .hdf5
    }
    var start = [UInt8](repeating: 0, count: min(size, 9))
    guard pread(descriptor, &start, start.count, 0) == start.count else {
      throw CheckpointError(path: path, "cannot be read")
    }
    // By name as well, so that a damaged one is told apart from no one.
    if SafetensorsFile.looksRight(start, fileSize: size) || path.hasSuffix(".safetensors") {
      return .safetensors
    }
    if path.hasSuffix(ShardedSafetensors.suffix) { return .index }
    if start.starts(with: ZipArchive.signature) { return .zip }
    if TorchFile.looksOld(start) { return .pickle }
    throw CheckpointError(
      path: path, "is no HDF5 file, no safetensors file and none that torch.save wrote")
  }

  /// All files that it is read from, this one first.
  public var paths: [String] {
    let whole = (container as? TensorGroup)?.container ?? container
    return [path] + ((whole as? ShardedSafetensors)?.parts ?? [])
  }

  /// SHA-256 of the file as 64 hexadecimal digits; of a network in several files that of their own
  /// digests one after the other.
  ///
  /// - Throws: `CheckpointError` if a file cannot be read.
  public func sha256() throws -> String {
    let digests = try paths.map { try Checkpoints.sha256(ofFile: $0) }
    guard digests.count > 1 else { return digests[0] }
    let hash = SHA256Hash()
    Array(digests.joined().utf8).withUnsafeBytes { hash.add($0) }
    return hash.digest()
  }

  private static func layout(
    of file: HDF5File, _ attributes: [String: HDF5Attribute], isOurs: Bool
  ) -> CheckpointLayout {
    if file.hasGroup(Keras2Layout.modelGroup) { return .keras2Model }
    if attributes[Keras2Layout.layerNames] != nil
      || attributes[Keras2Layout.layerNames + "0"] != nil
    {
      return .keras2
    }
    if Keras3Layout.describes(file) { return .keras3 }
    return isOurs ? .trompe : .torch
  }

  // MARK: Reading

  /// Parameters of a network with where they are.
  public struct Match: Sendable {
    public let stored: [StoredParameter]
    /// Whether layers were found by what they are called, not by their order alone.
    public let isByName: Bool
    /// What the user should know, one sentence each.
    public let notes: [String]
    /// What a state dict's names are to the network's.
    let renaming: StateDictRenaming
    /// What stands before the names where other arrays are omitted; nil if none are.
    public var group: String? { renaming.leavesOthersOut ? renaming.prefix : nil }
  }

  /// Prefixes behind each of which the whole network stands, if there are several.
  public func rivals(of layers: [ParameterizedLayer]) -> [String] {
    layout.isKeras ? [] : StateDictLayout.match(layers, in: container).renaming.rivals
  }

  /// What Keras's description of a network predicts for where its file has the weights.
  public struct KerasPlaces: Hashable, Sendable {
    /// The groups in which Keras 3 has a layer, by the layer's name: one for each model that it lies
    /// in, without the groups between them. Empty where only their order is known.
    public var groups: [String: [String]]
    /// Names of layers that the network does not need.
    public var unused: Set<String>

    public init(groups: [String: [String]] = [:], unused: Set<String> = []) {
      (self.groups, self.unused) = (groups, unused)
    }
  }

  /// Finds every parameter of the layers, each of floats and of the expected shape.
  ///
  /// - Parameters:
  ///   - layers: in Keras's order, which decides where Keras 3's files have no names.
  ///   - places: of a whole model of Keras's.
  /// - Throws: one `CheckpointError` that lists every missing, misshapen and surplus one.
  public func match(
    _ layers: [ParameterizedLayer], in places: KerasPlaces = KerasPlaces()
  ) throws -> Match {
    var match: LayoutMatch
    switch layout {
    case .trompe, .torch, .safetensors, .pth: match = StateDictLayout.match(layers, in: container)
    case .keras2, .keras2Model:
      let file = hdf5
      let group = layout == .keras2 ? "" : Keras2Layout.modelGroup
      let attributes = try file.attributes(ofGroup: group)
      match = try Keras2Layout(file, group: group, attributes: attributes)
        .match(layers, besides: places.unused)
    case .keras3, .keras: match = try Keras3Layout(hdf5).match(layers, in: places)
    }
    guard match.problems.isEmpty else {
      throw CheckpointError(path: path, problems: match.problems)
    }
    if let note = elementTypeNote(match.stored) { match.notes.append(note) }
    return Match(
      stored: match.stored, isByName: match.isByName, notes: match.notes, renaming: match.renaming)
  }

  /// Finds the parameters as `match` does and hands over one after the other: `body` gets a function
  /// that fills memory with the values in the graph's order. Nothing but that memory and one block of
  /// the file is held.
  ///
  /// - Returns: what the user should know of the file, one sentence each.
  /// - Throws: `CheckpointError` as `match`, or listing every parameter with a value that is not
  ///   finite or a negative variance (after all were handed over), or what `body` throws.
  @discardableResult
  public func load(
    _ layers: [ParameterizedLayer], in places: KerasPlaces = KerasPlaces(),
    _ body: (ParameterSpecification, (UnsafeMutableBufferPointer<Float>) throws -> Void) throws ->
      Void
  ) throws -> [String] {
    let match = try match(layers, in: places)
    var problems: [CheckpointError.Problem] = []
    for stored in match.stored {
      try body(stored.parameter) { memory in
        precondition(
          memory.count == stored.parameter.shape.count,
          "\(memory.count) floats of memory for \(stored.parameter)")
        try stored.order.read(
          stored.dataset, of: container, shape: stored.parameter.shape, into: memory)
        let shape = container.tensor(named: stored.dataset)!.shape
        let problem = valueProblem(
          UnsafeBufferPointer(memory), areVariances: isVarianceName(stored.parameter.name),
          shape: shape
        ) { stored.order.storedPosition($0, of: stored.parameter.shape) }
        if let problem { problems.append(.init(dataset: stored.dataset, problem)) }
      }
    }
    if !problems.isEmpty { throw CheckpointError(path: path, problems: problems) }
    return match.notes
  }

  /// Reads the parameters as `load` does.
  public func tensors(_ layers: [ParameterizedLayer]) throws -> [String: Tensor] {
    var tensors: [String: Tensor] = [:]
    try load(layers) { parameter, fill in
      let values = try [Float](unsafeUninitializedCapacity: parameter.shape.count) {
        memory, count in
        try fill(UnsafeMutableBufferPointer(rebasing: memory[..<parameter.shape.count]))
        count = parameter.shape.count
      }
      tensors[parameter.name] = Tensor(shape: parameter.shape, values: values)
    }
    return tensors
  }

  /// How many arrays of a network are here by their shapes alone, whatever they are called, and how
  /// many arrays there are in the network and in the file. Of rank 1 and less are none counted: too
  /// many networks have the same.
  public func likeness(
    to layers: [ParameterizedLayer]
  ) -> (common: Int, network: Int, file: Int) {
    var shapes: [Shape: Int] = [:]
    var (file, network, common) = (0, 0, 0)
    for tensor in container.parameters
    where tensor.shape.rank > 1 && !(layout.isKeras && tensor.name.hasPrefix("optimizer")) {
      shapes[tensor.shape, default: 0] += 1
      file += 1
    }
    for layer in layers {
      for parameter in layer.parameters where parameter.shape.rank > 1 {
        network += 1
        let shape =
          layout.isKeras
          ? layer.kerasShape(of: parameter.shape)
          : StateDictLayout.order(of: parameter).storedShape(of: parameter.shape)
        guard let left = shapes[shape], left > 0 else { continue }
        shapes[shape] = left - 1
        common += 1
      }
    }
    return (common, network, file)
  }

  /// PyTorch's `num_batches_tracked` entries, by the network's names; Keras has none.
  ///
  /// - Parameter layers: of the network, where the file's names may differ from its own.
  public func readBatchCounts(_ layers: [ParameterizedLayer] = []) throws -> [String: Int64] {
    guard !layout.isKeras else { return [:] }
    let counts = try container.readBatchCounts()
    let renaming = layers.isEmpty ? .none : try match(layers).renaming
    return Dictionary(
      counts.compactMap { name, count in renaming.name(of: name).map { ($0, count) } },
      uniquingKeysWith: { first, _ in first })
  }

  /// Whether a dataset is the running mean or variance of a batch norm, as its name tells.
  public func isStatistic(_ name: String) -> Bool {
    switch layout {
    case .trompe, .torch, .safetensors, .pth:
      name.hasSuffix(".running_mean") || name.hasSuffix(".running_var")
    case .keras2, .keras2Model: name.contains("/moving_mean") || name.contains("/moving_variance")
    case .keras3, .keras:
      name.contains("/batch_normalization") && (name.hasSuffix("/2") || name.hasSuffix("/3"))
    }
  }

  private var hdf5: HDF5File {
    guard let file = container as? HDF5File else {
      preconditionFailure("\(layout) is in HDF5 files")
    }
    return file
  }

  private func elementTypeNote(_ stored: [StoredParameter]) -> String? {
    var counts: [String: Int] = [:]
    for dataset in stored.map(\.dataset) {
      let type = container.tensor(named: dataset)!.elementType
      if type != .float32 { counts[type.description, default: 0] += 1 }
    }
    guard !counts.isEmpty else { return nil }
    let list = counts.sorted { $0.key < $1.key }.map { "\($0.value) of \($0.key)" }
    return "holds \(list.joined(separator: " and ")) among \(stored.count) arrays, read as float32"
  }
}
