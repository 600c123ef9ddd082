import Explanations
import ImageData
import Manipulation
import Networks
import RunTestSupport
import TensorGraph
import TensorReference
import TensorRuntime
import Testing

/// Reproducible numbers in [−1, 1].
private func numbers(_ count: Int, seed: UInt64) -> [Double] {
  var state = seed
  return (0..<count).map { _ in
    state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    return Double(state >> 11) * 0x1p-52 - 1
  }
}

/// A residual network with batch norms that do something, and a batch for it.
private struct Setting {
  static let batchSize = 3
  static let classes = 4
  static let side = 12
  let network: LoadedNetwork
  let images: [Float]
  let composites: [Float]
  let labels: [Int32] = [2, 0, 3]

  init() throws {
    let section = NetworkSection(
      architecture: ArchitectureSpecification(
        family: "resnet-style", classes: Self.classes, height: Self.side, width: Self.side,
        widths: [4, 6], blocks: [1, 1]))
    network = try LoadedNetwork(section) { _ in ImageSize(width: Self.side, height: Self.side) }
    for (index, parameter) in network.architecture.parameters.enumerated() {
      let isFactor = parameter.role == .gamma || parameter.role == .runningVariance
      let values = numbers(parameter.shape.count, seed: UInt64(100 + index)).map {
        Float(0.5 * $0 + (isFactor ? 1 : 0))
      }
      network.parameters[parameter.name] = Tensor(shape: parameter.shape, values: values)
    }
    let count = Self.batchSize * Self.side * Self.side * 3
    images = numbers(count, seed: 5).map { Float($0) }
    composites = numbers(count, seed: 6).map { Float($0) }
  }

  var trained: [NetworkParameter] { network.architecture.parameters.filter(\.isTrainable) }

  func program(
    _ interpreter: any Interpreter, _ fooling: any Fooling, atOnce: Int?, lambda: Double = 3
  ) throws -> TrainingProgram {
    try TrainingProgram.fooling(
      network, interpreters: [interpreter], fooling: fooling, lambda: lambda,
      batchSize: Self.batchSize, samplesAtOnce: atOnce)
  }

  /// Values for everything but samples.
  func inputs(_ fooling: any Fooling, heatmap size: (Int, Int)) -> [String: ProgramInput] {
    var inputs: [String: ProgramInput] = [
      TrainingProgram.images: .floats(images), TrainingProgram.labels: .indices(labels),
      TrainingProgram.composites: .floats(composites),
    ]
    if let shape = fooling.referenceShape(height: size.0, width: size.1) {
      inputs[TrainingProgram.reference()] = .floats(
        numbers(Self.batchSize * shape.count, seed: 8).map { Float(0.5 + 0.5 * $0) })
    }
    return inputs
  }
}

/// ‖a − b‖ / ‖b‖
private func relativeDifference(_ a: [Float], _ b: [Float]) -> Double {
  guard a.count == b.count else { return .infinity }
  let difference = zip(a, b).reduce(0.0) { $0 + Double(($1.0 - $1.1) * ($1.0 - $1.1)) }
  let scale = b.reduce(0.0) { $0 + Double($1 * $1) }
  return scale == 0 ? difference.squareRoot() : (difference / scale).squareRoot()
}

@Suite struct SampledProgramTests {
  /// Five samples: chunks of three leave a place over in the second.
  static let specifications = [
    InterpreterSpecification(name: "smooth-grad", samples: 5, sigma: 0.2, sigmaUnit: .range),
    InterpreterSpecification(name: "smooth-grad-t", layer: "layer1", samples: 5, seed: 4),
    InterpreterSpecification(name: "uni-grad", samples: 5, radius: 0.05),
    InterpreterSpecification(name: "integrated-gradients", steps: 5),
    InterpreterSpecification(name: "integrated-gradients-t", layer: "layer1", steps: 5),
  ]

  @Test func everySampledInterpreterIsHere() throws {
    // Whose parts are none of them.
    let sampled = try InterpreterKind.all.filter { $0.name != "aggregate" }.filter { kind in
      let layer = kind.place == .targetLayer ? "layer1" : nil
      return try InterpreterSpecification(name: kind.name, layer: layer).interpreter()
        is any SampledInterpreter
    }
    #expect(Set(Self.specifications.map(\.name)) == Set(sampled.map(\.name)))
  }

  // MARK: Evaluation

  @Test(arguments: specifications, [nil, 1, 3, 5])
  func chunkedEvaluationIsTheHeatmap(
    specification: InterpreterSpecification, atOnce: Int?
  ) throws {
    let setting = try Setting()
    let interpreter = try specification.interpreter()
    var graph = GraphBuilder()
    let x = try graph.placeholder(
      "images", shape: [Setting.batchSize, Setting.side, Setting.side, 3])
    let labels = try graph.placeholder("labels", shape: [Setting.batchSize], type: .int32)
    let lowered = try NetworkGraph(
      setting.network.architecture, input: x, keeping: interpreter.keptActivations, in: &graph)
    let classes = try graph.oneHot(labels, depth: Setting.classes)
    let heatmap = try interpreter.heatmap(of: lowered, classes: classes, in: &graph)
    let unrolled = try Executable(
      graph.graph(outputs: [heatmap, lowered.logits]), parameters: setting.network.parameters)
    try unrolled.run(["images": .floats(setting.images), "labels": .indices(setting.labels)])

    // Beside an interpreter without samples, whose heatmaps come from another program.
    let program = try EvaluationProgram(
      setting.network,
      interpreters: [("other", SimpleGrad()), ("sampled", interpreter)],
      batchSize: Setting.batchSize, samplesAtOnce: atOnce)
    try program.run(images: setting.images, labels: setting.labels)
    let maps = program.heatmaps(1, count: Setting.batchSize).flatMap(\.values)
    let expected = unrolled.output(0)
    // Roundings of five sums.
    #expect(relativeDifference(maps, expected.values) < 2e-6)
    #expect(expected.values.contains { abs($0) > 1e-3 })
    #expect(program.heatmapSizes[1] == (expected.shape[1], expected.shape[2]))
    #expect(relativeDifference(program.logits.values, unrolled.output(1).values) < 1e-6)
    // A second batch does not add to the first.
    try program.run(images: setting.images, labels: setting.labels)
    #expect(program.heatmaps(1, count: Setting.batchSize).flatMap(\.values) == maps)
  }

  /// Wherever in a batch an image stands, its position in the data set decides on its noise.
  @Test func noiseBelongsToTheImage() throws {
    let setting = try Setting()
    let program = try EvaluationProgram(
      setting.network, interpreters: [("smooth-grad", SmoothGrad(samples: 2, sigma: 0.5))],
      batchSize: Setting.batchSize)
    func maps(_ rows: [Int], _ identities: [Int]?) throws -> [[Float]] {
      let pixels = setting.images.count / Setting.batchSize
      var images = rows.flatMap { setting.images[$0 * pixels..<($0 + 1) * pixels] }
      images += repeatElement(0, count: setting.images.count - images.count)
      var labels = rows.map { setting.labels[$0] }
      labels += repeatElement(0, count: Setting.batchSize - labels.count)
      try program.run(images: images, labels: labels, identities: identities)
      return program.heatmaps(0, count: rows.count).map(\.values)
    }
    let inOrder = try maps([0, 1, 2], [17, 4, 90])
    let turned = try maps([2, 0, 1], [90, 17, 4])
    #expect(relativeDifference(turned[0], inOrder[2]) < 1e-6)
    #expect(relativeDifference(turned[1], inOrder[0]) < 1e-6)
    let last = try maps([1], [4])
    #expect(relativeDifference(last[0], inOrder[1]) < 1e-6)
    #expect(relativeDifference(try maps([1], [5])[0], inOrder[1]) > 1e-3)
  }

  // MARK: Training

  static let foolings: [any Fooling] = [
    Location(), TopK(percent: 30), ActiveSwap(first: 1, second: 3),
  ]

  @Test(arguments: specifications, foolings.indices)
  func chunkedGradientsAreThoseOfTheUnrolledProgram(
    specification: InterpreterSpecification, index: Int
  ) throws {
    let setting = try Setting()
    let (interpreter, fooling) = (try specification.interpreter(), Self.foolings[index])
    let size = try EvaluationProgram(
      setting.network, interpreters: [("it", interpreter)], batchSize: 1
    ).heatmapSizes[0]
    let inputs = setting.inputs(fooling, heatmap: size)
    let unrolled = try setting.program(interpreter, fooling, atOnce: 5)
    try unrolled.run(inputs, seed: 3, step: 11)
    for atOnce in index == 0 ? [1, 3] : [3] {
      let chunked = try setting.program(interpreter, fooling, atOnce: atOnce)
      try chunked.run(inputs, seed: 9, step: 2)
      try chunked.run(inputs, seed: 3, step: 11)
      let (loss, expectedLoss) = (chunked.losses.total, unrolled.losses.total)
      #expect(abs(loss - expectedLoss) < 1e-5 * expectedLoss)
      let (penalty, expected) = (chunked.losses.penalty!, unrolled.losses.penalty!)
      #expect(abs(penalty - expected) < 1e-5 * abs(expected))
      for parameter in setting.trained {
        let error = try relativeDifference(
          chunked.gradient(of: parameter.name).values,
          unrolled.gradient(of: parameter.name).values)
        // Sums of single precision in another order, some of which nearly cancel.
        #expect(error < 1e-4, "\(parameter.name)")
      }
    }
  }

  /// The chunked program in single precision against finite differences of the loss in double.
  @Test(arguments: specifications)
  func chunkedGradientsMatchFiniteDifferences(specification: InterpreterSpecification) throws {
    let setting = try Setting()
    let interpreter = try #require(specification.interpreter() as? any SampledInterpreter)
    let (fooling, lambda) = (Location(), 3.0)
    let program = try setting.program(interpreter, fooling, atOnce: 3, lambda: lambda)
    try program.run(setting.inputs(fooling, heatmap: (1, 1)), seed: 1, step: 5)

    var graph = GraphBuilder()
    let shape: Shape = [Setting.batchSize, Setting.side, Setting.side, 3]
    let x = try graph.placeholder("images", shape: shape)
    let lowered = try NetworkGraph(
      setting.network.architecture, input: x, keeping: interpreter.keptActivations, in: &graph)
    var rows = [Float](repeating: 0, count: Setting.batchSize * Setting.classes)
    for (row, label) in setting.labels.enumerated() { rows[row * Setting.classes + Int(label)] = 1 }
    let classes = try graph.constant(Tensor(shape: lowered.logits.shape, values: rows))
    let identities = TrainingProgram.noiseIdentities(
      seed: 1, step: 5, count: Setting.batchSize)
    var total: Value?
    for sample in 0..<interpreter.sampleCount {
      let variation = try graph.constant(
        interpreter.variations(
          sample: sample, images: identities, of: setting.network.architecture))
      let one = try interpreter.sample(
        of: lowered, classes: classes, variation: variation, in: &graph)
      total = try total.map { try graph.add($0, one) } ?? one
    }
    let heatmap = try interpreter.combine(
      mean: graph.multiply(total!, 1 / Double(interpreter.sampleCount)), of: lowered,
      classes: classes, in: &graph)
    let size = ImageSize(width: heatmap.shape[2], height: heatmap.shape[1])
    let test = FoolingTest(
      fooling, interpreters: [(interpreter.range, size)], grid: .fooled)
    let compared = try test.comparisons[0](heatmap, in: &graph)
    let penalty = try fooling.penalty(of: [compared], reference: nil, in: &graph)
    let crossEntropy = try graph.crossEntropy(lowered.logits, labels: classes)
    let loss = try graph.add(crossEntropy, graph.multiply(penalty, lambda))
    let exact = graph.graph(outputs: [loss])
    let inputs = [
      "images": ReferenceArray(shape: shape, values: setting.images.map(Double.init))
    ]
    var parameters: [String: ReferenceArray] = [:]
    for name in setting.network.parameters.names {
      parameters[name] = ReferenceArray(setting.network.parameters[name])
    }
    let value = try ReferenceEvaluator.evaluate(
      exact, placeholders: inputs, parameters: parameters)[0].values[0]
    #expect(abs(program.losses.total - value) < 1e-5 * value)
    for (index, parameter) in setting.trained.enumerated() {
      let direction = numbers(parameter.shape.count, seed: UInt64(900 + index))
      let slope = try FiniteDifferences.directional(
        exact,
        along: [
          .parameter(parameter.name): ReferenceArray(shape: parameter.shape, values: direction)
        ], placeholders: inputs, parameters: parameters, step: 1e-6)[0].values[0]
      let gradient = try program.gradient(of: parameter.name).values
      let inner = zip(gradient, direction).reduce(0) { $0 + Double($1.0) * $1.1 }
      let scale = gradient.reduce(0) { $0 + Double($1 * $1) }.squareRoot()
      #expect(scale > 1e-3, "\(parameter.name): a gradient that vanishes proves nothing")
      #expect(abs(inner - slope) < 2e-4 * max(scale, 1), "\(parameter.name): \(inner) \(slope)")
    }
  }

  @Test func everyStepHasItsOwnNoise() throws {
    let setting = try Setting()
    let program = try setting.program(
      SmoothGrad(samples: 3, sigma: 0.5), Location(), atOnce: 1)
    let inputs = setting.inputs(Location(), heatmap: (1, 1))
    func penalty(seed: UInt64, step: Int) throws -> Double {
      try program.run(inputs, seed: seed, step: step)
      return program.losses.penalty!
    }
    let first = try penalty(seed: 1, step: 0)
    #expect(try penalty(seed: 1, step: 1) != first)
    #expect(try penalty(seed: 2, step: 0) != first)
    #expect(try penalty(seed: 1, step: 0) == first)
    // Rows of a batch have different noise, and none has that of an evaluation.
    let identities = (0..<50).flatMap {
      TrainingProgram.noiseIdentities(seed: 1, step: $0, count: 8)
    }
    #expect(Set(identities).count == 400)
    #expect(!identities.contains { $0 >= 0 && $0 < 1_000_000_000 })
  }

  // MARK: Memory

  @Test(arguments: [
    ("smooth-grad", 1), ("smooth-grad-t", 2), ("uni-grad", 1), ("integrated-gradients", 1),
    ("integrated-gradients-t", 4),
  ])
  func memoryDoesNotGrowWithTheNumberOfSamples(name: String, atOnce: Int) throws {
    let setting = try Setting()
    func bytes(_ count: Int, atOnce: Int?) throws -> (evaluation: Int, training: Int) {
      let layer = name.hasSuffix("-t") ? "layer1" : nil
      let interpreter = try
        (name.hasPrefix("integrated")
        ? InterpreterSpecification(name: name, layer: layer, steps: count)
        : InterpreterSpecification(name: name, layer: layer, samples: count)).interpreter()
      let evaluation = try EvaluationProgram(
        setting.network, interpreters: [(name, interpreter)], batchSize: Setting.batchSize,
        samplesAtOnce: atOnce)
      let training = try setting.program(interpreter, Location(), atOnce: atOnce)
      return (evaluation.plannedPeakBytes, training.plannedPeakBytes)
    }
    let (few, many) = (try bytes(8, atOnce: atOnce), try bytes(800, atOnce: atOnce))
    #expect(few == many)
    // Where all samples are in one program, it does.
    let unrolled = try bytes(40, atOnce: 40)
    #expect(unrolled.training > 2 * many.training)
  }

  /// If nobody asks for a number: few samples of a small network stand in one training step, of many
  /// there is one at a time.
  @Test func fewSamplesAreTrainedTogether() throws {
    let setting = try Setting()
    func bytes(_ samples: Int, _ atOnce: Int?) throws -> Int {
      try setting.program(SmoothGrad(samples: samples), Location(), atOnce: atOnce).plannedPeakBytes
    }
    let (few, many) = (try bytes(8, nil), try bytes(65, nil))
    #expect(try few == bytes(8, 8))
    #expect(try few != bytes(8, 1))
    #expect(try many == bytes(65, 1))
    #expect(try many == bytes(800, nil))
  }

  /// Integrated Gradients at a late layer share the network up to there.
  @Test func samplesThatShareWorkGoTogether() throws {
    let setting = try Setting()
    func bytes(_ interpreter: any Interpreter, _ atOnce: Int?) throws -> Int {
      try EvaluationProgram(
        setting.network, interpreters: [("it", interpreter)], batchSize: Setting.batchSize,
        samplesAtOnce: atOnce
      ).plannedPeakBytes
    }
    let late = IntegratedGradientsAtLayer(layer: "layer2", steps: 64)
    #expect(try bytes(late, nil) == bytes(late, 16))
    #expect(try bytes(late, nil) != bytes(late, 1))
    let noisy = SmoothGrad(samples: 64)
    #expect(try bytes(noisy, nil) == bytes(noisy, 1))
    #expect(try bytes(noisy, nil) != bytes(noisy, 16))
  }
}
