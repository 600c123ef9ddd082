import Explanations
import Foundation
import Networks
import TensorGraph
import TensorReference
import Testing

/// Image [[1, 2], [3, 4]]; `conv` is 1×1 with weights 1 and 2, biases 0 and −3, so `relu` gives
/// A₁ = 1, 2, 3, 4 and A₂ = 0, 1, 3, 5; then global average pooling and dense rows (1, −1), (−1, 2).
private enum ByHand {
  static func architecture() throws -> Architecture {
    try Architecture(
      name: "by hand", inputShape: [2, 2, 1], classes: 2,
      nodes: [
        LayerNode(
          name: "conv",
          layer: .convolution(
            ConvolutionLayer(inputChannels: 1, outputChannels: 2, kernelSize: 1)),
          inputs: ["input"]),
        LayerNode(name: "relu", layer: .relu, inputs: ["conv"]),
        LayerNode(name: "pool", layer: .globalAveragePool, inputs: ["relu"]),
        LayerNode(name: "flat", layer: .flatten, inputs: ["pool"]),
        LayerNode(
          name: "fc", layer: .dense(DenseLayer(inputs: 2, outputs: 2, hasBias: false)),
          inputs: ["flat"]),
      ])
  }

  static let parameters = [
    "conv.weight": ReferenceArray(shape: [2, 1, 1, 1], values: [1, 2]),
    "conv.bias": ReferenceArray(shape: [2], values: [0, -3]),
    "fc.weight": ReferenceArray(shape: [2, 2], values: [1, -1, -1, 2]),
  ]
  static let image = ReferenceArray(shape: [1, 2, 2, 1], values: [1, 2, 3, 4])
}

@Suite struct InterpreterTests {
  private struct Setting {
    var graph = GraphBuilder()
    let network: NetworkGraph
    let classes: Value
    let heatmap: Value

    init(
      _ architecture: Architecture, _ specification: InterpreterSpecification, batch: Int = 1
    ) throws {
      let interpreter = try specification.interpreter()
      let images = try graph.placeholder(
        "images", shape: Shape([batch] + architecture.inputShape.dimensions))
      network = try NetworkGraph(
        architecture, input: images, keeping: interpreter.keptActivations, in: &graph)
      classes = try graph.placeholder("classes", shape: [batch, architecture.classes])
      heatmap = try interpreter.heatmap(of: network, classes: classes, in: &graph)
    }
  }

  private func oneHot(_ label: Int, of classes: Int, batch: Int = 1) -> ReferenceArray {
    ReferenceArray(
      shape: [batch, classes],
      values: (0..<batch * classes).map { $0 % classes == label ? 1 : 0 })
  }

  // MARK: Literals

  /// Class 0: A₁ − A₂ = 1, 1, 0, −1, over 4. Class 1: 2·A₂ − A₁ = −1, 0, 3, 6, over 4.
  /// Gradient of class 1 at the input: (−1, 3, 3, 3)/4, where the ReLU of the second channel is off
  /// at the first pixel; at `conv` Σ|·| is (1, 3, 3, 3)/4.
  static let literals: [(InterpreterSpecification, Int, [Double])] = [
    (InterpreterSpecification(name: "grad-cam", layer: "relu"), 0, [1, 1, 0, 0]),
    (InterpreterSpecification(name: "grad-cam", layer: "relu"), 1, [0, 0, 0.5, 1]),
    (InterpreterSpecification(name: "simple-grad"), 1, [0.1, 0.3, 0.3, 0.3]),
    (InterpreterSpecification(name: "simple-grad"), 0, [0.25, 0.25, 0.25, 0.25]),
    (InterpreterSpecification(name: "simple-grad-t", layer: "conv"), 1, [0, 1, 1, 1]),
    // The gradient before a global average pool is the same everywhere.
    (InterpreterSpecification(name: "simple-grad-t", layer: "relu"), 1, [0, 0, 0, 0]),
    (InterpreterSpecification(name: "input-x-gradient"), 1, [-0.25, 1.5, 2.25, 3]),
    // Class 1 has the logit 2 = −2.5 + 4.5, so with k = 2 / 2.01 the channels of `relu` receive
    // −A₁·k/4 and A₂·k/2. The filters pass that on as x/(x + 0.01) and 2x/(2x + 0.01): the bias −3
    // is no positive contribution.
    (
      InterpreterSpecification(name: "lrp"), 1,
      [-0.246293286, 0.001234507, 0.746264531, 1.491913101]
    ),
    (InterpreterSpecification(name: "lrp-t", layer: "relu"), 1, [0, 0, 0.5, 1]),
    // Without noise every sample is the gradient itself.
    (
      InterpreterSpecification(name: "smooth-grad", samples: 2, sigma: 0), 1, [0.1, 0.3, 0.3, 0.3]
    ),
    (
      InterpreterSpecification(name: "smooth-grad-t", layer: "conv", samples: 2, sigma: 0), 1,
      [0, 1, 1, 1]
    ),
    (
      InterpreterSpecification(name: "uni-grad", samples: 2, radius: 0, standardDeviation: [1]), 1,
      [0.1, 0.3, 0.3, 0.3]
    ),
    // Halfway the second channel is on only at the last pixel: gradients −¼ and ¾ alternate.
    (InterpreterSpecification(name: "integrated-gradients", steps: 2), 1, [-0.25, 0.5, 0.75, 3]),
    // From `relu` on the network is linear and A′ = 0: all three are (2·A₂ − A₁)/4. At the input
    // DeepLIFT gives the second channel A₂/2x in place of its derivative.
    (
      InterpreterSpecification(name: "integrated-gradients-t", layer: "relu", steps: 2), 1,
      [-0.25, 0, 0.75, 1.5]
    ),
    (InterpreterSpecification(name: "deep-lift"), 1, [-0.25, 0, 0.75, 1.5]),
    (InterpreterSpecification(name: "deep-lift-t", layer: "relu"), 1, [-0.25, 0, 0.75, 1.5]),
    // Grad-CAM over its sum is 0, 0, 1/3, 2/3; DeepLIFT without what is negative the same.
    (
      InterpreterSpecification(
        name: "aggregate",
        of: [
          InterpreterSpecification(name: "simple-grad"),
          InterpreterSpecification(name: "grad-cam", layer: "relu"),
          InterpreterSpecification(name: "deep-lift"),
        ]), 1, [0.1 / 3, 0.3 / 3, (0.3 + 2.0 / 3) / 3, (0.3 + 4.0 / 3) / 3]
    ),
  ]

  @Test(arguments: literals)
  func matchesHandComputation(
    specification: InterpreterSpecification, label: Int, expected: [Double]
  ) throws {
    let setting = try Setting(try ByHand.architecture(), specification)
    let program = setting.graph.graph(outputs: [setting.heatmap])
    try program.verify()
    let heatmap = try ReferenceEvaluator.evaluate(
      program,
      placeholders: ["images": ByHand.image, "classes": oneHot(label, of: 2)],
      parameters: ByHand.parameters)[0]
    #expect(heatmap.shape == [1, 2, 2])
    for (value, expected) in zip(heatmap.values, expected) {
      // The published stabiliser 1e-8 stands beside maxima of 0.25 to 1.5.
      #expect(abs(value - expected) < 1e-7)
    }
  }

  @Test func everyInterpreterHasALiteral() {
    #expect(Set(InterpreterKind.all.map(\.name)) == Set(Self.literals.map(\.0.name)))
  }

  /// Before a global average pool α_k is the classifier's weight over the number of pixels (Zhou et
  /// al. 2016): the map is ReLU(Σ_k w_ck A_k) over its maximum.
  @Test func gradCAMBeforeGlobalPoolingIsCAM() throws {
    let architecture = try small(widths: [3, 4])
    let values = parameters(architecture)
    let setting = try Setting(
      architecture, InterpreterSpecification(name: "grad-cam", layer: "layer2"), batch: 2)
    let results = try ReferenceEvaluator.evaluate(
      setting.graph.graph(outputs: [
        setting.heatmap, try setting.network.activation(named: "layer2"),
      ]),
      placeholders: [
        "images": images(architecture, 2), "classes": oneHot(1, of: 3, batch: 2),
      ], parameters: values)
    let weight = values["fc.weight"]!.values
    for image in 0..<2 {
      let map = (0..<9).map { pixel in
        max(
          0,
          (0..<4).reduce(0.0) {
            $0 + weight[4 + $1] * results[1].values[(image * 9 + pixel) * 4 + $1]
          })
      }
      let peak = map.max()!
      #expect(peak > 0)
      for pixel in 0..<9 {
        #expect(abs(results[0].values[image * 9 + pixel] - map[pixel] / peak) < 1e-6)
      }
    }
  }

  /// The graph knows that the gradient before a global average pool is a row of the classifier:
  /// besides the network itself only A·α has the activation's size.
  @Test func gradCAMBeforeGlobalPoolingNeedsNoGradientOfTheActivationsSize() throws {
    let architecture = try small(widths: [3, 4])
    let setting = try Setting(
      architecture, InterpreterSpecification(name: "grad-cam", layer: "layer2"))
    let size = try setting.network.activation(named: "layer2").shape
    func count(_ outputs: [Value]) -> Int {
      setting.graph.graph(outputs: outputs).nodes.filter {
        $0.shape == size && !($0.operation is Broadcast)
      }.count
    }
    #expect(
      count([setting.network.logits, setting.heatmap]) == count([setting.network.logits]) + 1)
  }

  @Test func inputTimesGradientSumsToTheLogitWithoutBiases() throws {
    let architecture = try ByHand.architecture()
    let setting = try Setting(architecture, InterpreterSpecification(name: "input-x-gradient"))
    var values = ByHand.parameters
    values["conv.bias"] = ReferenceArray(repeating: 0, shape: [2])
    let results = try ReferenceEvaluator.evaluate(
      setting.graph.graph(outputs: [setting.heatmap, setting.network.logits]),
      placeholders: ["images": ByHand.image, "classes": oneHot(1, of: 2)], parameters: values)
    #expect(abs(results[0].values.reduce(0, +) - results[1].values[1]) < 1e-12)
    #expect(results[1].values[1] != 0)
  }

  // MARK: Derivatives

  private func small(widths: [Int]) throws -> Architecture {
    try ArchitectureSpecification(
      family: "resnet-style", classes: 3, height: 6, width: 6, channels: 2, widths: widths,
      blocks: [Int](repeating: 1, count: widths.count)
    ).architecture()
  }

  private func numbers(_ count: Int, seed: UInt64) -> [Double] {
    var state = seed
    return (0..<count).map { _ in
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Double(state >> 11) * 0x1p-52 - 1
    }
  }

  private func images(_ architecture: Architecture, _ batch: Int) -> ReferenceArray {
    let shape = Shape([batch] + architecture.inputShape.dimensions)
    return ReferenceArray(shape: shape, values: numbers(shape.count, seed: 5))
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

  static let differentiated = [
    InterpreterSpecification(name: "grad-cam", layer: "layer2"),
    InterpreterSpecification(name: "grad-cam", layer: "layer1.0.relu1"),
    InterpreterSpecification(name: "grad-cam", layer: "conv1"),
    InterpreterSpecification(name: "simple-grad"),
    InterpreterSpecification(name: "simple-grad", channels: .max),
    InterpreterSpecification(name: "simple-grad-t", layer: "layer1"),
    InterpreterSpecification(name: "input-x-gradient"),
    InterpreterSpecification(name: "lrp"),
    InterpreterSpecification(name: "lrp", batchNorm: .merged),
    InterpreterSpecification(name: "lrp-t", layer: "layer1.0.relu1"),
    InterpreterSpecification(name: "lrp-t", layer: "layer1", batchNorm: .merged),
    InterpreterSpecification(
      name: "lrp",
      composite: RelevanceComposite([
        .init(.convolution, .wSquare(epsilon: 1e-6), position: .first),
        .init(.convolution, .gamma(0.25, epsilon: 1e-2)),
        .init(.dense, .alphaBeta(alpha: 2, beta: 1, epsilon: 1e-2)),
        .init(.add, .share(epsilon: 0.1)), .init(.globalAveragePool, .share(epsilon: 0.1)),
      ]), batchNorm: .merged),
    InterpreterSpecification(
      name: "smooth-grad", samples: 2, sigmaUnit: .range, channels: .max),
    InterpreterSpecification(name: "smooth-grad-t", layer: "layer1", samples: 2),
    InterpreterSpecification(name: "uni-grad", samples: 2, standardDeviation: [0.2, 0.3]),
    InterpreterSpecification(name: "integrated-gradients", steps: 3),
    InterpreterSpecification(name: "integrated-gradients-t", layer: "layer1", steps: 3),
    InterpreterSpecification(name: "deep-lift"),
    InterpreterSpecification(name: "deep-lift-t", layer: "layer1.0.relu1"),
    InterpreterSpecification(
      name: "aggregate",
      of: [
        InterpreterSpecification(name: "grad-cam", layer: "layer1"),
        InterpreterSpecification(name: "simple-grad-t", layer: "layer1"),
        InterpreterSpecification(name: "input-x-gradient"),
      ]),
  ]

  /// Σ (h − ½)² differentiated through the heatmap: the gradient of a gradient.
  @Test(arguments: differentiated)
  func lossOfTheHeatmapMatchesFiniteDifferences(specification: InterpreterSpecification) throws {
    let architecture = try small(widths: [3, 4])
    var setting = try Setting(architecture, specification)
    let values = parameters(architecture)
    let placeholders = ["images": images(architecture, 1), "classes": oneHot(2, of: 3)]
    let loss = try setting.graph.sum(
      setting.graph.square(setting.graph.add(setting.heatmap, -0.5)))
    let variables = architecture.parameters.filter(\.isTrainable)
    let gradients = try setting.graph.gradient(
      of: loss, with: variables.map { setting.network.parameters[$0.name]! })
    let results = try ReferenceEvaluator.evaluate(
      setting.graph.graph(outputs: gradients), placeholders: placeholders, parameters: values)
    let program = setting.graph.graph(outputs: [loss])
    var largest = 0.0
    for (index, parameter) in variables.enumerated() {
      let direction = ReferenceArray(
        shape: parameter.shape, values: numbers(parameter.shape.count, seed: UInt64(900 + index)))
      // Small enough that no ReLU changes sides.
      let slope = try FiniteDifferences.directional(
        program, along: [.parameter(parameter.name): direction], placeholders: placeholders,
        parameters: values, step: 1e-6)[0].values[0]
      let exact = zip(results[index].values, direction.values).reduce(0) { $0 + $1.0 * $1.1 }
      largest = max(largest, abs(exact))
      // Rounding over the step: 1e-16 / 1e-6, times losses of order 1 to 100.
      #expect(abs(exact - slope) < 1e-6 * max(1, abs(slope)), "\(parameter.name)")
    }
    #expect(largest > 1e-3, "a gradient that vanishes proves nothing")
  }

  /// With all weights of the classifier zero every map is degenerate: all 0, and so finite.
  @Test(arguments: differentiated)
  func degenerateHeatmapsAndTheirGradientsAreFinite(
    specification: InterpreterSpecification
  ) throws {
    let architecture = try small(widths: [3, 4])
    var setting = try Setting(architecture, specification)
    var values = parameters(architecture)
    values["fc.weight"] = ReferenceArray(repeating: 0, shape: [3, 4])
    let loss = try setting.graph.sum(
      setting.graph.square(setting.graph.add(setting.heatmap, -0.5)))
    let variables = architecture.parameters.filter(\.isTrainable)
    let gradients = try setting.graph.gradient(
      of: loss, with: variables.map { setting.network.parameters[$0.name]! })
    let results = try ReferenceEvaluator.evaluate(
      setting.graph.graph(outputs: [setting.heatmap] + gradients),
      placeholders: ["images": images(architecture, 1), "classes": oneHot(2, of: 3)],
      parameters: values)
    #expect(results[0].values.allSatisfy { $0 == 0 })
    #expect(results.allSatisfy { $0.values.allSatisfy(\.isFinite) })
  }

  /// max_ch |∂logit/∂x| over its sum, by two noiseless samples as well.
  @Test(arguments: [
    InterpreterSpecification(name: "simple-grad", channels: .max),
    InterpreterSpecification(name: "smooth-grad", samples: 2, sigma: 0, channels: .max),
    InterpreterSpecification(
      name: "uni-grad", samples: 2, radius: 0, standardDeviation: [1, 1], channels: .max),
  ])
  func largestChannelCounts(specification: InterpreterSpecification) throws {
    let architecture = try small(widths: [3, 4])
    var setting = try Setting(architecture, specification)
    let score = try setting.graph.sum(
      setting.graph.multiply(setting.network.logits, setting.classes))
    let gradient = try setting.graph.gradient(of: score, with: [setting.network.input])[0]
    let results = try ReferenceEvaluator.evaluate(
      setting.graph.graph(outputs: [setting.heatmap, gradient]),
      placeholders: ["images": images(architecture, 1), "classes": oneHot(2, of: 3)],
      parameters: parameters(architecture))
    let magnitudes = results[1].values.map(abs)
    let largest = (0..<magnitudes.count / 2).map { max(magnitudes[2 * $0], magnitudes[2 * $0 + 1]) }
    let total = largest.reduce(0, +)
    #expect(total > 1e-3)
    for (own, expected) in zip(results[0].values, largest) {
      #expect(abs(own - expected / total) < 1e-9)
    }
  }

  // MARK: Errors

  private func message(_ body: () throws -> Void) -> String {
    do { try body() } catch { return "\(error)" }
    return "no error"
  }

  @Test func wrongTargetLayersAreErrors() throws {
    let architecture = try small(widths: [3, 4])
    func attempt(_ name: String, _ layer: String?) -> String {
      message {
        _ = try Setting(architecture, InterpreterSpecification(name: name, layer: layer))
      }
    }
    #expect(
      attempt("grad-cam", "layer3").hasPrefix(
        "resnet-style has no layer \"layer3\": did you mean \"layer1\"?"))
    #expect(
      attempt("grad-cam", "flatten").hasPrefix(
        "grad-cam: layer flatten gives [1, 4], a heatmap needs [N, height, width, channels]"))
    #expect(attempt("simple-grad-t", nil).hasPrefix("simple-grad-t needs \"layer\""))
    #expect(
      attempt("simple-grad", "layer1")
        == "simple-grad explains at the input and takes no layer (\"layer1\" given)")
    #expect(
      attempt("gradcam", "layer1").hasPrefix(
        "unknown interpreter \"gradcam\": did you mean \"grad-cam\"?"))
  }

  @Test func classesOfAnotherShapeAreAnError() throws {
    var setting = try Setting(
      try ByHand.architecture(), InterpreterSpecification(name: "simple-grad"))
    let classes = try setting.graph.placeholder("others", shape: [1, 3])
    let network = setting.network
    #expect(
      message {
        _ = try SimpleGrad().heatmap(of: network, classes: classes, in: &setting.graph)
      } == "by hand: classes [1, 3], expected one-hot rows [1, 2]")
  }

  @Test func specificationIsStrictJSON() throws {
    let specification = InterpreterSpecification(name: "grad-cam", layer: "layer4")
    let decoded = try JSONDecoder().decode(
      InterpreterSpecification.self, from: JSONEncoder().encode(specification))
    #expect(decoded == specification)
    #expect(
      message {
        _ = try JSONDecoder().decode(
          InterpreterSpecification.self, from: Data(#"{"name": "grad-cam", "layr": "x"}"#.utf8))
      }.hasPrefix("interpreter: unknown key \"layr\": did you mean \"layer\"?"))
  }
}
