import ImageData
import Manipulation
import Networks
import RunTestSupport
import TensorGraph
import TestSupport
import Testing

/// Models that normalise their images themselves.
@Suite struct ImpliedPreprocessingTests {
  private func network(_ layers: [Layer]) throws -> Architecture {
    var nodes: [LayerNode] = []
    var last = Architecture.inputName
    for (number, layer) in (layers + [.flatten]).enumerated() {
      nodes.append(LayerNode(name: "\(number)", layer: layer, inputs: [last]))
      last = "\(number)"
    }
    return try Architecture(
      name: "own", inputShape: [4, 4, 3], classes: 48, nodes: nodes)
  }

  private func rescale(_ scale: [Double], _ offset: [Double]) -> Layer {
    .rescale(RescalingLayer(scale: scale, offset: offset))
  }

  /// Keras's `Rescaling(1/255)`, `preprocess_input` of its modes, x·2 − 1 of samples in [0, 1], and
  /// numbers that say neither.
  @Test func numbersSayWhatWhiteIs() throws {
    let cases: [([Layer], Double?)] = [
      ([rescale([1 / 255], [0])], 255), ([rescale([1 / 127.5], [-1])], 255),
      ([rescale([1 / 127.5], [0]), rescale([1], [-1])], 255),
      ([.reverseChannels, rescale([1], [-103.939, -116.779, -123.68])], 255),
      ([rescale([2], [-1])], 1), ([rescale([255], [0]), rescale([1 / 127.5], [-1])], 1),
      ([rescale([4.37, 4.46, 4.44], [-2.1, -2, -1.8])], 1),
      ([rescale([0.0001], [0])], 255), ([rescale([0.1], [0])], nil), ([.relu], nil),
      ([.relu, rescale([2], [-1])], nil),
      // What does nothing to an image, or puts zeros around it, may come first.
      ([.dropout(rate: 0.1), rescale([1 / 255], [0])], 255),
      (
        [
          .zeroPadding(top: 1, left: 1, bottom: 1, right: 1), rescale([1 / 255], [0]),
          .crop(top: 1, left: 1, bottom: 1, right: 1),
        ], 255
      ),
    ]
    for (layers, white) in cases {
      let preprocessing = try network(layers).impliedPreprocessing
      #expect(preprocessing?.mean.allSatisfy { $0 == 0 } != false)
      #expect(preprocessing?.standardDeviation.first == white.map { Float(1 / $0) }, "\(layers)")
    }
  }

  /// A row of all samples, and members of an ensemble that each normalise: where they agree.
  @Test func otherWaysToTheNormalization() throws {
    let row = try Architecture(
      name: "row", inputShape: [2, 2, 3], classes: 12,
      nodes: [
        LayerNode(name: "row", layer: .flatten, inputs: [Architecture.inputName]),
        LayerNode(name: "scaled", layer: rescale([1 / 255], [0]), inputs: ["row"]),
      ])
    #expect(row.impliedPreprocessing?.standardDeviation.first == Float(1.0 / 255))
    func ensemble(_ first: Double, _ second: Double) throws -> Architecture {
      try Architecture(
        name: "two", inputShape: [2, 2, 3], classes: 12,
        nodes: [
          LayerNode(name: "a", layer: rescale([first], [0]), inputs: [Architecture.inputName]),
          LayerNode(name: "b", layer: rescale([second], [0]), inputs: [Architecture.inputName]),
          LayerNode(name: "sum", layer: .add, inputs: ["a", "b"]),
          LayerNode(name: "row", layer: .flatten, inputs: ["sum"]),
        ])
    }
    #expect(
      try ensemble(1 / 255, 1 / 255).impliedPreprocessing?.standardDeviation.first
        == Float(1.0 / 255))
    #expect(try ensemble(1 / 255, 1).impliedPreprocessing == nil)
    let gray = try Architecture(
      name: "gray", inputShape: [2, 2, 1], classes: 12,
      nodes: [
        LayerNode(
          name: "three", layer: .concatenate,
          inputs: [Architecture.inputName, Architecture.inputName, Architecture.inputName]),
        LayerNode(
          name: "scaled", layer: rescale([1, 1, 1], [-103, -116, -123]), inputs: ["three"]),
        LayerNode(name: "row", layer: .flatten, inputs: ["scaled"]),
      ])
    #expect(gray.impliedPreprocessing?.standardDeviation == [Float(1.0 / 255)])
  }

  /// Nobody has to say how images are normalised, and nothing is noted; what a recipe says holds.
  @Test func theModelsOwnNormalizationIsUsedOnce() throws {
    let graph = try network([rescale([1 / 255], [0])])
    let specification = ArchitectureSpecification(
      family: "graph", classes: 48, height: 4, width: 4, graph: graph)
    let network = try LoadedNetwork(NetworkSection(architecture: specification)) { _ in
      ImageSize(width: 4, height: 4)
    }
    #expect(network.preprocessing.standardDeviation == [Float](repeating: 1 / 255, count: 3))
    #expect(!network.assumesNormalization)
    let said = try LoadedNetwork(
      NetworkSection(architecture: specification, preprocessing: Preprocessing(style: .tf))
    ) { _ in ImageSize(width: 4, height: 4) }
    #expect(said.preprocessing.mean == [0.5, 0.5, 0.5])
    // Nobody means both.
    #expect(
      said.notes == [
        "normalises images itself by its first layers, from 0 to 255, but they are normalised "
          + "before: from -1 to 1; leave network.preprocessing's style, mean and standardDeviation "
          + "(--preprocessing) out"
      ])
  }

  /// Keras's Normalization that has seen images: its statistics are in the file.
  @Test(arguments: [(127, 3600, 255), (0.5, 0.06, 1)])
  func statisticsInAFileSayWhatWhiteIs(mean: Double, variance: Double, white: Double) throws {
    let folder = try TemporaryFolder()
    let graph = try network([.normalization(channels: 3)])
    let specification = ArchitectureSpecification(
      family: "graph", classes: 48, height: 4, width: 4, graph: graph)
    let size = ImageSize(width: 4, height: 4)
    let made = try LoadedNetwork(NetworkSection(architecture: specification)) { _ in size }
    var checkpoint = try made.checkpoint()
    checkpoint.metadata.preprocessing = nil
    for (part, value) in [("running_mean", mean), ("running_var", variance)] {
      checkpoint.parameters["0.\(part)"] = Tensor(
        shape: [3], values: [Float](repeating: Float(value), count: 3))
    }
    try checkpoint.save(to: folder("a.h5"))
    let read = try LoadedNetwork(NetworkSection(checkpoint: folder("a.h5"))) { _ in size }
    #expect(!read.assumesNormalization)
    #expect(read.notes.isEmpty)
    #expect(read.preprocessing.mean == [0, 0, 0])
    #expect(
      read.preprocessing.standardDeviation == [Float](repeating: Float(1 / white), count: 3))
  }
}
