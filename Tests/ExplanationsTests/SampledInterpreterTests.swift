import Explanations
import Foundation
import Networks
import TensorGraph
import TensorReference
import Testing

@Suite struct SampledInterpreterTests {
  /// A residual network with batch norm, on two images.
  private struct Setting {
    let architecture: Architecture
    let values: [String: ReferenceArray]
    let images: ReferenceArray
    let classes = ReferenceArray(shape: [2, 3], values: [0, 0, 1, 0, 1, 0])

    init() throws {
      architecture = try ArchitectureSpecification(
        family: "resnet-style", classes: 3, height: 6, width: 6, channels: 2, widths: [3, 4],
        blocks: [1, 1]
      ).architecture()
      var numbers = Numbers(state: 17)
      var values: [String: ReferenceArray] = [:]
      for parameter in architecture.parameters {
        var array = numbers.array(parameter.shape)
        if parameter.role == .gamma || parameter.role == .runningVariance {
          array.values = array.values.map { 1 + 0.5 * $0 }
        }
        values[parameter.name] = array
      }
      self.values = values
      images = numbers.array([2, 6, 6, 2])
    }

    /// Outputs of a graph over the network.
    func evaluate(
      keeping: Set<String> = [], images: ReferenceArray? = nil,
      with further: [String: ReferenceArray] = [:],
      _ outputs: (NetworkGraph, Value, inout GraphBuilder) throws -> [Value]
    ) throws -> [ReferenceArray] {
      let images = images ?? self.images
      var graph = GraphBuilder()
      let input = try graph.placeholder("images", shape: images.shape)
      let network = try NetworkGraph(architecture, input: input, keeping: keeping, in: &graph)
      let marks = try graph.placeholder("classes", shape: network.logits.shape)
      let results = try outputs(network, marks, &graph)
      let rows = images.shape[0]
      return try ReferenceEvaluator.evaluate(
        graph.graph(outputs: results),
        placeholders: [
          "images": images,
          "classes": ReferenceArray(
            shape: [rows, 3], values: Array(classes.values.prefix(3 * rows))),
        ].merging(further) { $1 }, parameters: values)
    }

    func heatmap(_ interpreter: any Interpreter, images: ReferenceArray? = nil) throws
      -> ReferenceArray
    {
      try evaluate(keeping: interpreter.keptActivations, images: images) {
        [try interpreter.heatmap(of: $0, classes: $1, in: &$2)]
      }[0]
    }
  }

  private func difference(_ a: ReferenceArray, _ b: ReferenceArray) -> Double {
    guard a.shape == b.shape else { return .infinity }
    return zip(a.values, b.values).map { abs($0 - $1) }.max() ?? 0
  }

  static let sampled: [InterpreterSpecification] = [
    InterpreterSpecification(name: "smooth-grad", samples: 3, sigma: 0.2, seed: 5),
    InterpreterSpecification(name: "smooth-grad", samples: 3, sigma: 0.2, sigmaUnit: .range),
    InterpreterSpecification(name: "smooth-grad-t", layer: "layer1", samples: 3),
    InterpreterSpecification(
      name: "uni-grad", samples: 3, radius: 0.05, standardDeviation: [0.2, 0.3]),
    InterpreterSpecification(name: "integrated-gradients", steps: 4),
    InterpreterSpecification(name: "integrated-gradients-t", layer: "layer1", steps: 4),
  ]

  /// Sample by sample through placeholders gives what all samples in one graph give.
  @Test(arguments: sampled)
  func chunksAddUpToTheHeatmap(specification: InterpreterSpecification) throws {
    let setting = try Setting()
    let interpreter = try #require(specification.interpreter() as? any SampledInterpreter)
    let whole = try setting.heatmap(interpreter)
    var mean: ReferenceArray?
    for index in 0..<interpreter.sampleCount {
      let variation = ReferenceArray(
        interpreter.variations(sample: index, images: [0, 1], of: setting.architecture))
      let sample = try setting.evaluate(
        keeping: interpreter.keptActivations, with: ["variation": variation]
      ) { network, classes, graph in
        let placeholder = try graph.placeholder("variation", shape: variation.shape)
        return [
          try interpreter.sample(
            of: network, classes: classes, variation: placeholder, in: &graph)
        ]
      }[0]
      var sum = mean ?? ReferenceArray(repeating: 0, shape: sample.shape)
      for position in sum.values.indices {
        sum.values[position] += sample.values[position] / Double(interpreter.sampleCount)
      }
      mean = sum
    }
    let total = try #require(mean)
    let combined = try setting.evaluate(
      keeping: interpreter.keptActivations, with: ["mean": total]
    ) { network, classes, graph in
      let placeholder = try graph.placeholder("mean", shape: total.shape)
      return [
        try interpreter.combine(mean: placeholder, of: network, classes: classes, in: &graph)
      ]
    }[0]
    #expect(difference(whole, combined) < 1e-12)
    #expect(whole.values.contains { abs($0) > 1e-3 })
  }

  /// SmoothGrad is the mean of SimpleGrad over the noisy images themselves.
  @Test(arguments: [SmoothGrad.SigmaUnit.absolute, .range])
  func smoothGradIsTheMeanOverNoisyImages(unit: SmoothGrad.SigmaUnit) throws {
    let setting = try Setting()
    let interpreter = SmoothGrad(samples: 2, sigma: 0.3, unit: unit, seed: 9)
    let expected = try (0..<2).map { sample -> ReferenceArray in
      var noisy = setting.images
      let noise = interpreter.variations(
        sample: sample, images: [0, 1], of: setting.architecture)
      for image in 0..<2 {
        let pixels = image * 72..<(image + 1) * 72
        let original = setting.images.values[pixels]
        let scale = unit == .range ? original.max()! - original.min()! : 1
        for position in pixels {
          noisy.values[position] += 0.3 * scale * Double(noise.values[position])
        }
      }
      return try setting.heatmap(SimpleGrad(), images: noisy)
    }
    let mean = ReferenceArray(
      shape: expected[0].shape,
      values: zip(expected[0].values, expected[1].values).map { ($0 + $1) / 2 })
    #expect(difference(try setting.heatmap(interpreter), mean) < 1e-12)
  }

  /// Up to `radius` of the pixels' range: radius / deviation where the network reads.
  @Test func uniGradStaysInTheBall() throws {
    let setting = try Setting()
    let interpreter = UniGrad(samples: 1, radius: 0.1, standardDeviation: [0.2, 0.4], seed: 3)
    let variation = interpreter.variations(
      sample: 0, images: [0, 1], of: setting.architecture)
    #expect(variation.values.allSatisfy { abs($0) <= 1 })
    #expect(variation.values.contains { $0 > 0.9 } && variation.values.contains { $0 < -0.9 })
    var noisy = setting.images
    for position in noisy.values.indices {
      let reach = Double(Float(0.1 / (position % 2 == 0 ? 0.2 : 0.4)))
      noisy.values[position] += reach * Double(variation.values[position])
    }
    let expected = try setting.heatmap(SimpleGrad(), images: noisy)
    #expect(difference(try setting.heatmap(interpreter), expected) < 1e-12)
  }

  /// Noise depends on seed, image and sample and on nothing else.
  @Test func noiseIsAFunctionOfSeedImageAndSample() throws {
    let architecture = try Setting().architecture
    let (a, b) = (SmoothGrad(seed: 1), SmoothGrad(seed: 2))
    let first = a.variation(sample: 3, image: 7, of: architecture)
    #expect(first == a.variation(sample: 3, image: 7, of: architecture))
    #expect(first != a.variation(sample: 7, image: 3, of: architecture))
    #expect(first != a.variation(sample: 3, image: 8, of: architecture))
    #expect(first != b.variation(sample: 3, image: 7, of: architecture))
    let batch = a.variations(sample: 3, images: [5, 7], of: architecture)
    #expect(Array(batch.values.suffix(first.values.count)) == first.values)
    // Mean 0 and variance 1 up to four standard errors of 72 · 40 numbers.
    let many = (0..<40).flatMap { a.variation(sample: $0, image: 0, of: architecture).values }
    let mean = many.reduce(0, +) / Float(many.count)
    let variance = many.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Float(many.count)
    #expect(abs(mean) < 0.075 && abs(variance - 1) < 0.11)
  }

  // MARK: Completeness

  /// Σ h tends to logit(x) − logit(0); with ReLUs the error is of order 1/steps.
  @Test(arguments: [nil, "layer1"])
  func integratedGradientsAreComplete(layer: String?) throws {
    let setting = try Setting()
    let interpreter: any Interpreter =
      layer.map { IntegratedGradientsAtLayer(layer: $0, steps: 200) }
      ?? IntegratedGradients(steps: 200)
    try expectCompleteness(interpreter, setting, tolerance: 0.02)
  }

  /// DeepLIFT is complete exactly.
  @Test(arguments: [nil, "layer1", "layer2"])
  func deepLIFTIsComplete(layer: String?) throws {
    let setting = try Setting()
    let interpreter: any Interpreter = layer.map { DeepLIFTAtLayer(layer: $0) } ?? DeepLIFT()
    try expectCompleteness(interpreter, setting, tolerance: 1e-9)
  }

  private func expectCompleteness(
    _ interpreter: any Interpreter, _ setting: Setting, tolerance: Double
  ) throws {
    let results = try setting.evaluate(keeping: interpreter.keptActivations) {
      network, classes, graph in
      [
        try graph.sum(
          interpreter.heatmap(of: network, classes: classes, in: &graph), axes: [1, 2]),
        try graph.sum(graph.multiply(network.logits, classes), axes: [1]),
      ]
    }
    let zero = try setting.evaluate(
      images: ReferenceArray(repeating: 0, shape: setting.images.shape)
    ) { network, classes, graph in
      [try graph.sum(graph.multiply(network.logits, classes), axes: [1])]
    }[0]
    for image in 0..<2 {
      let expected = results[1].values[image] - zero.values[image]
      #expect(abs(results[0].values[image] - expected) < tolerance * max(1, abs(expected)))
      #expect(abs(expected) > 1e-3)
    }
  }

  /// Overlapping max pooling by hand. x = (3, 1, −2, 4) and x′ = 0 under windows of two: y = (3, 1, 4),
  /// y′ = 0, so with weights (1, 10, 100) the winners 0, 1 and 3 get 1, 10 and 100. For −x the winners
  /// of the image shrink nothing and those of the baseline (the first of equals) take what is lost:
  /// y = (−1, 2, 2).
  @Test(arguments: [(1.0, [3.0, 10, 0, 400]), (-1.0, [-1, 0, 220, 0])])
  func deepLIFTThroughOverlappingMaxPooling(sign: Double, expected: [Double]) throws {
    let architecture = try Architecture(
      name: "pool", inputShape: [1, 4, 1], classes: 1,
      nodes: [
        LayerNode(name: "pool", layer: .maxPool(Window2D(height: 1, width: 2)), inputs: ["input"]),
        LayerNode(name: "flat", layer: .flatten, inputs: ["pool"]),
        LayerNode(
          name: "fc", layer: .dense(DenseLayer(inputs: 3, outputs: 1, hasBias: false)),
          inputs: ["flat"]),
      ])
    var graph = GraphBuilder()
    let input = try graph.placeholder("images", shape: [1, 1, 4, 1])
    let network = try NetworkGraph(architecture, input: input, in: &graph)
    let heatmap = try DeepLIFT().heatmap(
      of: network, classes: graph.constant(1, shape: [1, 1]), in: &graph)
    let result = try ReferenceEvaluator.evaluate(
      graph.graph(outputs: [heatmap]),
      placeholders: [
        "images": ReferenceArray(
          shape: input.shape, values: [3, 1, -2, 4].map { sign * $0 })
      ],
      parameters: ["fc.weight": ReferenceArray(shape: [1, 3], values: [1, 10, 100])])[0]
    for (value, expected) in zip(result.values, expected) { #expect(abs(value - expected) < 1e-12) }
  }

  // MARK: Options

  @Test func optionsAreStrictJSON() throws {
    let specification = InterpreterSpecification(
      name: "smooth-grad", samples: 8, sigma: 0.15, sigmaUnit: .range, seed: 4)
    let again = try JSONDecoder().decode(
      InterpreterSpecification.self, from: JSONEncoder().encode(specification))
    #expect(again == specification)
    let interpreter = try #require(try specification.interpreter() as? SmoothGrad)
    #expect(interpreter.sampleCount == 8 && interpreter.sigma == 0.15)
    #expect(interpreter.unit == .range && interpreter.seed == 4)
  }

  @Test(
    arguments: [
      (#"{"name": "smooth-grad", "samples": 0}"#, "smooth-grad: samples is 0, expected 1 to 10000"),
      (
        #"{"name": "smooth-grad", "sigma": -1}"#,
        "smooth-grad: sigma is -1.0, expected 0.0 to 100.0"
      ),
      (
        #"{"name": "smooth-grad", "sigmaUnit": "share"}"#,
        "interpreter: unknown sigmaUnit \"share\": did you mean \"range\"?"
      ),
      (#"{"name": "uni-grad", "radius": 4}"#, "uni-grad: radius is 4.0, expected 0.0 to 1.0"),
      (
        #"{"name": "uni-grad", "standardDeviation": [0.2, 0]}"#,
        "uni-grad: standardDeviation is [0.2, 0.0], expected a positive number for each channel"
      ),
      (
        #"{"name": "integrated-gradients", "steps": 20000}"#,
        "integrated-gradients: steps is 20000, expected 1 to 10000"
      ),
      (
        #"{"name": "integrated-gradients", "samples": 3}"#,
        "integrated-gradients takes no \"samples\"; its options: projected, steps"
      ),
      (#"{"name": "deep-lift", "seed": 3}"#, "deep-lift takes no \"seed\""),
    ])
  func wrongOptionsAreErrors(text: String, expected: String) {
    let error = message {
      _ = try JSONDecoder().decode(InterpreterSpecification.self, from: Data(text.utf8))
        .interpreter()
    }
    #expect(error.hasPrefix(expected), "\(error)")
  }

  @Test func deviationsForOtherChannelsAreAnError() throws {
    let setting = try Setting()
    #expect(
      message { _ = try setting.heatmap(UniGrad()) }.hasPrefix(
        "uni-grad: 3 standard deviations for images [2, 6, 6, 2] with 2 channels"))
  }
}
