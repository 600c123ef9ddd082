import Checkpoints
import Foundation
import Manipulation
import Networks
import RunTestSupport
import TensorGraph
import TensorReference
import TestSupport
import Testing

/// Models within models as Keras 3 and Keras 2.15 wrote them (tools/make_nested_fixtures.py), as `.keras`
/// and as `.h5`, with Keras's logits.
@Suite struct KerasFilesTests {
  private static let folder =
    URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .appendingPathComponent("Fixtures/keras-nested").path + "/"

  static let files = ["k2", "k3"].flatMap { dialect in
    ["keras", "h5"].map { (dialect, $0) }
  }

  /// By model and output.
  private func expected(_ dialect: String) throws -> [String: [String: [[Double]]]] {
    let data = try Data(contentsOf: URL(fileURLWithPath: Self.folder + "\(dialect)-logits.json"))
    return try JSONDecoder().decode([String: [String: [[Double]]]].self, from: data)
  }

  private func load(_ path: String, output: String? = nil) throws -> LoadedNetwork {
    try LoadedNetwork(NetworkSection(checkpoint: path, output: output))
  }

  /// Of the two images of the fixtures, in double precision.
  private func logits(_ network: LoadedNetwork) throws -> [[Double]] {
    var images: [Double] = []
    for n in 0..<2 {
      for h in 0..<12 {
        for w in 0..<12 {
          for c in 0..<3 {
            images.append(Double(Float(Double((31 * h + 17 * w + 7 * c + 11 * n) % 23) / 11 - 1)))
          }
        }
      }
    }
    var graph = GraphBuilder()
    let input = try graph.placeholder("images", shape: [2, 12, 12, 3])
    let part = try NetworkGraph(network.architecture, input: input, in: &graph)
    var parameters: [String: ReferenceArray] = [:]
    for name in network.parameters.names {
      parameters[name] = ReferenceArray(network.parameters[name])
    }
    let result = try ReferenceEvaluator.evaluate(
      graph.graph(outputs: [part.logits]),
      placeholders: ["images": ReferenceArray(shape: [2, 12, 12, 3], values: images)],
      parameters: parameters)[0]
    let classes = network.architecture.classes
    return (0..<2).map { Array(result.values[$0 * classes..<($0 + 1) * classes]) }
  }

  /// Of the largest logit.
  private func difference(_ found: [[Double]], _ expected: [[Double]]) -> Double {
    let largest = expected.joined().map(abs).max() ?? 0
    return (zip(found.joined(), expected.joined()).map { abs($0 - $1) }.max() ?? .infinity)
      / largest
  }

  private func error(_ body: () throws -> Void) -> String? {
    do {
      try body()
      return nil
    } catch { return "\(error)".replacingOccurrences(of: Self.folder, with: "") }
  }

  // MARK: Reading

  /// A frozen base that is called twice, with a sequential model in it, and two outputs.
  @Test(arguments: files)
  func aSharedBaseGivesKerasLogitsAtEitherOutput(dialect: String, format: String) throws {
    let path = Self.folder + "\(dialect)-twice.\(format)"
    for (output, logits) in try #require(expected(dialect)["twice"]) {
      let network = try load(path, output: output)
      #expect(network.layout == (format == "keras" ? .keras : .keras2Model))
      #expect(difference(try self.logits(network), logits) < 1e-5)
      // Once each, whoever calls them; nothing of the other output.
      #expect(
        Set(network.parameters.names.map { $0.split(separator: ".")[0] })
          == ["vgg/c1", "vgg/deep/p", "vgg/deep/bn", Substring(output)])
    }
  }

  @Test(arguments: files)
  func aModelInASequentialOneGivesKerasLogits(dialect: String, format: String) throws {
    let network = try load(Self.folder + "\(dialect)-sequence.\(format)")
    let logits = try #require(expected(dialect)["sequence"]?[""])
    #expect(difference(try self.logits(network), logits) < 1e-5)
    // Layers of one name in both models are two.
    #expect(network.parameters.names.contains("c1.weight"))
    #expect(network.parameters.names.contains("base/c1.weight"))
  }

  /// Means and maxima over channels and over positions, results of 1×1 that are added to images, clipping,
  /// the smaller of two (tools/make_attention_fixtures.py); also after they are written and read again.
  @Test func attentionGivesKerasLogits() throws {
    let data = try Data(contentsOf: URL(fileURLWithPath: Self.folder + "k3-attention.json"))
    let expected = try JSONDecoder().decode([[Double]].self, from: data)
    let network = try load(Self.folder + "k3-attention.keras")
    #expect(difference(try logits(network), expected) < 1e-5)
    let folder = try TemporaryFolder()
    for layout in [CheckpointLayout.trompe, .keras] {
      let path = folder("attention.\(layout == .keras ? "keras" : "h5")")
      try network.save(to: path, as: layout)
      #expect(difference(try logits(load(path)), expected) < 1e-5)
    }
  }

  @Test(arguments: files)
  func ofSeveralOutputsOneHasToBeNamed(dialect: String, format: String) {
    let name = "\(dialect)-twice.\(format)"
    #expect(
      error { _ = try load(Self.folder + name) }
        == "\(name): model_config: the model has 2 outputs, kind and side; say which one counts by "
        + "network.output (--network-output)")
    #expect(
      error { _ = try load(Self.folder + name, output: "sum") }
        == "\(name): model_config: the model has no output \"sum\", which network.output "
        + "(--network-output) names; it has kind and side")
  }

  /// Inner layers are named by their paths, the second call of one by its number, and a model is
  /// another name of its last layer.
  @Test func innerLayersAreActivationsByTheirPaths() throws {
    let architecture = try load(Self.folder + "k3-twice.keras", output: "kind").architecture
    #expect(
      architecture.nodes.map(\.name) == [
        "positive", "vgg/c1.linear", "vgg/c1", "vgg/pool", "vgg/deep/p", "vgg/deep/bn",
        "vgg/deep/rectified", "vgg/c1:2.linear", "vgg/c1:2", "vgg/pool:2", "vgg/deep/p:2",
        "vgg/deep/bn:2", "vgg/deep/rectified:2", "sum", "mean.mean", "mean", "kind",
      ])
    #expect(architecture.aliases["vgg"] == "vgg/deep/rectified")
    #expect(architecture.aliases["vgg/deep:2"] == "vgg/deep/rectified:2")
    #expect(try architecture.shape(of: "vgg:2") == [5, 5, 5])
    #expect(try architecture.shape(of: "vgg/c1") == [10, 10, 4])
  }

  // MARK: Writing

  /// Models within a model are written as layers of one; the rest of a file that is written again stays
  /// as Keras has it.
  @Test(arguments: [CheckpointLayout.keras, .keras2Model, .keras3, .trompe, .pth, .torch])
  func whatIsWrittenGivesTheSameLogits(layout: CheckpointLayout) throws {
    let folder = try TemporaryFolder()
    let network = try load(Self.folder + "k3-sequence.keras")
    let path = folder("written" + layout.fileExtension)
    try network.save(to: path, as: layout)
    let again = try load(path)
    // Ours and PyTorch's in HDF5 differ in whose names they hold, not in form.
    #expect(again.layout == (layout == .torch ? .trompe : layout))
    #expect(try logits(again) == logits(network))
    // Once more, by the description that is in the file.
    try again.save(to: folder("again" + layout.fileExtension))
    #expect(try logits(load(folder("again" + layout.fileExtension))) == logits(network))
  }

  /// A flat model's description goes back to the letter, and the same network is the same file.
  @Test func aFlatModelKeepsItsDescription() throws {
    let folder = try TemporaryFolder()
    let network = try load(Self.folder + "k3-sequence.keras")
    try network.save(to: folder("a.keras"), as: .keras)
    let config = try #require(try CheckpointFile(path: folder("a.keras")).modelConfig)
    let flat = try load(folder("a.keras"))
    try flat.save(to: folder("b.keras"))
    #expect(try CheckpointFile(path: folder("b.keras")).modelConfig == config)
    // One layout's description is not the other's.
    try flat.save(to: folder("d.h5"), as: .keras2Model)
    #expect(try CheckpointFile(path: folder("d.h5")).modelConfig?.contains("\"module\"") == false)
    try load(folder("d.h5")).save(to: folder("e.keras"), as: .keras)
    #expect(try CheckpointFile(path: folder("e.keras")).modelConfig == config)
    try network.save(to: folder("c.keras"), as: .keras)
    #expect(
      try Data(contentsOf: URL(fileURLWithPath: folder("a.keras")))
        == Data(contentsOf: URL(fileURLWithPath: folder("c.keras"))))
  }

  /// Layers that are called several times are one layer with several calls.
  @Test(arguments: ["kind", "side"], [CheckpointLayout.keras2Model, .keras])
  func layersThatAreCalledTwiceAreWrittenOnce(output: String, layout: CheckpointLayout) throws {
    let folder = try TemporaryFolder()
    let network = try load(Self.folder + "k3-twice.h5", output: output)
    let path = folder("a" + layout.fileExtension)
    try network.save(to: path, as: layout)
    let config = try #require(try CheckpointFile(path: path).modelConfig)
    let again = try Architecture(kerasModelConfig: config)
    let calls = again.nodes.count { node in
      guard case .convolution = node.layer else { return false }
      return node.parameterPrefix == "vgg_c1"
    }
    #expect(calls == 2)
    #expect(again.nodes.contains { $0.name == "vgg_c1:2" })
    #expect(try logits(load(path)) == logits(network))
    try network.save(to: folder("a.safetensors"), as: .safetensors)
    #expect(try logits(load(folder("a.safetensors"))) == logits(network))
  }

  /// Weights alone stand where the model has its layers, in the groups of the models around them.
  @Test func weightsOfModelsWithinModelsStandInTheirGroups() throws {
    let folder = try TemporaryFolder()
    let network = try load(Self.folder + "k3-sequence.keras")
    try network.save(to: folder("a.weights.h5"), as: .keras3)
    let own = try CheckpointFile(path: Self.folder + "k3-sequence.keras").container.tensors
    let written = try CheckpointFile(path: folder("a.weights.h5")).container.tensors
    #expect(
      Set(written.map { "\($0.name) \($0.shape)" })
        == Set(own.filter { $0.name.hasPrefix("layers/") }.map { "\($0.name) \($0.shape)" }))
    #expect(try logits(load(folder("a.weights.h5"))) == logits(network))
  }

  @Test func weightsAloneThatTheirModelWouldNotLoadAreRefused() throws {
    let folder = try TemporaryFolder()
    let nested = try load(Self.folder + "k3-sequence.keras")
    let advice = "write it as keras or keras2-model, which bring their own description"
    #expect(
      error { try nested.save(to: folder("a.h5"), as: .keras2) }
        == "sequence has models within it (base/c1 is a layer of one), whose weights Keras 2 orders "
        + "by what was trainable; write it as keras3, or " + advice)
    let twice = try load(Self.folder + "k3-twice.h5", output: "kind")
    for layout in [CheckpointLayout.keras2, .keras3] {
      #expect(
        error { try twice.checkExport(as: layout) }
          == "twice has other outputs, whose layers (side among them) were not read, so that the "
          + "model would not load these weights; " + advice)
    }
  }
}
