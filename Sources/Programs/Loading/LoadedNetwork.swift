import Checkpoints
import Foundation
import ImageData
import KerasModels
import Networks
import Recipes
import RunSupport
import TensorGraph
import TensorRuntime

/// A network with its weights and all that is known of it, from a file or freshly initialised.
public final class LoadedNetwork {
  /// What to build, as saved in checkpoints.
  public let specification: ArchitectureSpecification
  public let architecture: Architecture
  public private(set) var preprocessing: Preprocessing
  /// Whether nobody has said how images are normalised, neither the file nor the recipe, so that it is
  /// a guess.
  public private(set) var assumesNormalization: Bool
  /// In the order of the logits, if known.
  public var classNames: [String]?
  /// Where its parameters are, and what runs its programs.
  public let executor: any Executor
  public let parameters: any Parameters
  /// PyTorch's `num_batches_tracked` entries.
  public var batchCounts: [String: Int64]
  /// The file; `nil` for a network without one.
  public let path: String?
  /// Of the file.
  public let sha256: String?
  public let provenance: Provenance?
  /// Of the file; Trompe's own without one.
  public let layout: CheckpointLayout
  /// Keras's description of the network, of a whole-model file, and the groups in which Keras 3 has its
  /// layers.
  let modelConfig: String?
  let kerasGroups: [String: [String]]
  /// Layers of that description which lead to other outputs alone.
  let kerasUnused: Set<String>
  /// What the user should know of the file, one sentence each.
  public let notes: [String]
  /// Those of the notes that name a guess or a likely mistake.
  let doubts: Set<String>

  /// - Parameters:
  ///   - section: the file and what the recipe says of it.
  ///   - executor: holds the parameters.
  ///   - imageSize: the size of prepared images, where the preprocessing leaves it open; that of the
  ///     description if omitted.
  ///   - seed: of the initial weights if there is no file.
  ///   - newTop: whether dense layers may start at random where Keras's file has none of them.
  /// - Throws: what is wrong with the file or the description, in one sentence.
  public init(
    _ section: NetworkSection, on executor: any Executor,
    imageSize: ((Preprocessing) throws -> ImageSize)? = nil,
    seed: UInt64 = 0, newTop: Bool = false
  ) throws {
    self.executor = executor
    let file = try section.checkpoint.map { try CheckpointFile(path: $0, group: section.group) }
    let metadata = file?.metadata
    path = section.checkpoint
    provenance = metadata?.provenance
    layout = file?.layout ?? .trompe
    var (notes, doubts): ([String], Set<String>) = ([], [])
    var keras: KerasImport?
    let described =
      try section.architecture
      ?? metadata?.architecture.map {
        try Self.decode(
          $0, as: ArchitectureSpecification.self, "architecture", section.checkpoint)
      }
      ?? file.flatMap {
        try Self.inferred(from: $0, section, &keras, &notes, &doubts) {
          try section.preprocessing?.outputSize
            ?? imageSize?(section.preprocessing ?? Preprocessing())
        }
      }
    guard var specification = described else {
      throw RunError(
        file?.unknownNetwork
          ?? "no checkpoint is given; name the network, e.g. network.architecture={family: resnet18, "
          + "classes: 10}")
    }
    // A description of more than the network cannot go with its weights again.
    modelConfig = keras?.isWhole ?? true ? file?.modelConfig : nil
    (kerasGroups, kerasUnused) = (keras?.groups ?? [:], keras?.unused ?? [])
    let source = section.checkpoint ?? ""
    guard Preprocessing.channelCounts.contains(specification.channels) else {
      throw RunError(
        "\(section.checkpoint.map { "\($0): " } ?? "")the network takes images of "
          + "\(specification.channels) channels; images are given in colour to a network of 3 "
          + "channels and made gray for one of 1, and to no other")
    }
    let recorded = try Self.recorded(metadata?.preprocessing, section)
    var preprocessing = try Self.preprocessing(section, recorded, specification)
    assumesNormalization =
      file != nil
      && (section.assumesNormalization
        || !(section.preprocessing != nil && section.saysNormalization)
          && recorded?.isAssumed ?? (specification.graph?.impliedPreprocessing == nil))
    if let graph = specification.graph, preprocessing.outputSize == nil {
      // Such a network has one size of images.
      let size = ImageSize(width: graph.inputShape[1], height: graph.inputShape[0])
      let given = try imageSize?(preprocessing)
      if let given, given != size {
        notes.append("takes images of \(size), to which those of \(given) are resized")
      }
      preprocessing.resize = .exact(width: size.width, height: size.height)
    }
    self.preprocessing = preprocessing
    for doubt in [
      Self.contradiction(section, specification, preprocessing),
      Self.exchangedColours(section, specification, preprocessing),
    ].compactMap(\.self) {
      notes.append(doubt)
      doubts.insert(doubt)
    }
    let guess =
      "does not say how images are normalised: \(Self.description(of: preprocessing)) is a guess; "
      + "say it by network.preprocessing.style, or mean and standardDeviation "
      + "(--preprocessing)"
    if assumesNormalization {
      notes.append(guess)
      doubts.insert(guess)
    }
    if let size = try imageSize?(preprocessing) {
      (specification.height, specification.width) = (size.height, size.width)
    }
    self.specification = specification
    architecture = try specification.architecture()
    if section.architecture != nil { try file?.checkFlattening(of: specification, architecture) }
    classNames = section.classNames ?? metadata?.classNames
    if let classNames {
      try Self.check(
        classNames: classNames, for: architecture.classes,
        owner: section.classNames == nil ? "\(source): has" : "network.classNames has")
    }
    parameters = try executor.makeParameters(architecture.parameters.map { ($0.name, $0.shape) })
    if let file {
      let store = parameters
      var layers = architecture.parameterizedLayers
      if let top = Self.missingTop(layers, in: file) {
        guard newTop else {
          throw RunError(
            "\(file.path) has no top, so it classifies nothing; trompe train gives it one")
        }
        layers.removeAll(where: top.contains)
        let initial = architecture.initialParameters(seed: seed)
        for parameter in top.flatMap(\.parameters) {
          try store.upload(initial[parameter.name]!, to: parameter.name)
        }
        notes.append("has no top: \(top.map(\.name).joined(separator: ", ")) start at random")
      }
      do {
        let places = CheckpointFile.KerasPlaces(
          groups: keras?.groups ?? [:], unused: keras?.unused ?? [])
        notes += try file.load(layers, in: places) { parameter, fill in
          var tensor = Tensor(repeating: 0, shape: parameter.shape)
          try tensor.values.withUnsafeMutableBufferPointer { try fill($0) }
          try store.upload(tensor, to: parameter.name)
        }
      } catch let error as CheckpointError {
        throw file.explained(error, for: specification)
      }
      if assumesNormalization,
        let known = try Self.storedNormalization(specification.graph, parameters)
      {
        preprocessing.mean = known.mean
        preprocessing.standardDeviation = known.standardDeviation
        preprocessing.channelOrder = known.channelOrder
        self.preprocessing = preprocessing
        assumesNormalization = false
        notes.removeAll { $0 == guess }
      }
      if assumesNormalization, recorded == nil,
        let (known, note) = try Self.besideTheNetwork(file, preprocessing)
      {
        preprocessing = known
        self.preprocessing = preprocessing
        assumesNormalization = false
        notes.removeAll { $0 == guess }
        notes.append(note)
      }
      batchCounts = try file.readBatchCounts(layers)
      sha256 = try file.sha256()
    } else {
      for (name, tensor) in architecture.initialParameters(seed: seed) {
        try parameters.upload(tensor, to: name)
      }
      batchCounts = [:]
      sha256 = nil
    }
    let subject = section.checkpoint.map { "\($0) " } ?? ""
    self.notes = notes.map { subject + $0 }
    self.doubts = Set(doubts.map { subject + $0 })
  }

  /// How images are given to a network whose first layers normalise them by statistics in its file.
  private static func storedNormalization(
    _ graph: Architecture?, _ parameters: any Parameters
  ) throws -> Preprocessing? {
    guard let graph else { return nil }
    var statistics: [String: (mean: [Double], variance: [Double])] = [:]
    for node in graph.nodes {
      guard case .normalization = node.layer else { continue }
      func values(_ part: String) throws -> [Double] {
        try parameters.download("\(node.parameterPrefix).\(part)").values.map(Double.init)
      }
      statistics[node.name] = (try values("running_mean"), try values("running_var"))
    }
    return graph.impliedPreprocessing { statistics[$0.name] }
  }

  /// The dense layers, if Keras's file has none: `include_top=False`.
  private static func missingTop(
    _ layers: [ParameterizedLayer], in file: CheckpointFile
  ) -> [ParameterizedLayer]? {
    let top = layers.filter { $0.kind == .dense }
    guard file.layout.isKeras, !top.isEmpty, top.count < layers.count,
      !file.container.tensors.contains(where: { $0.shape.rank == 2 })
    else { return nil }
    return top
  }

  /// What a file of others tells of its network: Keras's description, or the names and shapes of its
  /// parameters.
  private static func inferred(
    from file: CheckpointFile, _ section: NetworkSection, _ keras: inout KerasImport?,
    _ notes: inout [String], _ doubts: inout Set<String>, size: () throws -> ImageSize?
  ) throws -> ArchitectureSpecification? {
    if let text = file.modelConfig {
      let graph: Architecture
      do {
        // Only a model that takes images of any size asks for that of the images.
        let isOpen = try Architecture.kerasInputIsOpen(modelConfig: text)
        let size = isOpen ? try size() : nil
        let found = try KerasImport(
          text, height: size?.height, width: size?.width, output: section.output)
        (graph, keras) = (found.architecture, found)
      } catch let error as NetworkError {
        throw RunError("\(file.path): \(error.description)")
      }
      return ArchitectureSpecification(
        family: "graph", classes: graph.classes, height: graph.inputShape[0],
        width: graph.inputShape[1], channels: graph.inputShape[2], graph: graph,
        channelsFirstInKeras: graph.imagesFlattenedChannelsFirst)
    }
    let side = ArchitectureSpecification.defaultSide
    let size = try size()
    let found = file.identifiedNetwork(height: size?.height ?? side, width: size?.width ?? side)
    if let found {
      notes.append("holds the parameters of \(found.inWords)")
      return found
    }
    guard let guess = file.inferredNetwork(size: size.map { ($0.height, $0.width) }) else {
      return nil
    }
    let graph = guess.architecture
    let note =
      "does not say how its layers are connected: \(guess.reading), by their names and shapes, are a "
      + "guess; accuracy on known images tells whether it is right"
    notes.append(note)
    doubts.insert(note)
    return ArchitectureSpecification(
      family: "graph", classes: graph.classes, height: graph.inputShape[0],
      width: graph.inputShape[1], channels: graph.inputShape[2], graph: graph)
  }

  /// A network that keeps the present weights when `network` is trained.
  package init(copying network: LoadedNetwork) throws {
    (specification, architecture) = (network.specification, network.architecture)
    (preprocessing, classNames) = (network.preprocessing, network.classNames)
    assumesNormalization = network.assumesNormalization
    (batchCounts, sha256, provenance) = (network.batchCounts, network.sha256, network.provenance)
    (layout, modelConfig) = (network.layout, network.modelConfig)
    (notes, doubts) = (network.notes, network.doubts)
    (kerasGroups, kerasUnused) = (network.kerasGroups, network.kerasUnused)
    path = network.path
    executor = network.executor
    parameters = try executor.makeParameters(architecture.parameters.map { ($0.name, $0.shape) })
    try parameters.restore(network.parameters.snapshot())
  }

  /// The same function under another network's names.
  init(_ conversion: NetworkConversion, of network: LoadedNetwork) throws {
    (specification, architecture) = (conversion.specification, conversion.architecture)
    (preprocessing, classNames) = (network.preprocessing, network.classNames)
    assumesNormalization = network.assumesNormalization
    (batchCounts, sha256, provenance) = ([:], network.sha256, network.provenance)
    (layout, modelConfig, path) = (.trompe, nil, network.path)
    (notes, doubts) = (network.notes, network.doubts)
    (kerasGroups, kerasUnused) = ([:], [])
    executor = network.executor
    parameters = try executor.makeParameters(architecture.parameters.map { ($0.name, $0.shape) })
    let given = try network.parameters.snapshot().tensors
    for name in parameters.names {
      try parameters.upload(conversion.tensor(name) { given[$0]! }, to: name)
    }
  }

  /// A program on the network's parameters.
  public func compile(
    _ computation: Computation, _ policy: ExecutionPolicy = ExecutionPolicy()
  ) throws -> any Program {
    try executor.compile(computation, parameters: parameters, policy: policy)
  }

  /// One sentence for people.
  public var summary: String {
    "all \(parameters.names.count) arrays of \(architecture.name) with \(architecture.classes) "
      + "classes are there and finite"
  }

  /// Names of all classes: the known ones, or numbers.
  package func names(or others: [String]) -> [String] {
    let known = classNames ?? others
    return (0..<architecture.classes).map { $0 < known.count ? known[$0] : "\($0)" }
  }

  package static func decode<Content: Decodable>(
    _ text: String, as type: Content.Type, _ attribute: String, _ path: String?
  ) throws -> Content {
    do { return try CheckedJSON.decode(type, from: Data(text.utf8)) } catch {
      let reason = (error as? NetworkError)?.description ?? "\(error)"
      throw RunError(
        "\(path ?? ""): the attribute \(attribute) cannot be read: \(reason); say what holds by "
          + "network.\(attribute)")
    }
  }

  /// The preprocessing that a file holds. One that cannot be read is in nobody's way where the recipe
  /// or options say all of it.
  private static func recorded(
    _ text: String?, _ section: NetworkSection
  ) throws -> RecordedPreprocessing? {
    guard let text else { return nil }
    do {
      return try decode(
        text, as: RecordedPreprocessing.self, "preprocessing", section.checkpoint)
    } catch {
      guard section.preprocessing != nil, section.saysNormalization else { throw error }
      return nil
    }
  }

  /// - Parameter owner: of the names, with its verb.
  package static func check(classNames: [String], for classes: Int, owner: String) throws {
    guard classNames.count == classes else {
      throw RunError(
        "\(owner) \(classNames.count) class names for a network of \(classes) "
          + "classes; network.classNames names the class of each output")
    }
    if let empty = classNames.firstIndex(where: \.isEmpty) {
      throw RunError(
        "\(owner) an empty name for the class of output \(empty); network.classNames names the "
          + "class of each output")
    }
  }
}
