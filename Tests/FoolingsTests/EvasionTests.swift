import Explanations
import Foundation
import ImageData
import Manipulation
import Networks
import TensorGraph
import TensorReference
import Testing

/// What a fooling is trained with to hide from an audit.
@Suite struct EvasionTests {
  private static let images = 2
  private static let layer = "layer3"

  /// A network with heatmaps of 4×4 cells at its last layer and of 8×8 before.
  private struct Case {
    var graph: GraphBuilder
    let architecture: Architecture
    let network: NetworkGraph
    let evasion: AuditEvasion
    let heatmap: Value
    let loss: Value
    /// What the heatmap is made to agree with.
    let others: [(range: HeatmapRange, map: Value)]
    let inputs: [String: ReferenceArray]
    let parameters: [String: ReferenceArray]

    init(weight: Double) throws {
      var graph = GraphBuilder()
      let architecture = try ArchitectureSpecification(
        family: "resnet-style", classes: 3, height: 16, width: 16, channels: 2, widths: [3, 4, 4],
        blocks: [1, 1, 1]
      ).architecture()
      let interpreter = GradCAM(layer: EvasionTests.layer)
      let evasion = AuditEvasion(of: architecture, fooling: [interpreter], weight: weight)
      let shape = Shape([EvasionTests.images] + architecture.inputShape.dimensions)
      let x = try graph.placeholder("images", shape: shape)
      let network = try NetworkGraph(
        architecture, input: x,
        keeping: interpreter.keptActivations.union(evasion.keptActivations), in: &graph)
      let classes = try graph.constant(Tensor(shape: [2, 3], values: [0, 0, 1, 0, 1, 0]))
      heatmap = try interpreter.heatmap(of: network, classes: classes, in: &graph)
      loss = try evasion.loss(
        of: network, heatmaps: [[heatmap]], classes: [classes], in: &graph)
      var others: [(range: HeatmapRange, map: Value)] = []
      for other in [SimpleGrad(), GradCAM(layer: "layer2")] as [any Interpreter] {
        others.append(
          (other.range, try other.heatmap(of: network, classes: classes, in: &graph)))
      }
      (self.others, self.graph, self.architecture) = (others, graph, architecture)
      (self.network, self.evasion) = (network, evasion)
      inputs = [
        "images": ReferenceArray(shape: shape, values: PenaltySetting.numbers(shape.count, seed: 5))
      ]
      parameters = PenaltySetting.parameters(of: architecture)
    }
  }

  /// The definition once more, by plain loops over what the batch norms give and what maps show.
  @Test func lossIsTheDefinition() throws {
    let own = try Case(weight: 3)
    let norms = own.architecture.nodes.compactMap { node -> (name: String, epsilon: Double)? in
      guard case .batchNorm(let norm) = node.layer else { return nil }
      return (node.name, norm.epsilon)
    }
    let outputs = try norms.map { try own.network.activation(named: $0.name) }
    let results = try ReferenceEvaluator.evaluate(
      own.graph.graph(outputs: [own.loss, own.heatmap] + own.others.map(\.map) + outputs),
      placeholders: own.inputs, parameters: own.parameters)
    func parameter(_ role: NetworkParameter.Role, _ layer: String) throws -> [Double] {
      let named = try #require(
        own.architecture.parameters.first {
          $0.name == "\(layer).\(role.suffix)" && $0.role == role
        })
      return try #require(own.parameters[named.name]).values
    }
    var norm = 0.0
    for (place, layer) in norms.enumerated() {
      let y = results[2 + own.others.count + place]
      let channels = y.shape[3]
      let (gamma, beta) = (
        try parameter(.gamma, layer.name), try parameter(.beta, layer.name)
      )
      let variance = try parameter(.runningVariance, layer.name)
      let floor = 1e-3 * gamma.map { $0 * $0 }.reduce(0, +) / Double(channels) + 1e-12
      for channel in 0..<channels {
        let values = stride(from: channel, to: y.values.count, by: channels).map { y.values[$0] }
        let mean = values.reduce(0, +) / Double(values.count)
        let spread =
          values.map { ($0 - mean) * ($0 - mean) }.reduce(0, +) / Double(values.count)
        let square = gamma[channel] * gamma[channel]
        let promised = square * variance[channel] / (variance[channel] + layer.epsilon)
        norm +=
          (pow(mean - beta[channel], 2) / (square + floor)
            + pow(log((spread + floor) / (promised + floor)), 2)) / Double(channels * norms.count)
      }
    }
    let map = results[1]
    let size = map.shape[1] * map.shape[2]
    var disagreement = 0.0
    for (index, other) in own.others.enumerated() {
      let maps = results[2 + index]
      let comparison = HeatmapComparison(
        range: other.range, size: ImageSize(width: maps.shape[2], height: maps.shape[1]),
        grid: ImageSize(width: map.shape[2], height: map.shape[1]), readsValues: true)
      for image in 0..<Self.images {
        let a = Array(map.values[image * size..<(image + 1) * size])
        let count = maps.shape[1] * maps.shape[2]
        let b = comparison(
          Heatmap(
            height: maps.shape[1], width: maps.shape[2],
            values: maps.values[image * count..<(image + 1) * count].map(Float.init))
        ).values.map(Double.init)
        disagreement += distance(a, b) / Double(Self.images * own.others.count)
      }
    }
    #expect(norm > 0.1 && disagreement > 0.01, "\(norm), \(disagreement): of both something")
    // Dissimilarities add 1e-5 to variances, and maps on the host are in single precision.
    let expected = 3 * (norm + disagreement)
    #expect(abs(results[0].values[0] - expected) < 2e-3 * expected)
  }

  /// (1 − ρ) / 2; a quarter where one of both is the same everywhere, and so has no ρ.
  private func distance(_ a: [Double], _ b: [Double]) -> Double {
    let (x, y) = (a.reduce(0, +) / Double(a.count), b.reduce(0, +) / Double(b.count))
    let product = zip(a, b).reduce(0) { $0 + ($1.0 - x) * ($1.1 - y) }
    let squares = (
      a.reduce(0) { $0 + ($1 - x) * ($1 - x) }, b.reduce(0) { $0 + ($1 - y) * ($1 - y) }
    )
    guard squares.0 > 0, squares.1 > 0 else { return squares.0 + squares.1 > 0 ? 0.25 : 0 }
    return (1 - product / (squares.0 * squares.1).squareRoot()) / 2
  }

  @Test func gradientInTheWeightsMatchesFiniteDifferences() throws {
    var own = try Case(weight: 1)
    let variables = own.architecture.parameters.filter(\.isTrainable)
    let gradients = try own.graph.gradient(
      of: own.loss, with: variables.map { own.network.parameters[$0.name]! })
    let results = try ReferenceEvaluator.evaluate(
      own.graph.graph(outputs: gradients), placeholders: own.inputs, parameters: own.parameters)
    let program = own.graph.graph(outputs: [own.loss])
    for (index, parameter) in variables.enumerated() {
      let direction = ReferenceArray(
        shape: parameter.shape,
        values: PenaltySetting.numbers(parameter.shape.count, seed: UInt64(900 + index)))
      let slope = try FiniteDifferences.directional(
        program, along: [.parameter(parameter.name): direction], placeholders: own.inputs,
        parameters: own.parameters, step: 1e-6)[0].values[0]
      let exact = zip(results[index].values, direction.values).reduce(0) { $0 + $1.0 * $1.1 }
      #expect(abs(exact - slope) < 1e-5 * max(1, abs(slope)), "\(parameter.name)")
    }
    #expect(results.contains { $0.values.contains { abs($0) > 1e-3 } })
  }

  @Test func aRecipeNamesWhatItHidesFrom() throws {
    func recipe(_ more: String) throws -> FoolingRecipe {
      try FoolingRecipe(
        yaml: """
          network: {checkpoint: a.h5}
          data: {shapes: {train: 8, validation: 8}}
          fooling: {name: location, lambda: 1\(more)}
          interpreter: {name: simple-grad}
          training: {learningRate: 1e-3, steps: 1}
          """, folder: "/")
    }
    let hiding = try recipe(", evade: audit, evadeWeight: 0.5")
    #expect(hiding.fooling.evade == .audit && hiding.fooling.evadeWeight == 0.5)
    #expect(hiding.resolvedYAML().contains("evade: audit"))
    #expect(try !recipe("").resolvedYAML().contains("evade"))
    let error = #expect(throws: (any Error).self) { try recipe(", evadeWeight: 0.5") }
    #expect("\(String(describing: error))".contains("evade: audit"))
  }
}
