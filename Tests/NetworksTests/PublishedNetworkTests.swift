import Foundation
import ImageData
import Networks
import TensorCPU
import TensorGraph
import TensorRuntime
import TestSupport
import Testing

/// Logits of images by torchvision's and Keras's own networks with the same seeded weights
/// (`tools/make_comparison_fixtures.py`): topology, names, padding, order of flattening, batch norm
/// and preprocessing in one comparison.
@Suite(.serialized) struct PublishedNetworkTests {
  private struct Fixture: Decodable {
    struct Image: Decodable {
      let path: String
      let pixelSHA256: String
    }
    struct Network: Decodable {
      let style: Preprocessing.Style
      /// L2, of all logits of an image.
      let norms: [Double]
      /// Every `step`-th of an image.
      let logits: [[Double]]
    }
    let side: Int
    let step: Int
    let images: [Image]
    let networks: [String: Network]
  }

  static let families = [
    "vgg19", "vgg16-bn", "resnet18", "resnet50", "resnet101", "densenet121", "keras-vgg16",
    "keras-vgg19", "keras-resnet50", "keras-densenet121",
  ]

  @Test(.enabled(if: Shared.isThere, "needs ../shared"), arguments: families)
  func logitsAreThoseOfTheOriginal(family: String) throws {
    let url = try #require(
      Bundle.module.url(forResource: "Fixtures/seeded-logits", withExtension: "json"))
    let fixture = try JSONDecoder().decode(Fixture.self, from: Data(contentsOf: url))
    let expected = try #require(fixture.networks[family])
    let pixels = try NetworkFamily.named(family).pixels
    #expect(pixels.rawValue == expected.style.rawValue)

    let preprocessing = Preprocessing(
      resize: .exact(width: fixture.side, height: fixture.side), style: expected.style)
    let normalizer = Normalizer(preprocessing)
    var images: [Float] = []
    for image in fixture.images {
      let path = "\(Shared.root)/\(image.path)"
      images += normalizer(
        try preprocessing.prepare(Image(contentsOf: path), name: image.path))
    }

    let architecture = try ArchitectureSpecification(
      family: family, classes: 1000, height: fixture.side, width: fixture.side
    ).architecture()
    let parameters = try ParameterStore(architecture.parameters.map { ($0.name, $0.shape) })
    for parameter in architecture.parameters {
      parameters.withValues(of: parameter.name) { SeededWeights.fill(parameter, $0) }
    }
    var graph = GraphBuilder()
    let input = try graph.placeholder(
      "images", shape: [fixture.images.count, fixture.side, fixture.side, 3])
    let network = try NetworkGraph(architecture, input: input, in: &graph)
    let program = try CPUExecutor().compile(
      graph.computation([("logits", network.logits)]), parameters: parameters,
      policy: ExecutionPolicy())
    try program.run(["images": .floats(images)])
    let logits = try program.output("logits").values.map(Double.init)

    var error = 0.0
    for image in fixture.images.indices {
      let row = Array(logits[image * 1000..<(image + 1) * 1000])
      let scale = expected.norms[image] / 1000.0.squareRoot()
      error = max(
        error,
        abs(row.reduce(0) { $0 + $1 * $1 }.squareRoot() - expected.norms[image])
          / expected.norms[image])
      for (index, value) in expected.logits[image].enumerated() {
        error = max(error, abs(row[index * fixture.step] - value) / scale)
      }
    }
    print("\(family): largest difference \(error) of the logits' root mean square")
    #expect(error <= 1e-4)
  }
}
