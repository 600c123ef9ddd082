import Explanations
import Foundation
import Networks
import TensorGraph
import TensorReference
import Testing

@Suite struct TangentProjectionTests {
  private static let size = 6 * 6 * 2

  private func numbers(_ count: Int, seed: UInt64) -> [Double] {
    var state = seed
    return (0..<count).map { _ in
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Double(state >> 11) * 0x1p-52 - 1
    }
  }

  private func architecture() throws -> Architecture {
    try ArchitectureSpecification(
      family: "resnet-style", classes: 3, height: 6, width: 6, channels: 2, widths: [3, 4],
      blocks: [1, 1]
    ).architecture()
  }

  private func parameters(_ architecture: Architecture) -> [String: ReferenceArray] {
    var values: [String: ReferenceArray] = [:]
    for (index, parameter) in architecture.parameters.enumerated() {
      let drawn = numbers(parameter.shape.count, seed: UInt64(100 + index))
      let isFactor = parameter.role == .gamma || parameter.role == .runningVariance
      values[parameter.name] = ReferenceArray(
        shape: parameter.shape, values: drawn.map { 0.5 * $0 + (isFactor ? 1 : 0) })
    }
    return values
  }

  /// Orthonormal rows by Gram and Schmidt, [1, count, size].
  private func basis(_ count: Int) -> ReferenceArray {
    var rows: [[Double]] = []
    for index in 0..<count {
      var row = numbers(Self.size, seed: UInt64(40 + index))
      for other in rows {
        let share = zip(row, other).reduce(0) { $0 + $1.0 * $1.1 }
        row = zip(row, other).map { $0 - share * $1 }
      }
      let length = row.reduce(0) { $0 + $1 * $1 }.squareRoot()
      rows.append(row.map { $0 / length })
    }
    return ReferenceArray(shape: [1, count, Self.size], values: rows.flatMap(\.self))
  }

  private struct Setting {
    var graph = GraphBuilder()
    let network: NetworkGraph
    let heatmap: Value
    let gradient: Value

    init(_ architecture: Architecture, _ specification: InterpreterSpecification) throws {
      let images = try graph.placeholder("images", shape: [1, 6, 6, 2])
      network = try NetworkGraph(architecture, input: images, in: &graph)
      let classes = try graph.placeholder("classes", shape: [1, 3])
      heatmap = try specification.interpreter().heatmap(
        of: network, classes: classes, in: &graph)
      let score = try graph.sum(graph.multiply(network.logits, classes))
      gradient = try graph.gradient(of: score, with: [images])[0]
    }
  }

  private var inputs: [String: ReferenceArray] {
    [
      "images": ReferenceArray(shape: [1, 6, 6, 2], values: numbers(Self.size, seed: 5)),
      "classes": ReferenceArray(shape: [1, 3], values: [0, 0, 1]),
      "tangents.12.5": basis(5),
    ]
  }

  static let projected = [
    InterpreterSpecification(
      name: "simple-grad", projected: TangentProjection(neighbours: 12, dimensions: 5)),
    InterpreterSpecification(
      name: "input-x-gradient", projected: TangentProjection(neighbours: 12, dimensions: 5)),
    InterpreterSpecification(
      name: "smooth-grad", samples: 2, projected: TangentProjection(neighbours: 12, dimensions: 5)),
    InterpreterSpecification(
      name: "uni-grad", samples: 2, standardDeviation: [0.2, 0.3],
      projected: TangentProjection(neighbours: 12, dimensions: 5)),
    InterpreterSpecification(
      name: "integrated-gradients", steps: 3,
      projected: TangentProjection(neighbours: 12, dimensions: 5)),
  ]

  /// V Vᵀ g before the absolute value and the sum over channels.
  @Test func simpleGradOfAProjectedGradient() throws {
    let architecture = try architecture()
    let setting = try Setting(architecture, Self.projected[0])
    let results = try ReferenceEvaluator.evaluate(
      setting.graph.graph(outputs: [setting.heatmap, setting.gradient]), placeholders: inputs,
      parameters: parameters(architecture))
    let (g, v) = (results[1].values, basis(5).values)
    var projected = [Double](repeating: 0, count: Self.size)
    for direction in 0..<5 {
      let row = v[direction * Self.size..<(direction + 1) * Self.size]
      let coordinate = zip(row, g).reduce(0) { $0 + $1.0 * $1.1 }
      for (place, value) in row.enumerated() { projected[place] += coordinate * value }
    }
    let magnitudes = (0..<36).map { abs(projected[2 * $0]) + abs(projected[2 * $0 + 1]) }
    let total = magnitudes.reduce(0, +)
    #expect(total > 1e-3)
    for (own, expected) in zip(results[0].values, magnitudes) {
      #expect(abs(own - expected / total) < 1e-9)
    }
  }

  /// With as many directions as there are samples nothing is lost.
  @Test(arguments: projected)
  func aWholeBasisChangesNothing(specification: InterpreterSpecification) throws {
    let architecture = try architecture()
    var (whole, plain) = (specification, specification)
    whole.projected = TangentProjection(neighbours: 100, dimensions: Self.size)
    plain.projected = nil
    var given = inputs
    given["tangents.100.\(Self.size)"] = basis(Self.size)
    let maps = try [whole, plain].map {
      let setting = try Setting(architecture, $0)
      return try ReferenceEvaluator.evaluate(
        setting.graph.graph(outputs: [setting.heatmap]), placeholders: given,
        parameters: parameters(architecture))[0].values
    }
    let scale = maps[1].reduce(0) { max($0, abs($1)) }
    for (own, expected) in zip(maps[0], maps[1]) {
      // Gram and Schmidt of 72 rows.
      #expect(abs(own - expected) < 1e-8 * scale)
    }
  }

  /// Fooling through the projection: the derivative of a loss of projected heatmaps.
  @Test(arguments: projected)
  func lossThroughTheProjectionMatchesFiniteDifferences(
    specification: InterpreterSpecification
  ) throws {
    let architecture = try architecture()
    var setting = try Setting(architecture, specification)
    let values = parameters(architecture)
    let loss = try setting.graph.sum(
      setting.graph.square(setting.graph.add(setting.heatmap, -0.5)))
    let variables = architecture.parameters.filter(\.isTrainable)
    let gradients = try setting.graph.gradient(
      of: loss, with: variables.map { setting.network.parameters[$0.name]! })
    let results = try ReferenceEvaluator.evaluate(
      setting.graph.graph(outputs: gradients), placeholders: inputs, parameters: values)
    let program = setting.graph.graph(outputs: [loss])
    var largest = 0.0
    for (index, parameter) in variables.enumerated() {
      let direction = ReferenceArray(
        shape: parameter.shape, values: numbers(parameter.shape.count, seed: UInt64(900 + index)))
      // Small enough that no ReLU changes sides.
      let slope = try FiniteDifferences.directional(
        program, along: [.parameter(parameter.name): direction], placeholders: inputs,
        parameters: values, step: 1e-6)[0].values[0]
      let exact = zip(results[index].values, direction.values).reduce(0) { $0 + $1.0 * $1.1 }
      largest = max(largest, abs(exact))
      #expect(abs(exact - slope) < 1e-6 * max(1, abs(slope)), "\(parameter.name)")
    }
    #expect(largest > 1e-4, "a gradient that vanishes proves nothing")
  }

  // MARK: Errors

  private func message(_ specification: InterpreterSpecification) -> String {
    do { _ = try specification.interpreter() } catch { return "\(error)" }
    return "no error"
  }

  @Test func methodsThatAreNoGradientsTakeNoProjection() {
    let projection = TangentProjection()
    #expect(
      message(InterpreterSpecification(name: "grad-cam", layer: "conv", projected: projection))
        == "grad-cam takes no \"projected\"; its options: alpha, leak")
    for name in ["lrp", "deep-lift"] {
      #expect(
        message(InterpreterSpecification(name: name, projected: projection))
          .hasPrefix("\(name) takes no \"projected\""))
    }
  }

  @Test func projectionsThatCannotBeAreErrors() {
    func of(_ neighbours: Int, _ dimensions: Int) -> String {
      message(
        InterpreterSpecification(
          name: "simple-grad",
          projected: TangentProjection(neighbours: neighbours, dimensions: dimensions)))
    }
    #expect(
      of(16, 16)
        == "simple-grad: projected.dimensions is 16, expected 1 to 15: the differences of 16 "
        + "neighbours from their mean span no more")
    #expect(of(1, 1) == "simple-grad: projected.neighbours is 1, expected 2 to 4096")
    #expect(of(32, 0).contains("projected.dimensions is 0"))
    #expect(of(32, 31) == "no error")
  }

  @Test func aSpecificationKeepsItsProjection() throws {
    var specification = Self.projected[0]
    specification.projected?.images = "/images"
    let data = try JSONCoding.encode(specification)
    #expect(try JSONCoding.decode(data) == specification)
    #expect(specification != Self.projected[0])
  }
}

private enum JSONCoding {
  static func encode(_ specification: InterpreterSpecification) throws -> Data {
    try JSONEncoder().encode(specification)
  }
  static func decode(_ data: Data) throws -> InterpreterSpecification {
    try JSONDecoder().decode(InterpreterSpecification.self, from: data)
  }
}
