import Explanations
import Networks
import TensorGraph
import TensorReference
import Testing

@Suite struct AggregateTests {
  private func architecture() throws -> Architecture {
    try ArchitectureSpecification(
      family: "resnet-style", classes: 3, height: 6, width: 6, channels: 2, widths: [3, 4],
      blocks: [1, 1]
    ).architecture()
  }

  /// Maps of other sizes are brought to the smallest, signed ones without their negative part, each over
  /// its sum.
  @Test func aggregateIsTheMeanOfShares() throws {
    let architecture = try architecture()
    let parts = [
      InterpreterSpecification(name: "lrp"),
      InterpreterSpecification(name: "simple-grad-t", layer: "layer1.0.relu1"),
      InterpreterSpecification(name: "grad-cam", layer: "layer2"),
    ]
    let interpreters =
      try parts.map { try $0.interpreter() }
      + [InterpreterSpecification(name: "aggregate", of: parts).interpreter()]
    var graph = GraphBuilder()
    let images = try graph.placeholder("images", shape: [1, 6, 6, 2])
    let network = try NetworkGraph(
      architecture, input: images, keeping: interpreters[3].keptActivations, in: &graph)
    let classes = try graph.placeholder("classes", shape: [1, 3])
    let maps = try interpreters.map {
      try $0.heatmap(of: network, classes: classes, in: &graph)
    }
    #expect(maps.map { $0.shape[1] } == [6, 6, 3, 3])
    var numbers = Numbers(state: 5)
    var parameters: [String: ReferenceArray] = [:]
    for parameter in architecture.parameters {
      var values = numbers.array(parameter.shape)
      if [.gamma, .runningVariance].contains(parameter.role) {
        values.values = values.values.map { 1 + 0.5 * $0 }
      }
      parameters[parameter.name] = values
    }
    let results = try ReferenceEvaluator.evaluate(
      graph.graph(outputs: maps),
      placeholders: [
        "images": numbers.array([1, 6, 6, 2]),
        "classes": ReferenceArray(shape: [1, 3], values: [0, 0, 1]),
      ], parameters: parameters)
    func coarse(_ fine: [Double]) -> [Double] {
      (0..<9).map { cell in
        let (y, x) = (2 * (cell / 3), 2 * (cell % 3))
        return (fine[6 * y + x] + fine[6 * y + x + 1] + fine[6 * y + x + 6] + fine[6 * y + x + 7])
          / 4
      }
    }
    let shares = [
      coarse(results[0].values.map { max($0, 0) }), coarse(results[1].values), results[2].values,
    ].map { map in
      let sum = map.reduce(0, +)
      return map.map { $0 / (sum + 1e-12) }
    }
    #expect(shares[0].contains { $0 > 0 } && shares[1].contains { $0 > 0 })
    for cell in 0..<9 {
      let expected = shares.reduce(0) { $0 + $1[cell] } / 3
      #expect(abs(results[3].values[cell] - expected) < 1e-6)
    }
  }

  @Test func aggregatesThatCannotBeAreErrors() {
    func of(_ parts: [InterpreterSpecification]?) -> String {
      message { _ = try InterpreterSpecification(name: "aggregate", of: parts).interpreter() }
    }
    let grad = InterpreterSpecification(name: "simple-grad")
    #expect(of(nil).hasPrefix("aggregate needs \"of\": 2 to 16 explanations"))
    #expect(of([grad]).hasSuffix("1 given"))
    #expect(of([grad, grad]) == "aggregate: of has simple-grad twice with the same options")
    #expect(
      of([grad, InterpreterSpecification(name: "smooth-grad")])
        == "aggregate: smooth-grad is itself a mean over samples, and of takes single-pass methods")
    #expect(of([grad, InterpreterSpecification(name: "grad-cam")]).hasPrefix("grad-cam needs"))
    let inner = InterpreterSpecification(
      name: "aggregate", of: [grad, InterpreterSpecification(name: "lrp")])
    #expect(of([grad, inner]).contains("name the explanations themselves"))
  }
}
