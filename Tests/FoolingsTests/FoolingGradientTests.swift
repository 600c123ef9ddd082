import Explanations
import Foundation
import ImageData
import Manipulation
import Networks
import TensorGraph
import TensorReference
import Testing

/// Penalties of heatmaps of a network, differentiated with respect to its weights.
@Suite struct FoolingGradientTests {
  /// Every interpreter that a fooling may be trained with; a new one is a new line.
  static let interpreters = [
    InterpreterSpecification(name: "grad-cam", layer: "layer1"),
    InterpreterSpecification(name: "simple-grad"),
    InterpreterSpecification(name: "simple-grad-t", layer: "layer1"),
    InterpreterSpecification(name: "lrp-t", layer: "layer1"),
  ]

  @Test(arguments: PenaltySetting.all, interpreters)
  func gradientInTheWeightsMatchesFiniteDifferences(
    setting: PenaltySetting, specification: InterpreterSpecification
  ) throws {
    let architecture = try ArchitectureSpecification(
      family: "resnet-style", classes: 3, height: 6, width: 6, channels: 2, widths: [3, 4],
      blocks: [1, 1]
    ).architecture()
    let images = 2
    let interpreter = try specification.interpreter()
    var graph = GraphBuilder()
    let shape = Shape([images] + architecture.inputShape.dimensions)
    let x = try graph.placeholder("images", shape: shape)
    let network = try NetworkGraph(
      architecture, input: x, keeping: interpreter.keptActivations, in: &graph)
    let labels: [[Int]] =
      switch setting.fooling.explained {
      case .labels, .predictions: [[2, 1]]
      case .pair(let first, let second): [[first, first], [second, second]]
      }
    let heatmaps = try labels.map { labels in
      let rows = labels.flatMap { label in (0..<3).map { $0 == label ? Float(1) : 0 } }
      return try interpreter.heatmap(
        of: network, classes: graph.constant(Tensor(shape: [images, 3], values: rows)), in: &graph)
    }
    let (height, width) = (heatmaps[0].shape[1], heatmaps[0].shape[2])
    var inputs = [
      "images": ReferenceArray(shape: shape, values: PenaltySetting.numbers(shape.count, seed: 5))
    ]
    let reference = try setting.fooling.referenceShape(height: height, width: width).map {
      let whole = Shape([images] + $0.dimensions)
      let values = (0..<images).flatMap { image in
        let maps = labels.indices.map { index in
          Heatmap(
            height: height, width: width,
            values: PenaltySetting.numbers(height * width, seed: UInt64(70 + 10 * image + index))
              .map {
                Float(0.5 + 0.5 * $0)
              })
        }
        return setting.fooling.reference(
          setting.fooling.digest(maps), height: height, width: width)
      }
      inputs["reference"] = ReferenceArray(shape: whole, values: values.map(Double.init))
      return try graph.placeholder("reference", shape: whole)
    }
    let penalty = try setting.fooling.penalty(of: heatmaps, reference: reference, in: &graph)
    let variables = architecture.parameters.filter(\.isTrainable)
    let gradients = try graph.gradient(
      of: penalty, with: variables.map { network.parameters[$0.name]! })

    let parameters = PenaltySetting.parameters(of: architecture)
    let results = try ReferenceEvaluator.evaluate(
      graph.graph(outputs: heatmaps + gradients), placeholders: inputs, parameters: parameters)
    #expect(results[..<heatmaps.count].allSatisfy { $0.values.contains { $0 > 0 } })
    let program = graph.graph(outputs: [penalty])
    var largest = 0.0
    for (index, parameter) in variables.enumerated() {
      let direction = ReferenceArray(
        shape: parameter.shape,
        values: PenaltySetting.numbers(parameter.shape.count, seed: UInt64(900 + index)))
      // Small enough that no ReLU changes sides.
      let slope = try FiniteDifferences.directional(
        program, along: [.parameter(parameter.name): direction], placeholders: inputs,
        parameters: parameters, step: 1e-6)[0].values[0]
      let exact = zip(results[heatmaps.count + index].values, direction.values).reduce(0) {
        $0 + $1.0 * $1.1
      }
      largest = max(largest, abs(exact))
      // Rounding over the step: 1e-16 / 1e-6, times penalties of order 1 to 10.
      #expect(abs(exact - slope) < 1e-6 * max(1, abs(slope)), "\(parameter.name)")
    }
    // Where maps sum to 1, so do all of their pixels' changes.
    #expect(largest > 1e-4, "a gradient that vanishes proves nothing")
  }
}

/// How penalties curve: along a step the gradient of the graph changes as its own differences.
@Suite struct FoolingCurvatureTests {
  @Test(arguments: Dissimilarity.allCases)
  func dissimilarityMatchesFiniteDifferencesToSecondOrder(dissimilarity: Dissimilarity) throws {
    let (images, height, width) = (2, 5, 7)
    let shape: Shape = [images, height, width]
    var graph = GraphBuilder()
    let maps = try graph.placeholder("h", shape: shape)
    let targets = try graph.placeholder("m", shape: shape)
    let direction = try graph.placeholder("v", shape: shape)
    let penalty = try PenaltySetting.trigger(dissimilarity).penalty(
      of: [maps], reference: targets, in: &graph)
    let gradient = try graph.gradient(of: penalty, with: [maps])[0]
    let slope = try graph.sum(graph.multiply(gradient, direction))
    let product = try graph.gradient(of: slope, with: [maps])[0]
    func array(_ seed: UInt64) -> ReferenceArray {
      ReferenceArray(shape: shape, values: PenaltySetting.numbers(shape.count, seed: seed))
    }
    let inputs = ["h": array(3), "m": array(5), "v": array(7)]
    let exact = try ReferenceEvaluator.evaluate(
      graph.graph(outputs: [gradient, product]), placeholders: inputs)
    let first = try FiniteDifferences.gradient(
      of: graph.graph(outputs: [penalty]), with: .placeholder("h"), placeholders: inputs)
    let second = try FiniteDifferences.directional(
      graph.graph(outputs: [gradient]), along: [.placeholder("h"): inputs["v"]!],
      placeholders: inputs)[0]
    for (own, differences) in [(exact[0], first), (exact[1], second)] {
      #expect(own.values.contains { abs($0) > 1e-3 })
      for (a, b) in zip(own.values, differences.values) {
        // Of h² f‴ with h 1e-5.
        #expect(abs(a - b) < 1e-7 * max(1, abs(b)))
      }
    }
  }
}
