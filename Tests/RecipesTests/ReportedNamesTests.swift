import Explanations
import Manipulation
import Testing

@Suite struct ReportedNamesTests {
  private typealias Specification = InterpreterSpecification

  @Test func namesAreAsShortAsTheyCanBe() {
    let twoRules = RelevanceComposite([
      .init(.convolution, .flat(epsilon: 0.01), position: .first),
      .init(.convolution, .alphaBeta(alpha: 2, beta: 1, epsilon: 0.01)),
      .init(.dense, .epsilon(0.01, countsBias: false)),
    ])
    let cases: [(Specification, String)] = [
      (.init(name: "grad-cam", layer: "layer4"), "grad-cam"),
      (.init(name: "lrp-t", layer: "layer3"), "lrp-t"),
      (.init(name: "grad-cam", layer: "layer3"), "grad-cam@layer3"),
      (
        .init(name: "lrp-t", layer: "layer3", batchNorm: .merged),
        "lrp-t@layer3+batchNorm=merged"
      ),
      (
        .init(name: "lrp-t", layer: "layer3", composite: twoRules, batchNorm: .merged),
        "lrp-t@layer3+composite=first.convolution:flat(0.01),"
          + "convolution:alpha-beta(2.0,1.0,0.01),dense:epsilon(0.01,no bias)+batchNorm=merged"
      ),
      (.init(name: "lrp-t", layer: "layer2", batchNorm: .merged), "lrp-t@layer2"),
      (.init(name: "smooth-grad", samples: 8, seed: 1), "smooth-grad"),
      (.init(name: "smooth-grad", samples: 32, seed: 1), "smooth-grad+samples=32"),
      (
        .init(name: "smooth-grad", sigmaUnit: .range),
        "smooth-grad+samples=default+sigmaUnit=range+seed=default"
      ),
      (.init(name: "uni-grad", radius: 0.1), "uni-grad"),
      (
        .init(name: "uni-grad", radius: 0.2, standardDeviation: [0.5, 0.25, 1]),
        "uni-grad+radius=0.2+standardDeviation=0.5,0.25,1.0"
      ),
      (.init(name: "integrated-gradients", steps: 5), "integrated-gradients"),
      (.init(name: "integrated-gradients", steps: 6), "integrated-gradients+steps=6"),
    ]
    #expect(reportedNames(of: cases.map(\.0)) == cases.map(\.1))
  }

  /// Every pair of options that may stand beside each other at one layer.
  @Test func namesAreDistinct() {
    var specifications: [Specification] = []
    for layer in ["layer1", "layer2"] {
      for batchNorm in [nil, BatchNormRelevance.identity, .merged] {
        for composite in [nil, RelevanceComposite.heo, RelevanceComposite([])] {
          specifications.append(
            .init(name: "lrp-t", layer: layer, composite: composite, batchNorm: batchNorm))
        }
      }
    }
    for samples in [nil, 1, 2] {
      for sigma in [nil, 0.1, 0.2] {
        specifications.append(.init(name: "smooth-grad", samples: samples, sigma: sigma))
      }
    }
    #expect(Set(specifications).count == specifications.count)
    #expect(Set(reportedNames(of: specifications)).count == specifications.count)
    #expect(!reportedNames(of: specifications).contains { $0.contains("#") })
  }
}
