import Checkpoints
import Foundation
import ImageData
import Networks
import TensorGraph
import TensorReference
import TestSupport
import Testing

/// Logits and activations of the shared checkpoints as PyTorch computes them in double precision
/// (`tools/make_network_fixtures.py`), on images beside the package or at `TROMPE_SHARED`.
@Suite struct CheckpointLogitsTests {
  private struct Fixture: Decodable {
    struct Image: Decodable { let path: String }
    struct Activation: Decodable {
      let name: String
      let shape: [Int]
      let meanAbsolute: [Double]
    }
    let side: Int
    let images: [Image]
    let logits: [[Double]]
    let activations: [Activation]
  }

  // checkpoints/README.md
  private static let mean = [0.485, 0.456, 0.406]
  private static let deviation = [0.229, 0.224, 0.225]

  @Test(.enabled(if: Shared.isThere, "needs ../shared"), arguments: TrainedNetworks.cifar)
  func matchPyTorch(checkpoint: String, specification: ArchitectureSpecification) throws {
    let url = try #require(
      Bundle.module.url(
        forResource: "Fixtures/\(checkpoint)-logits", withExtension: "json"))
    let fixture = try JSONDecoder().decode(Fixture.self, from: Data(contentsOf: url))
    let architecture = try specification.architecture()
    let loaded = try Checkpoint(
      contentsOf: HDF5File(path: Shared.checkpoint("\(checkpoint).h5")),
      expecting: architecture.parameters.map {
        ParameterSpecification(name: $0.name, shape: $0.shape)
      })

    // Two images: the reference evaluator is exact, not fast.
    let count = 2
    var pixels: [Double] = []
    for image in fixture.images.prefix(count) {
      let decoded = try Image(contentsOf: "\(Shared.root)/\(image.path)")
      for (index, byte) in decoded.pixels.enumerated() {
        pixels.append((Double(byte) / 255 - Self.mean[index % 3]) / Self.deviation[index % 3])
      }
    }
    var graph = GraphBuilder()
    let images = try graph.placeholder("images", shape: [count, fixture.side, fixture.side, 3])
    let network = try NetworkGraph(architecture, input: images, in: &graph)
    var outputs = [network.logits]
    for activation in fixture.activations {
      outputs.append(try network.activation(named: activation.name))
    }
    let results = try ReferenceEvaluator.evaluate(
      graph.graph(outputs: outputs),
      placeholders: ["images": ReferenceArray(shape: images.shape, values: pixels)],
      parameters: loaded.parameters.mapValues(ReferenceArray.init))

    // Both in double precision on the same bytes: only the order of summation differs.
    let classes = architecture.classes
    for image in 0..<count {
      for label in 0..<classes {
        let (value, expected) = (
          results[0].values[image * classes + label], fixture.logits[image][label]
        )
        #expect(abs(value - expected) < 1e-9, "image \(image), class \(label)")
      }
      for (activation, result) in zip(fixture.activations, results.dropFirst()) {
        let size = result.values.count / count
        let sum = result.values[image * size..<(image + 1) * size].reduce(0) { $0 + abs($1) }
        #expect(
          abs(sum / Double(size) - activation.meanAbsolute[image]) < 1e-9, "\(activation.name)")
      }
    }
  }
}
