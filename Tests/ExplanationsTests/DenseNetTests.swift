import Explanations
import Networks
import TensorCPU
import TensorGraph
import TensorRuntime
import Testing

/// Every method on DenseNet121 as it is, on small images: what concatenations and batch norms in
/// front of the convolutions ask of the lowering, the derivatives and the relevance rules.
@Suite struct DenseNetTests {
  /// The end of the last dense block, where Heo et al. 2019 explain DenseNet121.
  private static let layer = "features.denseblock4"
  private static let batch = 2

  private struct Network {
    let architecture: Architecture
    let parameters: ParameterStore
    let images: [Float]
    private(set) var labels: [Int] = []

    init() throws {
      architecture = try ArchitectureSpecification(
        family: "densenet121", classes: 5, height: 64, width: 64
      ).architecture()
      parameters = try ParameterStore(architecture.parameters.map { ($0.name, $0.shape) })
      for (name, tensor) in architecture.initialParameters(seed: 3) { parameters[name] = tensor }
      // Statistics that are nobody's: batch norms do something, and no activation dies.
      var random = RandomStream(seed: 4, name: "statistics")
      for parameter in architecture.parameters where parameter.role == .runningMean {
        parameters[parameter.name] = random.uniform(shape: parameter.shape, bound: 0.2)
      }
      images =
        random.uniform(
          shape: Shape([batch] + architecture.inputShape.dimensions), bound: 2
        ).values
      // The predicted classes: those for which there is evidence.
      var graph = GraphBuilder()
      let network = try lowered(keeping: [], &graph)
      let logits = try run(graph.graph(outputs: [network.logits]))[0].values
      labels = (0..<batch).map { image in
        (0..<5).max { logits[image * 5 + $0] < logits[image * 5 + $1] }!
      }
    }

    private func lowered(
      keeping: Set<String>, _ graph: inout GraphBuilder
    ) throws -> NetworkGraph {
      let input = try graph.placeholder(
        "images", shape: Shape([batch] + architecture.inputShape.dimensions))
      return try NetworkGraph(architecture, input: input, keeping: keeping, in: &graph)
    }

    func lowered(
      _ interpreter: any Interpreter, _ graph: inout GraphBuilder
    ) throws -> (NetworkGraph, classes: Value) {
      var marks = [Float](repeating: 0, count: batch * 5)
      for (image, label) in labels.enumerated() { marks[image * 5 + label] = 1 }
      return (
        try lowered(keeping: interpreter.keptActivations, &graph),
        try graph.constant(Tensor(shape: [batch, 5], values: marks))
      )
    }

    func run(_ graph: Graph) throws -> [Tensor] {
      let computation = Computation(graph, outputs: graph.outputs.indices.map { "\($0)" })
      let program = try CPUExecutor().compile(
        computation, parameters: parameters, policy: ExecutionPolicy())
      try program.run(["images": .floats(images)])
      return try computation.outputs.map { try program.output($0) }
    }
  }

  static let specifications: [InterpreterSpecification] =
    InterpreterKind.all.map { kind in
      var specification = InterpreterSpecification(name: kind.name)
      if kind.place == .targetLayer { specification.layer = layer }
      if kind.name.hasPrefix("smooth") || kind.name == "uni-grad" { specification.samples = 2 }
      if kind.name.hasPrefix("integrated") { specification.steps = 2 }
      if kind.name == "aggregate" {
        specification.of = ["simple-grad", "lrp"].map { InterpreterSpecification(name: $0) }
      }
      return specification
    } + [
      InterpreterSpecification(name: "lrp", batchNorm: .merged),
      InterpreterSpecification(name: "lrp-t", layer: layer, batchNorm: .merged),
    ]

  /// A heatmap that is not flat, and a derivative with respect to the first filters, which lie
  /// behind everything. At a target layer it is with respect to the batch norm after it: the
  /// gradient there depends on what comes before through the signs of activations only.
  @Test(arguments: specifications)
  func everyMethodExplainsAndCanBeTrained(specification: InterpreterSpecification) throws {
    let setting = try Network()
    var graph = GraphBuilder()
    let interpreter = try specification.interpreter()
    let (network, classes) = try setting.lowered(interpreter, &graph)
    let heatmap = try interpreter.heatmap(of: network, classes: classes, in: &graph)
    let side = interpreter.targetLayer == nil ? 64 : 2
    #expect(heatmap.shape == [Self.batch, side, side])
    let parameter = interpreter.targetLayer == nil ? "features.conv0" : "features.norm5"
    let weight = try #require(network.parameters["\(parameter).weight"])
    let gradient = try graph.gradient(of: graph.sum(graph.square(heatmap)), with: [weight])[0]
    let results = try setting.run(graph.graph(outputs: [heatmap, gradient]))
    for result in results { #expect(result.values.allSatisfy { $0.isFinite }) }
    #expect(Set(results[0].values).count > 1)
    #expect(Set(results[1].values).count > results[1].values.count / 2)
  }

  /// Shrikumar et al. 2017: contributions add up to what the image changes, whatever the way.
  @Test(arguments: ["deep-lift", "deep-lift-t"])
  func contributionsAddUpToTheChangeOfTheLogit(name: String) throws {
    let setting = try Network()
    var graph = GraphBuilder()
    let interpreter = try InterpreterSpecification(
      name: name, layer: name == "deep-lift" ? nil : Self.layer
    ).interpreter()
    let (network, classes) = try setting.lowered(interpreter, &graph)
    let heatmap = try interpreter.heatmap(of: network, classes: classes, in: &graph)
    let blank = try network.lowered(
      on: graph.constant(0, shape: network.input.shape), in: &graph)
    let results = try setting.run(
      graph.graph(outputs: [heatmap, network.logits, blank.logits]))
    for image in 0..<Self.batch {
      let pixels = results[0].shape.count / Self.batch
      let total = results[0].values[image * pixels..<(image + 1) * pixels].reduce(0, +)
      let logit = image * 5 + setting.labels[image]
      let change = results[1].values[logit] - results[2].values[logit]
      // Single precision through 121 layers.
      #expect(abs(total - change) < 1e-3 * max(1, abs(change)), "image \(image)")
    }
  }
}
