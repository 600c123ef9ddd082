import TensorGraph
import TensorReference
import TensorRuntime
import TensorTestSupport
import TensorXLA
import Testing

/// What the table of operations does not hold: values that are not finite, ties, whole networks, steps.
@Suite(.enabled(if: InstalledPlugins.any, InstalledPlugins.advice))
struct XLAValueTests {
  private func executor() throws -> XLAExecutor {
    try XLAExecutor(XLADevice(.cpu), plugin: InstalledPlugins.paths[0])
  }

  private func values(
    _ graph: Graph, _ placeholders: [String: ReferenceArray],
    _ given: [String: ReferenceArray] = [:], policy: ExecutionPolicy = ExecutionPolicy()
  ) throws -> [ReferenceArray] {
    let executor = try executor()
    let parameters = try executor.makeParameters(given.map { ($0.key, $0.value.shape) })
    for (name, array) in given { try parameters.upload(array.tensor, to: name) }
    let names = graph.outputs.indices.map { "y\($0)" }
    let program = try executor.compile(
      Computation(graph, outputs: names), parameters: parameters, policy: policy)
    var inputs: [String: ProgramInput] = [:]
    for (name, id) in graph.placeholders {
      let array = placeholders[name]!
      inputs[name] =
        graph.nodes[id].type == .int32
        ? .indices(array.values.map { Int32($0) }) : .floats(array.tensor.values)
    }
    try program.run(inputs)
    return try names.map { ReferenceArray(try program.output($0)) }
  }

  private func expectReference(
    _ graph: Graph, _ placeholders: [String: ReferenceArray],
    _ given: [String: ReferenceArray] = [:], within tolerance: Double
  ) throws {
    let expected = try ReferenceEvaluator.evaluate(
      graph, placeholders: placeholders, parameters: given)
    for (place, (result, expected)) in zip(try values(graph, placeholders, given), expected)
      .enumerated()
    {
      let difference = result.mismatch(to: expected, within: tolerance)
      #expect(difference == nil, "output \(place): \(difference ?? "")")
    }
  }

  private static let odd: [Double] = [
    .nan, .infinity, -.infinity, 0, -0.0, 1, -1, 1e-30, -1e30, 3,
  ]

  @Test func functionsOfWhatIsNotFiniteAreAsDefined() throws {
    var graph = GraphBuilder(simplifies: false)
    let count = Self.odd.count * Self.odd.count
    let x = try graph.placeholder("x", shape: [count])
    let y = try graph.placeholder("y", shape: [count])
    var outputs: [Value] = []
    for function in Unary.Function.allCases { outputs.append(try graph.unary(function, x)) }
    for function in Binary.Function.allCases { outputs.append(try graph.binary(function, x, y)) }
    outputs.append(try graph.select(x, y, x))
    let inputs = [
      "x": ReferenceArray(
        shape: [count], values: Self.odd.flatMap { x in Self.odd.map { _ in x } }),
      "y": ReferenceArray(shape: [count], values: Self.odd.flatMap { _ in Self.odd }),
    ].mapValues(\.roundedToFloat)
    let graphs = graph.graph(outputs: outputs)
    let expected = try ReferenceEvaluator.evaluate(graphs, placeholders: inputs)
    for (place, (result, expected)) in zip(try values(graphs, inputs), expected).enumerated() {
      // In floats, as e³⁰ and 1e30² are beyond them.
      let difference = result.mismatch(to: expected.roundedToFloat, within: 1e-6)
      #expect(
        difference == nil,
        "\(graphs.nodes[graphs.outputs[place]].operation.name): \(difference ?? "")")
    }
  }

  /// Ties go to the first, padding never wins, and NaN is found where the definition finds it.
  @Test func choicesAmongEqualsAndOddValuesAreAsDefined() throws {
    var generator = SeededGenerator(seed: 5)
    let pool: [Double] = [0, 0, 1, 1, -1, .nan, -.infinity]
    let values = (0..<2 * 5 * 6 * 2).map { _ in pool.randomElement(using: &generator)! }
    var graph = GraphBuilder()
    let x = try graph.placeholder("x", shape: [2, 5, 6, 2])
    var outputs: [Value] = []
    for window in [
      Window2D(3, stride: 2, padding: 1), Window2D(2, stride: 2), Window2D(3, padding: 1),
      Window2D(height: 2, width: 3, dilationY: 2, top: 1, left: 2, bottom: 1, right: 0),
    ] {
      outputs.append(try graph.append(MaxPoolIndex(window: window), [x]))
      outputs.append(try graph.maxPool(x, window: window))
    }
    outputs.append(try graph.argMax(x))
    outputs.append(try graph.maximum(of: x, axes: [1, 2]))
    outputs.append(try graph.minimum(of: x, axes: [3]))
    try expectReference(
      graph.graph(outputs: outputs),
      ["x": ReferenceArray(shape: [2, 5, 6, 2], values: values)], within: 0)

    var ties = GraphBuilder()
    let whole = try ties.placeholder("x", shape: [7, 50])
    let masks = try [1, 7, 49, 50].map { try ties.topKMask(whole, count: $0) }
    let place = try ties.placeholder("place", shape: [6], type: .int32)
    let hot = try ties.oneHot(place, depth: 4)
    try expectReference(
      ties.graph(outputs: masks + [hot]),
      [
        "x": .randomIntegers([7, 50], using: &generator),
        "place": ReferenceArray(shape: [6], values: [0, 3, -1, 4, 2, 1000]),
      ], within: 0)
  }

  @Test func networksWithPenaltiesOnTheirMapsAgreeWithTheReference() throws {
    var generator = SeededGenerator(seed: 7)
    let residual = ResidualNetwork()
    let graph = try residual.graph()
    try expectReference(
      graph, residual.images(using: &generator),
      residual.parameters(of: graph, using: &generator), within: 2e-5)
    let pooling = DensePoolNetwork()
    let second = try pooling.graph()
    try expectReference(
      second, pooling.placeholders(using: &generator),
      residual.parameters(of: second, using: &generator), within: 2e-5)
  }

  /// Five steps of each rule by one program, against the reference in turns with its own.
  @Test(arguments: [
    UpdateRule.adam, .adam(beta1: 0.8, beta2: 0.99, epsilon: 1e-3, weightDecay: 0.1),
    .sgd(momentum: 0.9, weightDecay: 0.01, nesterov: true),
    .sgd(momentum: 0.9, weightDecay: 0, nesterov: false),
  ])
  func stepsAgreeWithTheReference(_ rule: UpdateRule) throws {
    let network = ResidualNetwork()
    var generator = SeededGenerator(seed: 9)
    let graph = try network.graph()
    let start = network.parameters(of: graph, using: &generator)
    let names = graph.parameters.keys.sorted()
    let outputs = ["loss", "heatmap", "logits"] + names.map { "d \($0)" }
    let computation = Computation(
      graph, outputs: outputs,
      update: StepUpdate(
        rule, gradients: Dictionary(uniqueKeysWithValues: names.map { ($0, "d \($0)") }),
        guarded: ["loss"]))
    let executors: [any Executor] = [try executor(), ReferenceExecutor()]
    let parameters = try executors.map { executor in
      let parameters = try executor.makeParameters(names.map { ($0, start[$0]!.shape) })
      for name in names { try parameters.upload(start[name]!.tensor, to: name) }
      return parameters
    }
    let programs = try zip(executors, parameters).map {
      try $0.compile(computation, parameters: $1, policy: ExecutionPolicy())
    }
    for step in 1...5 {
      let inputs = network.images(using: &generator).mapValues { $0 }
      let given: [String: ProgramInput] = [
        "images": .floats(inputs["images"]!.tensor.values),
        "labels": .indices(inputs["labels"]!.values.map { Int32($0) }),
        "mask": .floats(inputs["mask"]!.tensor.values),
      ]
      for program in programs {
        // The halves of a step, and the whole.
        if step == 3 {
          try program.run(given)
          #expect(try program.applyUpdate(gradients: nil, learningRate: 0.02) == .applied)
        } else {
          #expect(try program.step(given, learningRate: 0.02) == .applied)
        }
      }
      let losses = try programs.map { try $0.output("loss").values[0] }
      #expect(abs(losses[0] - losses[1]) < 2e-5 * max(1, abs(losses[1])), "step \(step)")
      for name in names {
        let difference = ReferenceArray(try parameters[0].download(name)).mismatch(
          to: ReferenceArray(try parameters[1].download(name)), within: 5e-5)
        #expect(difference == nil, "\(name) after step \(step): \(difference ?? "")")
      }
    }
    #expect(programs[0].optimizer?.step == 5)
    let state = try #require(programs[0].optimizer).state
    #expect(state.count == names.count * rule.momentCount)
  }

  /// What a step finds is named, nothing is changed, and the next goes on.
  @Test func aStepThatIsRefusedChangesNothing() throws {
    var graph = GraphBuilder()
    let x = try graph.placeholder("x", shape: [2])
    let w = try graph.parameter("w", shape: [2])
    let root = try graph.sum(graph.squareRoot(graph.multiply(w, x)))
    let slope = try graph.gradient(of: root, with: [w])[0]
    let computation = graph.computation(
      [("loss", root), ("slope", slope)],
      update: StepUpdate(.adam, gradients: ["w": "slope"], guarded: ["loss"]))
    let executor = try executor()
    let parameters = try executor.makeParameters([("w", [2])])
    try parameters.upload(Tensor(shape: [2], values: [1, 4]), to: "w")
    let program = try executor.compile(
      computation, parameters: parameters, policy: ExecutionPolicy())
    // The root of 0 is finite and its derivative is not.
    #expect(
      try program.step(["x": .floats([0, 1])], learningRate: 1) == .refusedGradient(of: "w"))
    #expect(
      try program.step(["x": .floats([-1, 1])], learningRate: 1) == .refusedOutput("loss"))
    #expect(try parameters.download("w").values == [1, 4])
    #expect(program.optimizer?.step == 0)
    let origin = try program.firstNonFinite(["x": .floats([-1, 1])])
    #expect(origin?.description == "the result of squareRoot, [2], at layer w")
    #expect(try program.step(["x": .floats([1, 1])], learningRate: 0.5) == .applied)
    #expect(try program.step(["x": .floats([1, 1])], learningRate: .infinity) == .overflowed("w"))
    #expect(program.optimizer?.step == 2)
  }

  /// bfloat16 rounds what is multiplied: off by more than floats are, by less than 2⁻⁸ of the sums.
  @Test func bfloat16RoundsOperandsOnly() throws {
    var generator = SeededGenerator(seed: 11)
    var graph = GraphBuilder()
    let x = try graph.placeholder("x", shape: [1, 6, 6, 8])
    let w = try graph.parameter("w", shape: [4, 3, 3, 8])
    let y = try graph.convolution(x, w, window: Window2D(3))
    let (image, filter) = (
      ReferenceArray.random([1, 6, 6, 8], using: &generator).roundedToFloat,
      ReferenceArray.random([4, 3, 3, 8], using: &generator).roundedToFloat
    )
    let computation = graph.graph(outputs: [y])
    func largestError(_ precision: ExecutionPolicy.Precision) throws -> Double {
      let result = try values(
        computation, ["x": image], ["w": filter], policy: ExecutionPolicy(precision: precision))
      let expected = try ReferenceEvaluator.evaluate(
        computation, placeholders: ["x": image], parameters: ["w": filter])
      return zip(result[0].values, expected[0].values).map { abs($0 - $1) }.max()!
    }
    #expect(try largestError(.float32) < 1e-5)
    let error = try largestError(.bfloat16)
    #expect(error > 1e-4)
    #expect(error < 0.1)
  }

  @Test func whatIsNotSupportedIsSaid() throws {
    var graph = GraphBuilder()
    let y = try graph.square(graph.placeholder("x", shape: [1]))
    let executor = try executor()
    let parameters = try executor.makeParameters([])
    let computation = graph.computation([("y", y)])
    let low = #expect(throws: ExecutionError.self) {
      _ = try executor.compile(
        computation, parameters: parameters, policy: ExecutionPolicy(recomputes: true))
    }
    #expect(low?.description.hasPrefix("xla-cpu has no memory: low, ") == true)
    let foreign = #expect(throws: ExecutionError.self) {
      _ = try executor.compile(
        computation, parameters: ReferenceExecutor().makeParameters([]), policy: ExecutionPolicy())
    }
    #expect(
      foreign?.description
        == "xla-cpu reads parameters that it made, not those of another executor")
  }

  /// Before the first step, by the compiler's account.
  @Test func whatAStepTakesIsKnown() throws {
    var graph = GraphBuilder()
    let side = 512
    let w = try graph.parameter("w", shape: [side, side])
    let x = try graph.placeholder("x", shape: [side, side])
    let loss = try graph.sum(graph.multiply(w, x))
    let slope = try graph.gradient(of: loss, with: [w])[0]
    let executor = try executor()
    let parameters = try executor.makeParameters([("w", [side, side])])
    let program = try executor.compile(
      graph.computation(
        [("loss", loss), ("slope", slope)],
        update: StepUpdate(.adam, gradients: ["w": "slope"], guarded: ["loss"])),
      parameters: parameters, policy: ExecutionPolicy())
    // The input, and no more than copies of what is updated, its gradient and a factor.
    let bytes = 4 * side * side
    #expect(program.resources.peakBytes >= bytes)
    #expect(program.resources.peakBytes <= 6 * bytes)
    #expect(program.resources.flops > side * side)
  }
}
