import Explanations
import Foundation
import Networks
import TensorGraph
import TensorReference
import Testing

/// Composites as JSON, and errors of relevance.
@Suite struct RelevanceCompositeTests {
  private let networks = RelevanceTests()

  // MARK: Recipes and errors

  @Test func compositesAreStrictJSON() throws {
    let text = """
      {"name": "lrp-t", "layer": "layer3", "batchNorm": "merged", "composite": [
        {"layer": "convolution", "position": "first", "rule": "w-square"},
        {"layer": "convolution", "name": "layer1", "rule": "gamma", "gamma": 0.5, "bias": false},
        {"layer": "convolution", "rule": "alpha-beta", "alpha": 2, "beta": 1, "epsilon": 0.01},
        {"layer": "dense", "rule": "epsilon", "epsilon": 0.01},
        {"layer": "add", "rule": "share"}]}
      """
    let specification = try JSONDecoder().decode(
      InterpreterSpecification.self, from: Data(text.utf8))
    let composite = try #require(specification.composite)
    #expect(
      composite.entries == [
        .init(.convolution, .wSquare(epsilon: 1e-6), position: .first),
        .init(.convolution, .gamma(0.5, epsilon: 1e-6, countsBias: false), name: "layer1"),
        .init(.convolution, .alphaBeta(alpha: 2, beta: 1, epsilon: 0.01)),
        .init(.dense, .epsilon(0.01)), .init(.add, .share(epsilon: 1e-6)),
      ])
    #expect(specification.batchNorm == .merged)
    let again = try JSONDecoder().decode(
      InterpreterSpecification.self, from: JSONEncoder().encode(specification))
    #expect(again == specification)
    #expect(try specification.interpreter().targetLayer == "layer3")
  }

  @Test(
    arguments: [
      (
        #"{"layer": "convolution", "rule": "winner-takes-all"}"#,
        "lrp: composite: winner-takes-all is no rule for convolution; choose from epsilon,"
      ),
      (
        #"{"layer": "flatten", "rule": "pass"}"#,
        "lrp: composite: flatten takes no rule, relevance has only one way to go"
      ),
      (
        #"{"layer": "convolution", "rule": "alphabeta"}"#,
        "lrp: composite: unknown rule \"alphabeta\": did you mean \"alpha-beta\"?"
      ),
      (
        #"{"layer": "conv", "rule": "flat"}"#,
        "lrp: composite: unknown layer \"conv\": did you mean"
      ),
      (
        #"{"layer": "dense", "rule": "alpha-beta", "alpha": 2, "beta": 0}"#,
        "lrp: composite: alpha-beta: alpha is 2.0, expected 1 + beta"
      ),
      (
        #"{"layer": "dense", "rule": "epsilon", "epsilon": 0}"#,
        "lrp: composite: epsilon: epsilon is 0.0, expected 1e-30 to 1e6"
      ),
      (
        #"{"layer": "dense", "rule": "gamma", "gamma": -1}"#,
        "lrp: composite: gamma: gamma is -1.0, expected 0 to 1e6"
      ),
      (
        #"{"layer": "dense", "rule": "flat", "gamma": 1}"#,
        "lrp: composite: flat takes no \"gamma\"; its options: epsilon"
      ),
      (
        #"{"layer": "dense", "rule": "flat", "epsilom": 1}"#,
        "lrp: composite: unknown key \"epsilom\": did you mean \"epsilon\"?"
      ),
    ])
  func wrongCompositesAreErrors(entry: String, expected: String) {
    let text = message {
      _ = try JSONDecoder().decode(
        InterpreterSpecification.self,
        from: Data(#"{"name": "lrp", "composite": [\#(entry)]}"#.utf8))
    }
    #expect(text.hasPrefix(expected), "\(text)")
  }

  @Test func missingRulesNameLayerAndRule() throws {
    let architecture = try RelevanceTests.stack(batchNorm: true)
    let values = RelevanceTests.values(architecture, seed: 8)
    let image = ReferenceArray(repeating: 1, shape: [1, 5, 4, 2])
    let dense = RelevanceComposite([.init(.dense, .epsilon(0.01))])
    #expect(
      message {
        _ = try networks.run(
          architecture, LayerwiseRelevance(composite: dense), values, images: image)
      }
        == "lrp: no rule for layer conv (convolution); add one to \"composite\", e.g. {\"layer\": "
        + "\"convolution\", \"rule\": \"epsilon\"}; possible rules: epsilon, alpha-beta, gamma, flat, "
        + "w-square")
    // Above the target everything has its rule.
    _ = try networks.run(
      architecture, LayerwiseRelevanceAtLayer(layer: "relu", composite: dense), values,
      images: image)
    let softmax = try RelevanceTests.network(
      [1, 1, 2], classes: 2,
      [
        ("flat", .flatten, nil), ("soft", .softmax, nil),
        ("fc", .dense(DenseLayer(inputs: 2, outputs: 2)), nil),
      ])
    #expect(
      message {
        _ = try networks.run(
          softmax, LayerwiseRelevance(), RelevanceTests.values(softmax, seed: 1),
          images: ReferenceArray(repeating: 1, shape: [1, 1, 1, 2]))
      }.hasPrefix("lrp: no relevance passes through layer soft (softmax)"))
  }

  @Test func namesThatTheNetworkLacksAreErrors() throws {
    let architecture = try RelevanceTests.stack(batchNorm: false)
    let composite = RelevanceComposite(
      [.init(.convolution, .flat(epsilon: 1e-6), name: "con")] + RelevanceComposite.heo.entries)
    #expect(
      message {
        _ = try networks.run(
          architecture, LayerwiseRelevance(composite: composite),
          RelevanceTests.values(architecture, seed: 1),
          images: ReferenceArray(repeating: 1, shape: [1, 5, 4, 2]))
      }.hasPrefix("lrp: composite: small has no layer \"con\": did you mean \"conv\"?"))
  }

  @Test func optionsOfOtherMethodsAreErrors() {
    #expect(
      message {
        _ = try InterpreterSpecification(name: "simple-grad", batchNorm: .merged).interpreter()
      } == "simple-grad takes no \"batchNorm\"; its options: channels, projected")
  }

  /// A softmax at the end is omitted: relevance starts as a logit.
  @Test func finalSoftmaxIsNotExplained() throws {
    func network(softmax: Bool) throws -> Architecture {
      try RelevanceTests.network(
        [1, 1, 2], classes: 2,
        [("flat", .flatten, nil), ("fc", .dense(DenseLayer(inputs: 2, outputs: 2)), nil)]
          + (softmax ? [("soft", .softmax, nil)] : []))
    }
    let image = ReferenceArray(shape: [1, 1, 1, 2], values: [1, 2])
    let maps = try [false, true].map {
      let architecture = try network(softmax: $0)
      return try networks.run(
        architecture, LayerwiseRelevance(), RelevanceTests.values(architecture, seed: 1),
        images: image
      ).heatmap
    }
    #expect(maps[0] == maps[1] && maps[0].values != [0])
  }
}
