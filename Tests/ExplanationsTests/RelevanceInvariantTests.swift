import Explanations
import Foundation
import Networks
import TensorGraph
import TensorReference
import Testing

/// What relevance keeps, whatever the rule.
@Suite struct RelevanceInvariantTests {
  private let networks = RelevanceTests()

  // MARK: Invariants

  private static let conservingRules: [RelevanceRule] = [
    .epsilon(1e-12, countsBias: false),
    .alphaBeta(alpha: 1, beta: 0, epsilon: 1e-12, countsBias: false),
    .alphaBeta(alpha: 2, beta: 1, epsilon: 1e-12, countsBias: false),
    .gamma(0.5, epsilon: 1e-12, countsBias: false), .flat(epsilon: 1e-12),
    .wSquare(epsilon: 1e-12, countsBias: false),
  ]

  /// With biases 0 every active output has a positive contribution (and here a negative one), so
  /// each layer hands on what it received and the sum at the input is the logit.
  @Test(arguments: conservingRules)
  func relevanceIsConservedByAStack(rule: RelevanceRule) throws {
    let architecture = try ArchitectureSpecification(
      family: "vgg-style", classes: 3, height: 6, width: 6, channels: 2,
      plan: [.convolution(channels: 3), .pool, .convolution(channels: 4)], batchNorm: false,
      classifier: [5]
    ).architecture()
    try expectConservation(rule, architecture, zeroing: [.bias])
  }

  /// The shares of averages and additions keep relevance as long as it sits on positive values:
  /// rules that give some to inactive neurons (flat, w²) lose it there.
  @Test(arguments: [conservingRules[0], conservingRules[3]])
  func relevanceIsConservedByResidualBlocks(rule: RelevanceRule) throws {
    let architecture = try ArchitectureSpecification(
      family: "resnet-style", classes: 3, height: 6, width: 6, channels: 2, widths: [3, 4],
      blocks: [1, 1]
    ).architecture()
    try expectConservation(rule, architecture, zeroing: [])
  }

  private func expectConservation(
    _ rule: RelevanceRule, _ architecture: Architecture, zeroing roles: [NetworkParameter.Role]
  ) throws {
    var values = RelevanceTests.values(architecture, seed: 21)
    for parameter in architecture.parameters where roles.contains(parameter.role) {
      values[parameter.name] = ReferenceArray(repeating: 0, shape: parameter.shape)
    }
    var numbers = Numbers(state: 4)
    let images = numbers.array([2, 6, 6, 2])
    let composite = RelevanceComposite([
      .init(.convolution, rule), .init(.dense, .epsilon(1e-12, countsBias: false)),
    ])
    var graph = GraphBuilder()
    let input = try graph.placeholder("images", shape: images.shape)
    let network = try NetworkGraph(architecture, input: input, keeping: [], in: &graph)
    let classes = try graph.placeholder("classes", shape: network.logits.shape)
    let heatmap = try LayerwiseRelevance(composite: composite).heatmap(
      of: network, classes: classes, in: &graph)
    let total = try graph.sum(heatmap, axes: [1, 2])
    let results = try ReferenceEvaluator.evaluate(
      graph.graph(outputs: [total, network.logits]),
      placeholders: [
        "images": images,
        "classes": ReferenceArray(shape: [2, 3], values: [0, 1, 0, 1, 0, 0]),
      ], parameters: values)
    let logits = [results[1].values[1], results[1].values[3]]
    for (sum, logit) in zip(results[0].values, logits) {
      #expect(abs(sum - logit) < 1e-6 * abs(logit), "\(rule): \(sum) of \(logit)")
    }
  }

  /// What others keep in the graph decides nothing.
  @Test(arguments: [BatchNormRelevance.identity, .merged])
  func keptActivationsOfOthersDoNotChangeRelevance(batchNorm: BatchNormRelevance) throws {
    let architecture = try RelevanceTests.stack(batchNorm: true)
    let values = RelevanceTests.values(architecture, seed: 8)
    var numbers = Numbers(state: 6)
    let image = numbers.array([1, 5, 4, 2])
    let interpreter = LayerwiseRelevance(batchNorm: batchNorm)
    let alone = try networks.run(architecture, interpreter, values, images: image)
    let beside = try networks.run(
      architecture, interpreter, values, images: image, keeping: ["conv"])
    #expect(alone.heatmap == beside.heatmap)
  }

  @Test func identityAndMergedDiffer() throws {
    let architecture = try RelevanceTests.stack(batchNorm: true)
    let values = RelevanceTests.values(architecture, seed: 8)
    var numbers = Numbers(state: 6)
    let image = numbers.array([1, 5, 4, 2])
    let maps = try [BatchNormRelevance.identity, .merged].map {
      try networks.run(architecture, LayerwiseRelevance(batchNorm: $0), values, images: image)
        .heatmap
    }
    #expect(maps[0] != maps[1])
  }

  /// Batch norm before the ReLU, as in DenseNets, is passed by either setting alike.
  @Test func preactivationBatchNormIsPassed() throws {
    let architecture = try RelevanceTests.network(
      [4, 4, 2], classes: 2,
      [
        ("norm", .batchNorm(BatchNormLayer(channels: 2)), nil), ("relu", .relu, nil),
        ("conv", RelevanceTests.filters, nil), ("up", .relu, nil), ("flat", .flatten, nil),
        ("fc", .dense(DenseLayer(inputs: 12, outputs: 2)), nil),
      ])
    let values = RelevanceTests.values(architecture, seed: 8)
    var numbers = Numbers(state: 6)
    let image = numbers.array([1, 4, 4, 2])
    let maps = try [BatchNormRelevance.identity, .merged].map {
      try networks.run(architecture, LayerwiseRelevance(batchNorm: $0), values, images: image)
        .heatmap
    }
    #expect(maps[0] == maps[1])
    #expect(maps[0].values.contains { abs($0) > 1e-3 })
  }
}
