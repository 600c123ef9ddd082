import Explanations
import Foundation
import Networks
import TensorGraph
import TensorReference
import Testing

/// Relevance and multipliers through activation functions, products and other layers.
@Suite struct FurtherLayersTests {
  private func node(_ name: String, _ layer: Layer, _ inputs: String...) -> LayerNode {
    LayerNode(name: name, layer: layer, inputs: inputs)
  }

  /// Everything that relevance passes and DeepLIFT has multipliers for.
  private func network(hasBias: Bool = true, end: [LayerNode] = []) throws -> Architecture {
    func convolution(_ inputs: Int, _ outputs: Int, _ kernel: Int, groups: Int = 1) -> Layer {
      .convolution(
        ConvolutionLayer(
          inputChannels: inputs, outputChannels: outputs, kernelSize: kernel,
          padding: kernel / 2, groups: groups, hasBias: hasBias))
    }
    return try Architecture(
      name: "further", inputShape: [6, 5, 2], classes: 3,
      nodes: [
        node("scaled", .rescale(RescalingLayer(scale: [2, 3], offset: [0])), "input"),
        node("swapped", .reverseChannels, "scaled"),
        node("cropped", .crop(top: 1, left: 0, bottom: 1, right: 1), "swapped"),
        node("first", convolution(2, 4, 3), "cropped"),
        node("clipped", .activation(.rectifier(slope: 0.1, maximum: 1.5)), "first"),
        node("depthwise", convolution(4, 4, 3, groups: 4), "clipped"),
        node("swish", .activation(.silu), "depthwise"),
        node("scale", .layerScale(channels: 4), "swish"),
        node("mean", .globalAveragePool, "scale"),
        node("reduce", convolution(4, 2, 1), "mean"),
        node("gelu", .activation(.gelu), "reduce"),
        node("excite", convolution(2, 4, 1), "gelu"),
        node("gate", .activation(.sigmoid), "excite"),
        node("excited", .multiply, "scale", "gate"),
        node("sloped", .prelu(PReLULayer(slopes: [4])), "excited"),
        node("difference", .subtract, "sloped", "clipped"),
        node("both", .average, "difference", "depthwise"),
        node(
          "large", .resize(ResizingLayer(height: 8, width: 6, interpolation: .bilinear)), "both"),
        node("turned", .permute([1, 0, 2]), "large"),
        node("other", .reshape([8, 3, 8]), "turned"),
        node("dropped", .spatialDropout(rate: 0.5), "other"),
        node("dense", .dense(DenseLayer(inputs: 8, outputs: 3, hasBias: hasBias)), "dropped"),
        node("tanh", .activation(.tanh), "dense"),
        node("pool", .globalAveragePool, "tanh"),
        node("row", .flatten, "pool"),
        node("fc", .dense(DenseLayer(inputs: 3, outputs: 3, hasBias: hasBias)), "row"),
      ] + end)
  }

  private func parameters(_ architecture: Architecture) -> [String: ReferenceArray] {
    var numbers = Numbers(state: 7)
    var values: [String: ReferenceArray] = [:]
    for parameter in architecture.parameters {
      values[parameter.name] = numbers.array(parameter.shape)
    }
    return values
  }

  private func run(
    _ architecture: Architecture, _ interpreter: any Interpreter, label: Int = 1
  ) throws -> (heatmap: [Double], logit: Double, atBaseline: Double) {
    var graph = GraphBuilder()
    let shape = Shape([1] + architecture.inputShape.dimensions)
    let input = try graph.placeholder("x", shape: shape)
    let network = try NetworkGraph(architecture, input: input, in: &graph)
    let classes = try graph.placeholder("classes", shape: [1, architecture.classes])
    let heatmap = try interpreter.heatmap(of: network, classes: classes, in: &graph)
    let zero = try network.lowered(on: graph.constant(0, shape: shape), in: &graph)
    var numbers = Numbers(state: 3)
    let results = try ReferenceEvaluator.evaluate(
      graph.graph(outputs: [heatmap, network.logits, zero.logits]),
      placeholders: [
        "x": numbers.array(shape),
        "classes": ReferenceArray(
          shape: [1, architecture.classes],
          values: (0..<architecture.classes).map { $0 == label ? 1 : 0 }),
      ], parameters: parameters(architecture))
    return (results[0].values, results[1].values[label], results[2].values[label])
  }

  /// DeepLIFT's summation to delta: the map adds up to what the logit is above that of the baseline.
  @Test func multipliersSumToTheLogitsChange() throws {
    let result = try run(try network(), DeepLIFT())
    let sum = result.heatmap.reduce(0, +)
    #expect(abs(result.logit - result.atBaseline) > 0.01)
    // Rounding in double precision over a few thousand terms.
    #expect(abs(sum - (result.logit - result.atBaseline)) < 1e-10)
  }

  /// The ε-rule without biases and with shares of all inputs keeps relevance, up to ε: constant factors,
  /// activation functions and gates take and give none.
  @Test func relevanceIsKept() throws {
    let epsilon = 1e-12
    let composite = RelevanceComposite(
      [Layer.Kind.convolution, .dense].map { .init($0, .epsilon(epsilon)) }
        + [Layer.Kind.globalAveragePool, .subtract, .average, .resize].map {
          .init($0, .share(epsilon: epsilon))
        })
    let architecture = try network(hasBias: false)
    let result = try run(architecture, LayerwiseRelevance(composite: composite))
    #expect(abs(result.logit) > 0.001)
    #expect(abs(result.heatmap.reduce(0, +) - result.logit) < 1e-6 * abs(result.logit))
  }

  /// x·g at one pixel: a gate g from a sigmoid receives nothing; of two signals each receives half, and
  /// with the identity as the other factor the input receives all.
  @Test func gatesReceiveNothing() throws {
    for (layer, share) in [(Layer.activation(.sigmoid), 0.0), (.activation(.silu), 0.5)] {
      let architecture = try Architecture(
        name: "product", inputShape: [2, 1, 1], classes: 2,
        nodes: [
          node("a", .crop(top: 0, left: 0, bottom: 1, right: 0), "input"),
          node("b", .crop(top: 1, left: 0, bottom: 0, right: 0), "input"),
          node("g", layer, "b"), node("p", .multiply, "a", "g"), node("row", .flatten, "p"),
          node("fc", .dense(DenseLayer(inputs: 1, outputs: 2, hasBias: false)), "row"),
        ])
      let result = try run(
        architecture,
        LayerwiseRelevance(composite: RelevanceComposite([.init(.dense, .epsilon(1e-12))])))
      #expect(abs(result.heatmap[0] - (1 - share) * result.logit) < 1e-9)
      #expect(abs(result.heatmap[1] - share * result.logit) < 1e-9)
    }
  }

  /// Cross-entropy, gradient and second derivatives of the penalty go through: a heatmap by every
  /// interpreter that needs no target layer has a derivative that is not zero.
  @Test(arguments: ["simple-grad", "input-x-gradient", "lrp", "deep-lift"])
  func heatmapsHaveDerivatives(name: String) throws {
    let architecture = try network()
    let interpreter = try InterpreterSpecification(name: name).interpreter()
    var graph = GraphBuilder()
    let shape = Shape([1] + architecture.inputShape.dimensions)
    let input = try graph.placeholder("x", shape: shape)
    let network = try NetworkGraph(architecture, input: input, in: &graph)
    let classes = try graph.placeholder("classes", shape: [1, 3])
    let heatmap = try interpreter.heatmap(of: network, classes: classes, in: &graph)
    let penalty = try graph.sum(graph.square(heatmap))
    let weight = network.parameters["first.weight"]!
    let derivative = try graph.gradient(of: penalty, with: [weight])[0]
    let program = graph.graph(outputs: [penalty, derivative])
    var values = parameters(architecture)
    var numbers = Numbers(state: 3)
    let images = numbers.array(shape)
    func evaluate() throws -> [ReferenceArray] {
      try ReferenceEvaluator.evaluate(
        program,
        placeholders: [
          "x": images, "classes": ReferenceArray(shape: [1, 3], values: [0, 1, 0]),
        ], parameters: values)
    }
    let here = try evaluate()[1].values
    // A central difference along each of a few weights.
    let (step, original) = (1e-6, values["first.weight"]!.values)
    for index in [0, 17, 40] {
      values["first.weight"]!.values[index] = original[index] + step
      let up = try evaluate()[0].values[0]
      values["first.weight"]!.values[index] = original[index] - step
      let down = try evaluate()[0].values[0]
      values["first.weight"]!.values[index] = original[index]
      let difference = (up - down) / (2 * step)
      #expect(
        abs(difference - here[index]) < 1e-5 * max(abs(difference), 1e-3),
        "\(name) \(index): \(difference) and \(here[index])")
    }
    #expect(here.contains { abs($0) > 1e-6 })
  }

  /// A quotient has no rule: the error says where.
  @Test func quotientsAreNamed() throws {
    let architecture = try Architecture(
      name: "quotient", inputShape: [1, 1, 2], classes: 2,
      nodes: [
        node("e", .activation(.exponential), "input"), node("q", .divide, "input", "e"),
        node("row", .flatten, "q"),
      ])
    #expect(
      message { _ = try run(architecture, LayerwiseRelevance()) }
        == "lrp: no relevance passes through layer q (divide); there is no rule for this kind of "
        + "layer within a network")
    #expect(
      message { _ = try run(architecture, DeepLIFT()) }
        == "deep-lift: no multiplier passes through layer q (divide); there is no rule for this kind "
        + "of layer within a network")
    // Gradients do.
    #expect(try run(architecture, InputTimesGradient()).heatmap[0].isFinite)
  }

  /// One number at the end, with its sigmoid: relevance and multipliers are those of ±z/2.
  @Test(arguments: [0, 1])
  func oneNumberIsExplainedForBothClasses(label: Int) throws {
    let architecture = try Architecture(
      name: "binary", inputShape: [1, 1, 2], classes: 1,
      nodes: [
        node("row", .flatten, "input"),
        node("fc", .dense(DenseLayer(inputs: 2, outputs: 1, hasBias: false)), "row"),
        node("p", .activation(.sigmoid), "fc"),
      ])
    #expect(architecture.classes == 2 && architecture.output == .binary)
    for interpreter: any Interpreter in [
      DeepLIFT(), InputTimesGradient(),
      LayerwiseRelevance(composite: RelevanceComposite([.init(.dense, .epsilon(1e-12))])),
    ] {
      let result = try run(architecture, interpreter, label: label)
      #expect(abs(result.heatmap[0] - result.logit) < 1e-9)
    }
  }
}
