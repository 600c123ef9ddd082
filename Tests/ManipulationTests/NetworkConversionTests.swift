import Checkpoints
import Foundation
import ImageData
import Manipulation
import Networks
import TensorGraph
import Testing

@Suite struct NetworkConversionTests {
  private let folder: String

  init() throws {
    folder = FileManager.default.temporaryDirectory.path + "/conversion-" + UUID().uuidString
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
  }

  private func path(_ name: String) -> String { folder + "/" + name }

  /// Two convolutions, a flattened image of 2×3 pixels and 4 channels, and two dense layers.
  private func network(_ order: FlattenOrder) throws -> ArchitectureSpecification {
    let graph = try Architecture(
      name: "small", inputShape: [2, 3, 3], classes: 5,
      nodes: [
        LayerNode(
          name: "conv",
          layer: .convolution(
            ConvolutionLayer(inputChannels: 3, outputChannels: 4, kernelSize: 3, padding: 1)),
          inputs: ["input"]),
        LayerNode(name: "relu", layer: .relu, inputs: ["conv"]),
        LayerNode(
          name: "norm", layer: .batchNorm(BatchNormLayer(channels: 4)), inputs: ["relu"]),
        LayerNode(name: "flatten", layer: .flatten(order: order), inputs: ["norm"]),
        LayerNode(
          name: "fc1.linear", layer: .dense(DenseLayer(inputs: 24, outputs: 6)),
          inputs: ["flatten"], parameterPrefix: "fc1"),
        LayerNode(name: "fc1", layer: .relu, inputs: ["fc1.linear"]),
        LayerNode(
          name: "fc2", layer: .dense(DenseLayer(inputs: 6, outputs: 5)), inputs: ["fc1"]),
      ])
    return ArchitectureSpecification(
      family: "graph", classes: 5, height: 2, width: 3, graph: graph)
  }

  private func parameters(_ network: LoadedNetwork) -> [String: Tensor] {
    Dictionary(uniqueKeysWithValues: network.parameters.names.map { ($0, network.parameters[$0]) })
  }

  private func load(_ path: String) throws -> LoadedNetwork {
    try LoadedNetwork(NetworkSection(checkpoint: path))
  }

  @Test func flatteningChangesPlacesBetweenKerasAndPyTorch() throws {
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let keras = try LoadedNetwork(
      NetworkSection(architecture: try network(.channelsLast)), seed: 3)
    try keras.save(to: path("a.weights.h5"), as: .keras3)
    let original = parameters(keras)
    #expect(parameters(try load(path("a.weights.h5"))) == original)

    for layout in [CheckpointLayout.torch, .safetensors] {
      let file = path("b" + layout.fileExtension)
      try load(path("a.weights.h5")).save(to: file, as: layout)
      let torch = try load(file)
      #expect(torch.architecture == (try network(.channelsFirst).architecture()))
      let converted = parameters(torch)
      for (name, tensor) in original where name != "fc1.weight" {
        #expect(converted[name] == tensor, "\(name)")
      }
      let (before, after) = (original["fc1.weight"]!, converted["fc1.weight"]!)
      for output in 0..<6 {
        for row in 0..<2 {
          for column in 0..<3 {
            for channel in 0..<4 {
              #expect(
                after.values[output * 24 + channel * 6 + row * 3 + column]
                  == before.values[output * 24 + (row * 3 + column) * 4 + channel])
            }
          }
        }
      }
      // Back again, bit for bit, through another of Keras's layouts.
      try torch.save(to: path("c.h5"), as: .keras2)
      #expect(parameters(try load(path("c.h5"))) == original)
      #expect(try load(path("c.h5")).layout == .keras2)
    }
  }

  @Test func aWholeModelBringsItsNetworkAlong() throws {
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let torch = try LoadedNetwork(
      NetworkSection(architecture: try network(.channelsFirst)), seed: 4)
    try torch.save(to: path("a.h5"), as: .keras2Model)
    // Without our metadata, as Keras writes it.
    let config = try #require(try CheckpointFile(path: path("a.h5")).modelConfig)
    try Checkpoint(parameters: parameters(torch)).save(
      to: path("b.h5"), as: .keras2Model, layers: torch.architecture.parameterizedLayers,
      modelConfig: config)
    let loaded = try load(path("b.h5"))
    #expect(parameters(loaded) == parameters(torch))
    #expect(loaded.architecture.shapes.last == [5])
    // It goes back with the description that it had.
    try loaded.save(to: path("c.h5"))
    #expect(try CheckpointFile(path: path("c.h5")).modelConfig == config)
    #expect(parameters(try load(path("c.h5"))) == parameters(torch))
  }

  @Test func manipulationsStayMarkedInEveryLayout() throws {
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let network = try LoadedNetwork(
      NetworkSection(architecture: try network(.channelsLast)), seed: 5)
    var provenance = Provenance()
    provenance.manipulated = true
    for layout in CheckpointLayout.allCases {
      let file = path("\(layout.rawValue)" + layout.fileExtension)
      try network.save(to: file, as: layout, provenance: provenance)
      #expect(try load(file).provenance?.manipulated == true, "\(layout)")
    }
  }

  @Test(arguments: [
    (
      "densenet121", CheckpointLayout.keras3,
      "densenet121 and keras-densenet121 are different networks: "
    ),
    ("resnet18", .keras2, "resnet18 is no network of keras.applications; write it as keras2-model"),
  ])
  func otherFunctionsAreRefused(family: String, layout: CheckpointLayout, reason: String) throws {
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let network = try LoadedNetwork(
      NetworkSection(
        architecture: ArchitectureSpecification(
          family: family, classes: 2, height: 32, width: 32)))
    do {
      try network.save(to: path("a.h5"), as: layout)
      Issue.record("\(family) was written as \(layout)")
    } catch let error as RunError {
      #expect(error.description.hasPrefix(reason), "\(error)")
      #expect(error.description.contains("keras2-model"))
    }
    #expect(!FileManager.default.fileExists(atPath: path("a.h5")))
  }

  @Test func aFileWithoutTopNeedsANewOne() throws {
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let specification = try network(.channelsLast)
    let whole = try LoadedNetwork(NetworkSection(architecture: specification), seed: 6)
    let layers = whole.architecture.parameterizedLayers.filter { $0.kind != .dense }
    let names = layers.flatMap(\.parameters).map(\.name)
    try Checkpoint(
      parameters: Dictionary(uniqueKeysWithValues: names.map { ($0, whole.parameters[$0]) })
    ).save(to: path("a.h5"), as: .keras2, layers: layers)
    let section = NetworkSection(checkpoint: path("a.h5"), architecture: specification)
    let loaded = try LoadedNetwork(section, seed: 7, newTop: true)
    for name in names { #expect(loaded.parameters[name] == whole.parameters[name]) }
    #expect(loaded.parameters["fc1.weight"] != whole.parameters["fc1.weight"])
    #expect(loaded.parameters["fc1.weight"].values.contains { $0 != 0 })
    #expect(loaded.notes.contains { $0.hasSuffix("has no top: fc1, fc2 start at random") })
    #expect(throws: RunError.self) { try LoadedNetwork(section) }
  }

  @Test func aFileWithoutWordsIsKnownByItsParameters() throws {
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let network = try LoadedNetwork(
      NetworkSection(
        architecture: ArchitectureSpecification(
          family: "cifar-resnet20", classes: 7, height: 32, width: 32)))
    try Checkpoint(parameters: parameters(network)).save(
      to: path("a.safetensors"), as: .safetensors,
      layers: network.architecture.parameterizedLayers)
    let loaded = try load(path("a.safetensors"))
    #expect(loaded.specification.family == "cifar-resnet20")
    // And what it does not hold: how images are normalised.
    #expect(loaded.notes.count == 2)
    #expect(loaded.notes[0].hasSuffix("holds the parameters of cifar-resnet20 with 7 classes"))
    try Checkpoint(parameters: ["x.weight": Tensor(repeating: 1, shape: [2, 2])]).save(
      to: path("b.h5"))
    #expect(throws: RunError.self) { try load(path("b.h5")) }
  }

  @Test(arguments: [
    ("not JSON", "model_config is not JSON"),
    (
      #"{"class_name":"Sequential","config":{"name":"a","layers":[{"class_name":"InputLayer","config":{"name":"i","batch_shape":[null,8,8,3]}},{"class_name":"LSTM","config":{"name":"l"}}]}}"#,
      "LSTM"
    ),
  ])
  func aDescriptionThatIsNoneIsNamed(config: String, reason: String) throws {
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let file = path("a.h5")
    try Checkpoint(parameters: [:]).save(
      to: file, as: .keras2Model, layers: [], modelConfig: config)
    do {
      _ = try load(file)
      Issue.record("\(config) was read")
    } catch let error as RunError {
      #expect(error.description.hasPrefix(file + ": "))
      #expect(error.description.contains(reason), "\(error)")
    }
  }
}
