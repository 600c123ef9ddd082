import TensorGraph
import TensorReference
import TensorRuntime
import Testing

/// What every executor that does arithmetic has to pass: one call for each part of the contract.
public struct ExecutorConformance {
  let executor: any Executor
  /// Against the largest element of an output.
  let tolerance: Double

  public init(_ executor: any Executor, tolerance: Double = 2e-5) {
    (self.executor, self.tolerance) = (executor, tolerance)
  }

  // MARK: Values

  /// Value, gradient and gradient of gradient of one operation, against the reference evaluator.
  public func computes(_ entry: OperationCase) throws {
    let program = try DerivativeProgram(entry, simplifies: true, computesTaps: true)
    let graph = program.graph
    let placeholders = program.placeholders.mapValues(\.roundedToFloat)
    let values = program.parameters.mapValues(\.roundedToFloat)
    let expected = try ReferenceEvaluator.evaluate(
      graph, placeholders: placeholders, parameters: values)
    let parameters = try executor.makeParameters(values.map { ($0.key, $0.value.shape) })
    for (name, array) in values { try parameters.upload(array.tensor, to: name) }
    let names = graph.outputs.indices.map { "y\($0)" }
    let compiled = try executor.compile(
      Computation(graph, outputs: names), parameters: parameters, policy: ExecutionPolicy())
    var inputs: [String: ProgramInput] = [:]
    for (name, id) in graph.placeholders {
      let array = try #require(placeholders[name])
      inputs[name] =
        graph.nodes[id].type == .int32
        ? .indices(array.values.map { Int32($0) }) : .floats(array.values.map { Float($0) })
    }
    var first: [String: [UInt32]] = [:]
    for round in 1...2 {
      try compiled.run(inputs)
      for (name, array) in zip(names, expected) {
        let difference = try ReferenceArray(compiled.output(name))
          .mismatch(to: array, within: tolerance)
        #expect(difference == nil, "\(entry), \(name), run \(round)")
        let bits = try compiled.output(name).values.map(\.bitPattern)
        #expect(first[name, default: bits] == bits, "\(entry), \(name): runs differ")
        first[name] = bits
      }
    }
  }

  // MARK: Names, shapes and lifetimes

  /// y = 2·w·x, its sum, ∂sum/∂w, and a new value for s.
  private func line(
    _ rule: UpdateRule? = nil
  ) throws -> (program: any Program, parameters: any Parameters) {
    var graph = GraphBuilder()
    let x = try graph.placeholder("x", shape: [3])
    let w = try graph.parameter("w", shape: [3])
    let y = try graph.multiply(graph.multiply(x, w), 2)
    let sum = try graph.sum(y)
    let gradient = try graph.gradient(of: sum, with: [w])[0]
    let new = try graph.add(graph.parameter("s", shape: [3]), x)
    let computation = graph.computation(
      [("y", y), ("sum", sum), ("gradient", gradient), ("new", new)],
      update: rule.map {
        StepUpdate($0, gradients: ["w": "gradient"], assignments: ["s": "new"], guarded: ["sum"])
      })
    let parameters = try executor.makeParameters([("s", [3]), ("w", [3])])
    try parameters.upload(Tensor(shape: [3], values: [1, 2, 3]), to: "w")
    let program = try executor.compile(
      computation, parameters: parameters, policy: ExecutionPolicy())
    return (program, parameters)
  }

  private func message(_ body: () throws -> Void) -> String? {
    #expect(throws: ExecutionError.self) { try body() }?.description
  }

  public func comparesInputsBeforeItReadsThem() throws {
    let (program, _) = try line()
    #expect(message { try program.run([:]) } == "no value for x")
    #expect(
      message { try program.run(["x": .floats([1])]) } == "x: 1 values for [3], expected 3")
    #expect(
      message { try program.run(["x": .indices([1, 2, 3])]) }
        == "x is float32, and is given int32")
    // What the graph does not need is left alone.
    try program.run(["x": .floats([1, 1, 1]), "other": .floats([])])
    #expect(try program.output("y").values == [2, 4, 6])
    // A run that is refused leaves the results of the last.
    #expect(message { try program.run(["x": .floats([1])]) } != nil)
    #expect(try program.output("sum").values == [12])
  }

  public func findsOutputsByName() throws {
    let (program, _) = try line()
    #expect(
      message { _ = try program.output("y") } == "output y is read before the program has run")
    try program.run(["x": .floats([1, 0, 2])])
    #expect(try program.output("sum") == Tensor(shape: .scalar, values: [14]))
    #expect(try program.output("y").shape == [3])
    #expect(
      message { _ = try program.output("z") }
        == "the program has no output z; it has y, sum, gradient, new")
    #expect(try program.isFinite("y"))
    try program.run(["x": .floats([1, .infinity, 2])])
    #expect(try !program.isFinite("y"))
    let origin = try program.firstNonFinite(["x": .floats([1, .infinity, 2])])
    #expect(origin?.description == "in the input x")
  }

  public func namesParametersThatDoNotFit() throws {
    var graph = GraphBuilder()
    let w = try graph.parameter("w", shape: [2])
    let y = try graph.square(w)
    let computation = graph.computation([("y", y)])
    func compile(_ parameters: [(String, Shape)]) throws {
      _ = try executor.compile(
        computation, parameters: executor.makeParameters(parameters), policy: ExecutionPolicy())
    }
    #expect(
      message { try compile([("v", [2])]) } == "the program's parameter w is not in the store")
    #expect(
      message { try compile([("w", [3])]) } == "parameter w: the program has [2], the store [3]")
    let parameters = try executor.makeParameters([("w", [2])])
    #expect(
      message { try parameters.upload(Tensor(repeating: 0, shape: [3]), to: "w") }
        == "parameter w is [2], and is given [3]")
    #expect(message { _ = try parameters.download("v") } == "there is no parameter v")
  }

  /// A change of parameters is seen by every program of them, and by what keeps work on them.
  public func programsShareParameters() throws {
    let (_, parameters) = try line()
    var graph = GraphBuilder()
    let w = try graph.parameter("w", shape: [3])
    let y = try graph.exponential(w)
    let computation = graph.computation([("y", y)])
    let policy = ExecutionPolicy().keepingParameterWork
    let other = try executor.compile(computation, parameters: parameters, policy: policy)
    try other.run([:])
    let (before, version) = (try other.output("y").values, parameters.version)
    let snapshot = try parameters.snapshot()
    try parameters.upload(Tensor(shape: [3], values: [0, 0, 0]), to: "w")
    #expect(parameters.version > version)
    try other.run([:])
    #expect(try other.output("y").values == [1, 1, 1])
    try parameters.restore(snapshot)
    try other.run([:])
    #expect(try other.output("y").values == before)
  }

  public func addsAndAssignsOutputs() throws {
    let (program, _) = try line()
    let sums = try executor.makeParameters([("w", [3])])
    try program.run(["x": .floats([1, 2, 3])])
    try sums.assign("w", from: "gradient", of: program)
    try program.run(["x": .floats([1, 1, 1])])
    try sums.add("gradient", of: program, to: "w")
    #expect(try sums.download("w").values == [4, 6, 8])
    #expect(
      message { try sums.assign("w", from: "sum", of: program) }
        == "parameter w is [3], and is given []")
  }

  // MARK: Steps

  /// Momentum 0.5, no decay: the second step is half of the first more.
  public func stepsByTheRule() throws {
    let rule = UpdateRule.sgd(momentum: 0.5, weightDecay: 0, nesterov: false)
    let (program, parameters) = try line(rule)
    let input: [String: ProgramInput] = ["x": .floats([1, 0.5, 0])]
    #expect(try program.step(input, learningRate: 0.25) == .applied)
    #expect(try parameters.download("w").values == [0.5, 1.75, 3])
    #expect(try parameters.download("s").values == [1, 0.5, 0])
    #expect(try program.step(input, learningRate: 0.25) == .applied)
    #expect(try parameters.download("w").values == [-0.25, 1.375, 3])
    #expect(try parameters.download("s").values == [2, 1, 0])
    #expect(program.optimizer?.step == 2)
    // The sum is of the parameters before the step.
    #expect(try program.output("sum").values == [0.5 * 2 + 1.75])
    #expect(
      message { _ = try program.output("gradient") }
        == "output gradient is read after a step that took its memory")
  }

  public func stepsByGradientsThatWereAddedUp() throws {
    let (program, parameters) = try line(.sgd(momentum: 0, weightDecay: 0, nesterov: false))
    let sums = try executor.makeParameters([("w", [3])])
    try sums.upload(Tensor(shape: [3], values: [4, 0, -4]), to: "w")
    try program.run(["x": .floats([1, 1, 1])])
    #expect(try program.applyUpdate(gradients: sums, learningRate: 0.5) == .applied)
    #expect(try parameters.download("w").values == [-1, 2, 5])
  }

  /// Nothing that is not finite gets into parameters or moments.
  public func refusesWhatIsNotFinite() throws {
    let (program, parameters) = try line(.adam)
    let before = try parameters.snapshot()
    let bad: [String: ProgramInput] = ["x": .floats([1, .nan, 1])]
    #expect(try program.step(bad, learningRate: 1) == .refusedOutput("sum"))
    #expect(try parameters.snapshot() == before)
    let sums = try executor.makeParameters([("w", [3])])
    try sums.upload(Tensor(shape: [3], values: [0, .infinity, 0]), to: "w")
    try program.run(["x": .floats([1, 1, 1])])
    #expect(
      try program.applyUpdate(gradients: sums, learningRate: 1) == .refusedGradient(of: "w"))
    #expect(try parameters.snapshot() == before)
    #expect(program.optimizer?.step == 0)
  }

  /// A restored state goes on to the same bits, and one that does not fit changes nothing.
  public func optimizersAreRestored() throws {
    let input: [String: ProgramInput] = ["x": .floats([0.3, -0.7, 0.1])]
    let (program, parameters) = try line(.adam)
    for _ in 0..<3 { _ = try program.step(input, learningRate: 0.1) }
    let optimizer = try #require(program.optimizer)
    let (state, snapshot) = (try optimizer.state, try parameters.snapshot())
    #expect(state.map(\.name) == ["w/first", "w/second"])
    _ = try program.step(input, learningRate: 0.1)

    let (again, others) = try line(.adam)
    let restored = try #require(again.optimizer)
    #expect(message { try restored.restore(step: 3) { _ in nil } } != nil)
    #expect(restored.step == 0)
    try others.restore(snapshot)
    try restored.restore(step: 3) { name in state.first { $0.name == name }?.tensor }
    _ = try again.step(input, learningRate: 0.1)
    #expect(try others.snapshot() == parameters.snapshot())
    #expect(try restored.state.map(\.tensor) == optimizer.state.map(\.tensor))
  }

  /// All but the operations one by one.
  public func keepsTheContract() throws {
    try comparesInputsBeforeItReadsThem()
    try findsOutputsByName()
    try namesParametersThatDoNotFit()
    try programsShareParameters()
    try addsAndAssignsOutputs()
    try stepsByTheRule()
    try stepsByGradientsThatWereAddedUp()
    try refusesWhatIsNotFinite()
    try optimizersAreRestored()
  }
}
