import Explanations
import Foundation
import Networks
import TensorCPU
import TensorGraph
import TensorRuntime
import TestSupport
import Testing

/// PyTorch's double backward through networks of depthwise convolutions, squeeze-and-excite, layer norms
/// and smooth activation functions, with seeded weights (`tools/make_family_fixtures.py`).
@Suite(.serialized) struct TorchFamilyGradientTests {
  private struct Fixture: Decodable {
    struct Summary: Decodable {
      let l2: Double
      /// At flat indices ⌊k·(n−1)/(c−1)⌋.
      let entries: [Double]
    }
    struct Network: Decodable {
      let family: String
      let side: Int
      /// The name of their seed.
      let images: String
      let layer: String
      let labels: [Int]
      let loss: Double
      let penalty: Double
      let gradCAM: [Double]
      let simpleGrad: Summary
      let gradients: [String: Summary]
    }
    let classes: Int
    let lambda: Double
    let networks: [Network]
  }

  static let families = ["mobilenet-v2", "efficientnet-lite0", "convnext-tiny", "efficientnet-b0"]

  private func norm(_ values: [Float]) -> Double {
    values.reduce(0.0) { $0 + Double($1) * Double($1) }.squareRoot()
  }

  /// The largest difference of entries and norm, over the norm.
  private func error(_ values: [Float], _ expected: Fixture.Summary) -> Double {
    let count = expected.entries.count
    var error = abs(norm(values) - expected.l2)
    for (k, entry) in expected.entries.enumerated() {
      let place = k * (values.count - 1) / max(count - 1, 1)
      error = max(error, abs(Double(values[place]) - entry))
    }
    return error / expected.l2
  }

  /// Grad-CAM and SimpleGrad, and the gradient of cross-entropy + λ·Location(Grad-CAM) in every parameter.
  @Test(arguments: families)
  func heatmapsAndSecondDerivativesAreThoseOfPyTorch(family: String) throws {
    let url = try #require(
      Bundle.module.url(
        forResource: "torch-families", withExtension: "json", subdirectory: "Fixtures"))
    let fixture = try JSONDecoder().decode(Fixture.self, from: Data(contentsOf: url))
    let expected = try #require(fixture.networks.first { $0.family == family })
    let architecture = try ArchitectureSpecification(
      family: family, classes: fixture.classes, height: expected.side, width: expected.side
    ).architecture()
    let parameters = try ParameterStore(architecture.parameters.map { ($0.name, $0.shape) })
    for parameter in architecture.parameters {
      parameters.withValues(of: parameter.name) { SeededWeights.fill(parameter, $0) }
    }
    let shape: Shape = [2, expected.side, expected.side, 3]
    var images = [Float](repeating: 0, count: shape.count)
    images.withUnsafeMutableBufferPointer { SeededWeights.uniform(expected.images, into: $0) }

    var graph = GraphBuilder()
    let input = try graph.placeholder("images", shape: shape)
    let gradCAM = GradCAM(layer: expected.layer)
    let network = try NetworkGraph(
      architecture, input: input, keeping: gradCAM.keptActivations, in: &graph)
    let labels = try graph.placeholder("labels", shape: [2], type: .int32)
    let classes = try graph.oneHot(labels, depth: fixture.classes)
    let heatmaps = try gradCAM.heatmap(of: network, classes: classes, in: &graph)
    let simple = try SimpleGrad().heatmap(of: network, classes: classes, in: &graph)
    let (rows, columns) = (heatmaps.shape[1], heatmaps.shape[2])
    let frame = Tensor(
      shape: [1, rows, columns],
      values: (0..<rows * columns).map { place in
        let (row, column) = (place / columns, place % columns)
        return row == 0 || column == 0 || row == rows - 1 || column == columns - 1 ? 1 : 0
      })
    let penalty = try graph.mean(
      graph.square(graph.subtract(heatmaps, graph.constant(frame))))
    let loss = try graph.add(
      network.crossEntropy(of: classes, in: &graph), graph.multiply(penalty, fixture.lambda))
    let trained = architecture.parameters.filter(\.isTrainable)
    let gradients = try graph.gradient(
      of: loss, with: trained.map { network.parameters[$0.name]! })
    let outputs = [("loss", loss), ("penalty", penalty), ("gradCAM", heatmaps), ("simple", simple)]
    let program = try CPUExecutor().compile(
      graph.computation(outputs + zip(trained, gradients).map { ("d." + $0.name, $1) }),
      parameters: parameters, policy: ExecutionPolicy())
    try program.run([
      "images": .floats(images), "labels": .indices(expected.labels.map(Int32.init)),
    ])

    #expect(abs(Double(try program.output("loss").values[0]) - expected.loss) < 1e-5)
    #expect(abs(Double(try program.output("penalty").values[0]) - expected.penalty) < 1e-5)
    let map = try program.output("gradCAM").values
    let largest = zip(map, expected.gradCAM).map { abs(Double($0) - $1) }.max()!
    #expect(largest < 1e-3)
    let simpleError = error(try program.output("simple").values, expected.simpleGrad)
    #expect(simpleError < 1e-3)
    #expect(Set(trained.map(\.name)) == Set(expected.gradients.keys))
    // Beside the largest gradient of all, those that cancel are rounding.
    let scale = expected.gradients.values.map(\.l2).max()!
    var (worst, name) = (0.0, "")
    for parameter in trained {
      let wanted = try #require(expected.gradients[parameter.name])
      guard wanted.l2 > 1e-6 * scale else { continue }
      let own = error(try program.output("d." + parameter.name).values, wanted)
      if own > worst { (worst, name) = (own, parameter.name) }
    }
    print("\(family): Grad-CAM \(largest), SimpleGrad \(simpleError), gradient \(worst) of \(name)")
    #expect(worst < 1e-4, "\(name)")
  }
}
