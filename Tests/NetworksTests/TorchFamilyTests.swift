import Foundation
import Networks
import TensorCPU
import TensorGraph
import TensorRuntime
import TestSupport
import Testing

/// Logits of PyTorch's own networks with the same seeded weights (`tools/make_family_fixtures.py`):
/// topology, names, padding and activation functions in one comparison. Weights and image need no file.
@Suite(.serialized) struct TorchFamilyTests {
  private struct Fixture: Decodable {
    struct Network: Decodable {
      let family: String
      let side: Int
      let parameters: Int
      let logits: [Double]
    }
    let classes: Int
    let networks: [Network]
  }

  static let families = [
    "alexnet", "squeezenet1-0", "squeezenet1-1", "resnext50-32x4d", "wide-resnet50-2",
    "mobilenet-v2", "mobilenet-v3-large", "mobilenet-v3-small", "efficientnet-b0",
    "efficientnet-b1", "efficientnet-b2", "efficientnet-lite0", "convnext-tiny", "cifar-resnet18",
    "wide-resnet28-10", "wide-resnet16-4",
  ]

  private func fixture() throws -> Fixture {
    let url = try #require(
      Bundle.module.url(forResource: "Fixtures/torch-families", withExtension: "json"))
    return try JSONDecoder().decode(Fixture.self, from: Data(contentsOf: url))
  }

  @Test func everyFixtureIsCompared() throws {
    #expect(try Set(fixture().networks.map(\.family)) == Set(Self.families))
  }

  @Test(arguments: families)
  func logitsAreThoseOfPyTorch(family: String) throws {
    let fixture = try fixture()
    let expected = try #require(fixture.networks.first { $0.family == family })
    let architecture = try ArchitectureSpecification(
      family: family, classes: fixture.classes, height: expected.side, width: expected.side
    ).architecture()
    #expect(architecture.trainableCount == expected.parameters)
    let parameters = try ParameterStore(architecture.parameters.map { ($0.name, $0.shape) })
    for parameter in architecture.parameters {
      parameters.withValues(of: parameter.name) { SeededWeights.fill(parameter, $0) }
    }
    var image = [Float](repeating: 0, count: expected.side * expected.side * 3)
    image.withUnsafeMutableBufferPointer { SeededWeights.uniform("image", into: $0) }
    var graph = GraphBuilder()
    let input = try graph.placeholder("images", shape: [1, expected.side, expected.side, 3])
    let network = try NetworkGraph(architecture, input: input, in: &graph)
    let program = try CPUExecutor().compile(
      graph.computation([("logits", network.logits)]), parameters: parameters,
      policy: ExecutionPolicy())
    try program.run(["images": .floats(image)])
    let logits = try program.output("logits").values.map(Double.init)
    let scale = expected.logits.map(abs).max()!
    let error = zip(logits, expected.logits).map { abs($0 - $1) / scale }.max()!
    print("\(family): largest difference \(error) of the largest logit")
    // Single precision against double, over up to a hundred layers.
    #expect(error <= 1e-4)
  }

  /// A file's architecture is written and read back whole, whatever the layers.
  @Test(arguments: families)
  func architecturesSurviveAFile(family: String) throws {
    let architecture = try ArchitectureSpecification(
      family: family, classes: 5, height: 64, width: 96
    ).architecture()
    #expect(
      try JSONDecoder().decode(Architecture.self, from: JSONEncoder().encode(architecture))
        == architecture)
  }
}
