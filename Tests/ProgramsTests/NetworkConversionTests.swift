import Checkpoints
import Foundation
import ImageData
import KerasModels
import Manipulation
import Networks
import RunTestSupport
import TensorGraph
import TensorReference
import TestSupport
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

  /// A Keras model that flattens channels first, by way of PyTorch's file.
  @Test func whatKerasFlattensChannelsFirstStaysSo() throws {
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let config = """
      {"class_name": "Sequential", "config": {"name": "first", "layers": [
        {"class_name": "InputLayer", "config": {"batch_shape": [null, 3, 4, 5], "name": "in"}},
        {"class_name": "Conv2D", "config": {"name": "conv", "filters": 4, "kernel_size": [1, 1],
          "data_format": "channels_first"}},
        {"class_name": "Flatten", "config": {"name": "flat"}},
        {"class_name": "Dense", "config": {"name": "fc", "units": 5}}]}}
      """
    let architecture = try Architecture(kerasModelConfig: config)
    let fresh = try LoadedNetwork(
      NetworkSection(
        architecture: ArchitectureSpecification(
          family: "graph", classes: 5, height: 4, width: 5, graph: architecture)), seed: 3)
    try Checkpoint(parameters: parameters(fresh)).save(
      to: path("a.h5"), as: .keras2Model, layers: architecture.parameterizedLayers,
      modelConfig: config)
    let keras = try load(path("a.h5"))
    #expect(keras.specification.channelsFirstInKeras == ["flat"])
    for layout in [CheckpointLayout.pth, .trompe] {
      try keras.save(to: path("b" + layout.fileExtension), as: layout)
      let other = try load(path("b" + layout.fileExtension))
      for target in [CheckpointLayout.keras3, .keras2] {
        try other.save(to: path("c" + target.fileExtension), as: target)
        #expect(parameters(try load(path("c" + target.fileExtension))) == parameters(keras))
      }
    }
  }

  /// Between the flattening and the dense layer may stand what treats each pixel by itself.
  @Test func parametersOfFlattenedPixelsChangePlacesWithThem() throws {
    defer { try? FileManager.default.removeItem(atPath: folder) }
    func network(_ further: [LayerNode], classes: Int) throws -> LoadedNetwork {
      let graph = try Architecture(
        name: "rows", inputShape: [2, 4, 3], classes: classes,
        nodes: [LayerNode(name: "flat", layer: .flatten(order: .channelsLast), inputs: ["input"])]
          + further)
      let network = try LoadedNetwork(
        NetworkSection(
          architecture: ArchitectureSpecification(
            family: "graph", classes: classes, height: 2, width: 4, channels: 3, graph: graph)),
        seed: 5)
      for name in network.parameters.names {
        var tensor = network.parameters[name]
        tensor.values.withUnsafeMutableBufferPointer { SeededWeights.uniform(name, into: $0) }
        if name.hasSuffix("var") {
          tensor = Tensor(shape: tensor.shape, values: tensor.values.map { $0 + 2 })
        }
        try network.parameters.upload(tensor, to: name)
      }
      return network
    }
    func logits(_ network: LoadedNetwork) throws -> [Double] {
      var graph = GraphBuilder()
      let input = try graph.placeholder("images", shape: [1, 2, 4, 3])
      let part = try NetworkGraph(network.architecture, input: input, in: &graph)
      let values = (0..<24).map { Double($0 * 7 % 24) / 12 - 1 }
      return try ReferenceEvaluator.evaluate(
        graph.graph(outputs: [part.logits]),
        placeholders: ["images": ReferenceArray(shape: [1, 2, 4, 3], values: values)],
        parameters: Dictionary(
          uniqueKeysWithValues: network.parameters.names.map {
            ($0, ReferenceArray(network.parameters[$0]))
          }))[0].values
    }
    let rows = try network(
      [
        LayerNode(name: "norm", layer: .batchNorm(BatchNormLayer(channels: 24)), inputs: ["flat"]),
        LayerNode(name: "slopes", layer: .prelu(PReLULayer(slopes: [24])), inputs: ["norm"]),
        LayerNode(name: "slope", layer: .prelu(PReLULayer(slopes: [1])), inputs: ["slopes"]),
        LayerNode(name: "tanh", layer: .activation(.tanh), inputs: ["slope"]),
        LayerNode(name: "sum", layer: .add, inputs: ["tanh", "norm"]),
        LayerNode(
          name: "layer", layer: .layerNorm(LayerNormLayer(extents: [24])), inputs: ["sum"]),
        LayerNode(
          name: "fc", layer: .dense(DenseLayer(inputs: 24, outputs: 3)), inputs: ["layer"]),
      ], classes: 3)
    let converted = try rows.converted(to: .pth)
    #expect(
      converted.architecture.nodes[0].layer == .flatten(order: .channelsFirst))
    for (a, b) in zip(try logits(rows), try logits(converted)) { #expect(abs(a - b) < 1e-12) }
    #expect(converted.parameters["fc.weight"] != rows.parameters["fc.weight"])
    #expect(converted.parameters["norm.running_mean"] != rows.parameters["norm.running_mean"])

    // Pixels as logits would be other classes.
    let reason = "rows cannot be written as pth, which flattens images in another order: "
    let advice = "; write it as keras, keras2-model or trompe"
    for (further, classes, cause) in [
      (
        [LayerNode(name: "end", layer: .activation(.tanh), inputs: ["flat"])], 24,
        "the logits are a flattened image, whose order is another"
      ),
      (
        [
          LayerNode(name: "both", layer: .concatenate, inputs: ["flat", "flat"]),
          LayerNode(
            name: "fc", layer: .dense(DenseLayer(inputs: 48, outputs: 3)), inputs: ["both"]),
        ], 3, "both reads a flattened image, whose order is another"
      ),
    ] {
      do {
        _ = try network(further, classes: classes).converted(to: .pth)
        Issue.record("\(cause): was converted")
      } catch { #expect("\(error)" == reason + cause + advice) }
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

  /// The shapes fit, and the outputs would be others.
  @Test func kerasWeightsAreNotFlattenedAsPyTorchDoes() throws {
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let network = try LoadedNetwork(
      NetworkSection(architecture: try network(.channelsLast)), seed: 3)
    let twin = ArchitectureSpecification(
      family: "vgg-style", classes: 5, height: 2, width: 3, plan: [.convolution(channels: 4)],
      classifier: [6])
    func complaint(_ path: String) -> String {
      do {
        _ = try LoadedNetwork(NetworkSection(checkpoint: path, architecture: twin))
      } catch { return "\(error)" }
      return "no error"
    }
    try network.save(to: path("a.h5"), as: .keras2)
    #expect(complaint(path("a.h5")).contains("leave network.architecture out"))
    try Checkpoint(parameters: parameters(network)).save(
      to: path("b.h5"), as: .keras2, layers: network.architecture.parameterizedLayers)
    let text = complaint(path("b.h5"))
    #expect(text.contains("vgg-style flattens images channels first"), "\(text)")
    #expect(text.contains("whole model"), "\(text)")
    // A whole model that was written for the network brings a description that flattens as it does.
    let own = try LoadedNetwork(NetworkSection(architecture: twin), seed: 3)
    try own.save(to: path("own.h5"), as: .keras2Model)
    let again = try LoadedNetwork(
      NetworkSection(checkpoint: path("own.h5"), architecture: twin))
    #expect(parameters(again) == parameters(own))
    // What flattens one pixel has one order only.
    let pooled = ArchitectureSpecification(
      family: "vgg-style", classes: 5, height: 2, width: 2,
      plan: [.convolution(channels: 4), .pool], batchNorm: false, classifier: [])
    let whole = try LoadedNetwork(NetworkSection(architecture: pooled), seed: 3)
    try Checkpoint(parameters: parameters(whole)).save(
      to: path("c.h5"), as: .keras2, layers: whole.architecture.parameterizedLayers)
    _ = try LoadedNetwork(NetworkSection(checkpoint: path("c.h5"), architecture: pooled))
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

  /// Its classes are the outputs of a convolution.
  @Test func aNetworkWithoutDenseLayersIsKnownByItsParameters() throws {
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let network = try LoadedNetwork(
      NetworkSection(
        architecture: ArchitectureSpecification(
          family: "squeezenet1-1", classes: 7, height: 64, width: 64)))
    try Checkpoint(parameters: parameters(network)).save(
      to: path("a.pth"), as: .pth, layers: network.architecture.parameterizedLayers)
    let specification = try load(path("a.pth")).specification
    #expect(specification.family == "squeezenet1-1")
    #expect(specification.classes == 7)
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
