import Explanations
import Foundation
import ImageData
import Manipulation
import Networks
import RunTestSupport
import TensorGraph
import TensorRuntime
import Testing

/// Penalties that compare with the original network, by PyTorch's double backward in double
/// precision (tools/make_network_fixtures.py).
private struct ComparisonFixture: Decodable {
  struct Variant: Decodable {
    let variant: String
    /// Mean over the images.
    let penalty: Double
    let gradients: [Fixture.Gradient]
  }
  let fooling: String
  let targetLayer: String
  let classes: [Int]?
  let images: [Fixture.Picture]
  /// By class, then by image; of other weights than the checkpoint's.
  let originalHeatmaps: [[[[Float]]]]
  let variants: [Variant]
}

extension PyTorchGradientTests {
  /// fp32 against double precision; see `lossAndGradientsAgreeWithPyTorchsDoubleBackward`.
  @Test(arguments: ["top-k", "center-mass", "active"])
  func penaltiesThatCompareAgreeWithPyTorchsDoubleBackward(name: String) throws {
    let tolerance = 1e-4
    let fixture: ComparisonFixture = try decode("resnet20-\(name)")
    let network = try LoadedNetwork(.resnet20) { _ in ImageSize(width: 32, height: 32) }
    let (images, labels) = try batch(fixture.images)
    let interpreter = GradCAM(layer: fixture.targetLayer)
    for variant in fixture.variants {
      let specification = FoolingSpecification(
        name: name, lambda: 1,
        variant: try #require(FoolingSpecification.Variant(rawValue: variant.variant)),
        classes: fixture.classes.map { $0.map(String.init) })
      let fooling = try specification.fooling(classNames: (0..<10).map { "class \($0)" })

      var graph = GraphBuilder()
      let x = try graph.placeholder("images", shape: [labels.count, 32, 32, 3])
      let lowered = try NetworkGraph(
        network.architecture, input: x, keeping: interpreter.keptActivations, in: &graph)
      let explained: [[Int32]] =
        fixture.classes.map { $0.map { [Int32](repeating: Int32($0), count: labels.count) } }
        ?? [labels]
      let heatmaps = try explained.enumerated().map { index, _ in
        let label = try graph.placeholder(
          "labels\(index)", shape: [labels.count], type: .int32)
        return try interpreter.heatmap(
          of: lowered, classes: graph.oneHot(label, depth: 10), in: &graph)
      }
      let (height, width) = (heatmaps[0].shape[1], heatmaps[0].shape[2])
      let shape = try #require(fooling.referenceShape(height: height, width: width))
      let reference = try graph.placeholder(
        "reference", shape: Shape([labels.count] + shape.dimensions))
      let penalty = try fooling.penalty(of: heatmaps, reference: reference, in: &graph)
      let variables = try variant.gradients.map { try #require(lowered.parameters[$0.name]) }
      let gradients = try graph.gradient(of: penalty, with: variables)
      let program = try Executable(
        graph.graph(outputs: [penalty] + gradients), parameters: network.parameters)
      let references = labels.indices.flatMap { image in
        let original = fixture.originalHeatmaps.map {
          Heatmap(height: height, width: width, values: $0[image].flatMap { $0 })
        }
        return fooling.reference(fooling.digest(original), height: height, width: width)
      }
      var inputs: [String: ProgramInput] = ["reference": .floats(references)]
      for (index, labels) in explained.enumerated() { inputs["labels\(index)"] = .indices(labels) }
      try runBesideKinks(program, inputs, images: images) {
        variant.gradients.enumerated().allSatisfy { index, expected in
          let error = relativeError(program.output(1 + index), expected)
          return error.entries < tolerance && error.norm < tolerance
        }
      }

      #expect(abs(Double(program.output(0).values[0]) / variant.penalty - 1) < 1e-5)
      var worst = (0.0, "")
      for (index, expected) in variant.gradients.enumerated() {
        let error = relativeError(program.output(1 + index), expected)
        let larger = max(error.entries, error.norm)
        if larger > worst.0 { worst = (larger, expected.name) }
        #expect(
          error.entries < tolerance && error.norm < tolerance,
          "\(variant.variant), \(expected.name): \(error)")
      }
      #expect(variant.gradients.contains { $0.l2 > 0 })
      print("\(name), \(variant.variant): largest relative error \(worst.0) at \(worst.1)")
    }
  }
}
