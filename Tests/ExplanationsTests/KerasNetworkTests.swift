import Explanations
import KerasModels
import Networks
import TensorGraph
import TensorReference
import Testing

/// Keras's conventions in the interpreters: activation functions as part of a layer, flattening in
/// height, width, channel order, padding "same" with the odd row at the end, a softmax at the end.
@Suite struct KerasNetworkTests {
  private static let model = """
    {"class_name": "Sequential", "config": {"name": "chain", "layers": [
      {"class_name": "InputLayer", "config": {"batch_shape": [null, 8, 7, 2], "name": "image"}},
      {"class_name": "Conv2D", "config": {"name": "conv", "filters": 4, "kernel_size": 3,
        "strides": 2, "padding": "same", "activation": "relu"}},
      {"class_name": "Conv2D", "config": {"name": "deep", "filters": 3, "kernel_size": 2,
        "padding": "same", "use_bias": false}},
      {"class_name": "BatchNormalization", "config": {"name": "norm", "scale": false}},
      {"class_name": "ReLU", "config": {"name": "rectified"}},
      {"class_name": "AveragePooling2D", "config": {"name": "means", "padding": "same"}},
      {"class_name": "Flatten", "config": {"name": "row"}},
      {"class_name": "Dense", "config": {"name": "hidden", "units": 5, "activation": "relu"}},
      {"class_name": "Dense", "config": {"name": "scores", "units": 3, "activation": "softmax"}}]}}
    """
  /// `means`, before it is flattened.
  private static let flattened: Shape = [2, 2, 3]

  private struct Numbers {
    var state: UInt64 = 7
    mutating func array(_ shape: Shape, _ scale: Double, _ offset: Double) -> ReferenceArray {
      ReferenceArray(
        shape: shape,
        values: (0..<shape.count).map { _ in
          state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
          return offset + scale * (Double(state >> 11) * 0x1p-52 - 1)
        })
    }
  }

  private func values(_ architecture: Architecture) -> [String: ReferenceArray] {
    var numbers = Numbers()
    var values: [String: ReferenceArray] = [:]
    for parameter in architecture.parameters {
      let isPositive = parameter.role == .runningVariance
      values[parameter.name] = numbers.array(
        parameter.shape, isPositive ? 0.5 : 0.7, isPositive ? 1 : 0)
    }
    return values
  }

  private func heatmap(
    _ architecture: Architecture, _ specification: InterpreterSpecification,
    _ parameters: [String: ReferenceArray]
  ) throws -> (heatmap: ReferenceArray, change: Double) {
    let interpreter = try specification.interpreter()
    var graph = GraphBuilder()
    let images = try graph.placeholder("images", shape: [1, 8, 7, 2])
    let network = try NetworkGraph(
      architecture, input: images, keeping: interpreter.keptActivations, in: &graph)
    let classes = try graph.constant(Tensor(shape: [1, 3], values: [0, 1, 0]))
    let heatmap = try interpreter.heatmap(of: network, classes: classes, in: &graph)
    let blank = try network.lowered(on: graph.constant(0, shape: images.shape), in: &graph)
    var numbers = Numbers(state: 99)
    let results = try ReferenceEvaluator.evaluate(
      graph.graph(outputs: [heatmap, network.logits, blank.logits]),
      placeholders: ["images": numbers.array(images.shape, 1, 0)], parameters: parameters)
    return (results[0], results[1].values[1] - results[2].values[1])
  }

  static let specifications: [InterpreterSpecification] =
    InterpreterKind.all.map { kind in
      var specification = InterpreterSpecification(name: kind.name)
      if kind.place == .targetLayer { specification.layer = "conv" }
      if kind.name.hasPrefix("smooth") || kind.name == "uni-grad" { specification.samples = 2 }
      if kind.name == "uni-grad" { specification.standardDeviation = [1.0 / 255, 1.0 / 255] }
      if kind.name.hasPrefix("integrated") { specification.steps = 2 }
      if kind.name == "aggregate" {
        specification.of = ["simple-grad", "lrp"].map { InterpreterSpecification(name: $0) }
      }
      return specification
    } + [InterpreterSpecification(name: "lrp", batchNorm: .merged)]

  /// The same network in PyTorch's order, its dense weights rearranged: the same heatmaps.
  @Test(arguments: specifications)
  func orderOfFlatteningIsNoMatterOfTheHeatmap(specification: InterpreterSpecification) throws {
    let keras = try Architecture(kerasModelConfig: Self.model)
    let torch = try Architecture(
      name: "torch", inputShape: keras.inputShape, classes: keras.classes,
      nodes: keras.nodes.map { node in
        LayerNode(
          name: node.name, layer: node.name == "row" ? .flatten : node.layer, inputs: node.inputs,
          parameterPrefix: node.parameterPrefix)
      })
    let parameters = values(keras)
    var rearranged = parameters
    let weight = try #require(parameters["hidden.weight"])
    let (pixels, channels) = (Self.flattened[0] * Self.flattened[1], Self.flattened[2])
    #expect(weight.shape == [5, pixels * channels])
    var columns = weight.values
    for row in 0..<5 {
      for pixel in 0..<pixels {
        for channel in 0..<channels {
          columns[row * pixels * channels + channel * pixels + pixel] =
            weight.values[row * pixels * channels + pixel * channels + channel]
        }
      }
    }
    rearranged["hidden.weight"] = ReferenceArray(shape: weight.shape, values: columns)

    let map = try heatmap(keras, specification, parameters)
    let expected = try heatmap(torch, specification, rearranged)
    #expect(Set(map.heatmap.values).count > 2)
    for (value, expected) in zip(map.heatmap.values, expected.heatmap.values) {
      // Sums in another order, in double precision.
      #expect(abs(value - expected) < 1e-10)
    }
    if specification.name.hasPrefix("deep-lift") {
      #expect(abs(map.heatmap.values.reduce(0, +) - map.change) < 1e-9)
    }
  }

  /// Keras's name of a layer with an activation function is that of its result, and composites find
  /// its filters by the same name.
  @Test func namesOfLayersWithActivationFunctions() throws {
    let architecture = try Architecture(kerasModelConfig: Self.model)
    #expect(architecture.nodes[try architecture.index(of: "conv")].layer == .relu)
    let parameters = values(architecture)
    func map(_ name: String?) throws -> [Double] {
      let composite = RelevanceComposite([
        .init(.convolution, .flat(epsilon: 1e-6), name: name),
        .init(.convolution, .epsilon(0.01)), .init(.dense, .epsilon(0.01)),
      ])
      let specification = InterpreterSpecification(name: "lrp", composite: composite)
      return try heatmap(architecture, specification, parameters).heatmap.values
    }
    #expect(try map("conv") != map("deep"))
    #expect(throws: NetworkError.self) { try map("conf") }
  }
}
