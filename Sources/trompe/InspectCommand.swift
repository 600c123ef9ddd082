import ArgumentParser
import Checkpoints
import Foundation
import ImageData
import KerasModels
import Manipulation
import Networks

struct InspectCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "inspect",
    abstract: "Shows what a checkpoint holds, and whether it was manipulated.",
    usage: "trompe inspect <file> [<options>]",
    discussion: """
      Reads Trompe's own files and those of others: Keras's weights and whole models, and \
      PyTorch's state dicts (.pt, .pth), also in HDF5 and safetensors. Weights are read only with --check, so it is \
      quick for files of any size. With --layers it lists the network's layers instead of the \
      file's arrays: those with "yes" can be the target layer of grad-cam@LAYER and its like.

      Example:
        trompe inspect runs/first/manipulated.h5
      """)

  @Argument(
    help: "A file of Keras's, PyTorch's or ours.",
    completion: .file(extensions: ["h5", "keras", "safetensors", "pth", "pt"]))
  var file: String

  @Option(
    help: "Which of several networks in the file: what the names of its arrays begin with.")
  var group: String?

  @Option(help: "Which of several outputs of a Keras model counts, by its layer's name.")
  var networkOutput: String?

  @Flag(help: "List the network's layers, and which can be target layers.")
  var layers = false

  @Flag(help: "Print it as JSON.")
  var json = false

  @Flag(help: "Read every weight, as a run does: all must be there, fit and be finite.")
  var check = false

  func run() throws {
    let inspection = try Inspection(file, self)
    try Terminal.write(json ? JSON.text(inspection) : inspection.text)
  }
}

/// What a checkpoint says about itself.
private struct Inspection: Encodable {
  struct Recognized: Encodable {
    let family: String
    let classes: Int
    let channels: Int
  }

  /// What Keras's description of a whole model says.
  struct Model: Encodable {
    let name: String
    let classes: Int
    /// Of one image, [height, width, channels].
    let input: [Int]
    /// Whether it does itself what becomes of pixels before its first weights.
    let preprocessesItself: Bool
  }

  /// What names and shapes of a file suggest that are those of no built-in network.
  struct Guess: Encodable {
    let classes: Int
    /// Of one image, [height, width, channels].
    let input: [Int]
    /// How the layers are taken to be connected.
    let reading: String
  }

  struct Entry: Encodable {
    let name: String
    /// In the file's layout.
    let shape: [Int]
    let type: String
  }

  struct ListedLayer: Encodable {
    let name: String
    /// Further names of it.
    let aliases: [String]
    let kind: String
    /// Of the activation of one image.
    let shape: [Int]
    let isTarget: Bool
  }

  let file: String
  let bytes: Int
  let layout: CheckpointLayout
  /// What reading the weights has shown; nil if they were not read.
  let weights: String?
  let architecture: ArchitectureSpecification?
  /// Ends of the network's stages: the usual target layers of heatmaps.
  let stages: [String]
  let classNames: [String]?
  let preprocessing: Preprocessing?
  /// Whether nobody had said how images are normalised when the file was written.
  let preprocessingIsAssumed: Bool
  /// The built-in network that the arrays are those of, where the file does not say which it holds.
  let recognized: Recognized?
  let guess: Guess?
  let model: Model?
  /// Why Keras's description cannot be read; nil if it can, or there is none.
  let modelProblem: String?
  let provenance: Provenance?
  let manipulated: Bool?
  /// Numbers that training changes.
  let parameters: Int
  /// Numbers that batch norms have counted.
  let statistics: Int
  /// Whether training can go on from it.
  let hasTrainingState: Bool
  let tensors: [Entry]
  /// In the order of computation; nil if not requested.
  let layers: [ListedLayer]?

  init(_ path: String, _ options: InspectCommand) throws {
    let checkpoint = try CheckpointFile(path: path, group: options.group)
    let (file, metadata) = (checkpoint.container, checkpoint.metadata)
    self.file = path
    layout = checkpoint.layout
    if options.check {
      let network = try LoadedNetwork(
        NetworkSection(
          checkpoint: path, group: options.group, output: options.networkOutput),
        on: ExecutorChoice.standard())
      weights = ([network.summary] + network.notes).joined(separator: "; ")
    } else {
      weights = nil
    }
    bytes = try checkpoint.paths.reduce(0) {
      $0 + ((try FileManager.default.attributesOfItem(atPath: $1)[.size] as? Int) ?? 0)
    }
    func decode<Content: Decodable>(_ text: String?, _ name: String) throws -> Content? {
      guard let text else { return nil }
      do { return try JSONDecoder().decode(Content.self, from: Data(text.utf8)) } catch {
        throw CheckpointError(
          path: path, dataset: "@\(name)",
          (error as? NetworkError)?.description ?? "is not what this version of Trompe reads")
      }
    }
    architecture = try decode(metadata.architecture, "architecture")
    stages = (try architecture?.architecture().stages) ?? []
    let recorded: RecordedPreprocessing? = try decode(metadata.preprocessing, "preprocessing")
    (preprocessing, preprocessingIsAssumed) = (
      recorded?.preprocessing, recorded?.isAssumed ?? false
    )
    let side = ArchitectureSpecification.defaultSide
    let identified =
      architecture != nil || checkpoint.modelConfig != nil
      ? nil : checkpoint.identifiedNetwork(height: side, width: side)
    recognized = identified.map {
      Recognized(family: $0.family, classes: $0.classes, channels: $0.channels)
    }
    let inferred =
      identified != nil || architecture != nil || checkpoint.modelConfig != nil
      ? nil : checkpoint.inferredNetwork(size: nil)
    guess = inferred.map {
      Guess(
        classes: $0.architecture.classes, input: $0.architecture.inputShape.dimensions,
        reading: $0.reading)
    }
    var described: Architecture?
    var problem: String?
    if architecture == nil, checkpoint.modelConfig != nil {
      do {
        described = try Self.described(checkpoint, output: options.networkOutput, side: side)
      } catch {
        guard !options.layers else { throw error }
        let (text, start) = ("\(error)", path + ": ")
        problem = text.hasPrefix(start) ? String(text.dropFirst(start.count)) : text
      }
    }
    modelProblem = problem
    model = described.map {
      Model(
        name: $0.name, classes: $0.classes, input: $0.inputShape.dimensions,
        preprocessesItself: $0.impliedPreprocessing != nil)
    }
    layers =
      options.layers
      ? Self.layers(
        of: try (architecture ?? identified)?.architecture() ?? described ?? inferred?.architecture
          ?? Self.described(checkpoint, output: options.networkOutput, side: side)) : nil
    classNames = metadata.classNames
    provenance = metadata.provenance
    manipulated = metadata.provenance?.manipulated
    hasTrainingState = file.parameters.count < file.tensors.count
    var (parameters, statistics) = (0, 0)
    for tensor in file.parameters where tensor.elementType.isFloat {
      if checkpoint.isStatistic(tensor.name) {
        statistics += tensor.shape.count
      } else {
        parameters += tensor.shape.count
      }
    }
    (self.parameters, self.statistics) = (parameters, statistics)
    tensors = file.parameters.map {
      Entry(name: $0.name, shape: $0.shape.dimensions, type: $0.elementType.description)
    }
  }

  /// The network of a whole Keras model; one that takes images of any size gets those of ImageNet.
  private static func described(
    _ checkpoint: CheckpointFile, output: String?, side: Int
  ) throws -> Architecture {
    guard let text = checkpoint.modelConfig else { throw RunError(checkpoint.unknownNetwork) }
    do {
      return try Architecture(
        kerasModelConfig: text, height: side, width: side, output: output)
    } catch { throw RunError("\(checkpoint.path): \(error.description)") }
  }

  private static func layers(of architecture: Architecture) -> [ListedLayer] {
    let further = Dictionary(grouping: architecture.aliases.keys.sorted()) {
      architecture.aliases[$0]!
    }
    return zip(architecture.nodes, architecture.shapes).map { node, shape in
      ListedLayer(
        name: node.name, aliases: further[node.name] ?? [], kind: node.layer.kind.rawValue,
        shape: shape.dimensions, isTarget: shape.rank == 3)
    }
  }

  // MARK: Text

  var text: String {
    var rows = [["file", "\(printable(file)), \(Format.bytes(bytes))"]]
    rows.append(["layout", layout.title])
    rows += Format.wrapped(
      "architecture",
      architecture.map(Self.text) ?? recognized.map(Self.text) ?? model.map(Self.text)
        ?? guess.map(Self.text)
        ?? modelProblem.map { "not readable: \($0)" } ?? "not stored in the file")
    if !stages.isEmpty {
      rows += Format.wrapped("target layers", stages.map(printable).joined(separator: ", "))
    }
    if let classNames {
      rows.append(["classes", listed(classNames.map(printable))])
    }
    rows += Format.wrapped(
      "preprocessing",
      (preprocessing.map(Self.text)
        ?? (model?.preprocessesItself == true
          ? "by the model's first layers" : "not stored in the file"))
        + (preprocessingIsAssumed ? " (assumed: nobody said how images are normalised)" : ""))
    rows.append([
      "parameters",
      "\(parameters)" + (statistics > 0 ? ", and \(statistics) batch-norm statistics" : ""),
    ])
    if let weights { rows += Format.wrapped("weights", printable(weights)) }
    if hasTrainingState { rows.append(["training", "can be resumed from this file"]) }
    let isMarked = Terminal.output.styled("YES: its explanations were made to lie", .error)
    rows.append([
      "manipulated",
      manipulated.map { $0 ? isMarked : "no" } ?? "not stored in the file",
    ])
    rows += provenance.map(Self.rows) ?? []
    if let layers {
      let listing =
        [["layer", "also", "kind", "output", "target"]]
        + layers.map { layer in
          [
            printable(layer.name), printable(layer.aliases.joined(separator: ", ")), layer.kind,
            "\(layer.shape)", layer.isTarget ? "yes" : "no",
          ]
        }
      return Format.table(rows, leading: 2) + "\n" + Format.table(listing, leading: 5)
    }
    let listing =
      [["tensor", "shape", "type"]]
      + tensors.map { [printable($0.name), "\($0.shape)", $0.type] }
    return Format.table(rows, leading: 2) + "\n" + Format.table(listing, leading: 3)
  }

  /// The first names within a line, then how many more.
  private func listed(_ names: [String]) -> String {
    var line = "\(names.count): "
    for (index, name) in names.enumerated() {
      if index > 0, line.count + name.count > 50 { return line + ", …" }
      line += (index > 0 ? ", " : "") + name.prefix(40)
    }
    return line
  }

  private static func text(_ specification: ArchitectureSpecification) -> String {
    // A network layer by layer has a name of its own, which also says whether it is a guess.
    "\(printable(specification.graph?.name ?? specification.family)), "
      + "\(specification.classes) classes, input "
      + "\(specification.width)x\(specification.height)x\(specification.channels)"
  }

  private static func text(_ network: Recognized) -> String {
    "\(network.family), \(network.classes) classes, "
      + (network.channels == 3 ? "" : "images of \(network.channels) channels, ")
      + "by names and shapes"
  }

  private static func text(_ guess: Guess) -> String {
    "\(guess.classes) classes; a guess by names and shapes: \(guess.reading)"
  }

  private static func text(_ model: Model) -> String {
    "\(printable(model.name)), \(model.classes) classes, input "
      + "\(model.input[1])x\(model.input[0])x\(model.input[2]), by Keras's description of it"
  }

  private static func text(_ preprocessing: Preprocessing) -> String {
    var steps: [String] = []
    switch preprocessing.resize {
    case .none: break
    case .exact(let width, let height): steps.append("resize to \(width)x\(height)")
    case .shorterSide(let length): steps.append("resize the shorter side to \(length)")
    }
    if let crop = preprocessing.centerCrop { steps.append("crop to \(crop)") }
    func list(_ values: [Float]) -> String { values.map { "\($0)" }.joined(separator: " ") }
    if preprocessing.channelOrder == .bgr { steps.append("blue first") }
    steps.append("mean \(list(preprocessing.mean))")
    steps.append("std \(list(preprocessing.standardDeviation))")
    return steps.joined(separator: ", ")
  }

  private static func rows(_ provenance: Provenance) -> [[String]] {
    var rows: [[String]] = []
    if let note = provenance.note { rows += Format.wrapped("note", printable(note)) }
    if let version = provenance.toolVersion {
      rows.append(["made by", "trompe \(printable(version))"])
    }
    if let digest = provenance.originalSHA256 { rows.append(["made from", printable(digest)]) }
    if let seed = provenance.seed { rows.append(["seed", "\(seed)"]) }
    for (name, value) in provenance.accuracy.sorted(by: { $0.key < $1.key }) {
      rows.append(["accuracy", "\(printable(name)) \(Format.percent(value))"])
    }
    for (name, value) in provenance.fsr.sorted(by: { $0.key < $1.key }) {
      rows.append(["success rate", "\(printable(name)) \(Format.percent(value))"])
    }
    return rows
  }
}
