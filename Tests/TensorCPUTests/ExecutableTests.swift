import Foundation
import TensorCPU
import TensorCPUTestSupport
import TensorGraph
import TensorPlan
import TensorReference
import TensorRuntime
import TensorTestSupport
import Testing

@Suite(.everyInstructionSet) struct ExecutableTests {
  @Test func outputsThatNoKernelMakes() throws {
    var graph = GraphBuilder(simplifies: false)
    let x = try graph.placeholder("x", shape: [2, 3])
    let labels = try graph.placeholder("labels", shape: [3], type: .int32)
    let w = try graph.parameter("w", shape: [3])
    let constant = try graph.constant(Tensor(shape: [2], values: [7, -8]))
    let number = try graph.scalar(2.5)
    let outputs = [
      x, w, constant, number, labels, try graph.reshape(x, to: [3, 2]),
      try graph.broadcast(w, to: [2, 3]), try graph.constant(3, shape: [2, 2]),
      try graph.reshape(graph.constant(4, shape: [2, 2]), to: [4]),
      try graph.transpose(x, [1, 0]), try graph.slice(x, axis: 1, 1..<2),
      try graph.stopGradient(w), try graph.reshape(graph.transpose(x, [1, 0]), to: [6]), x,
    ]
    try expectReference(
      graph.graph(outputs: outputs),
      [
        "x": ReferenceArray(shape: [2, 3], values: [1, 2, 3, 4, 5, 6]),
        "labels": ReferenceArray(shape: [3], values: [4, -1, 9]),
      ], parameters: ["w": ReferenceArray(shape: [3], values: [-1, 0.5, 2])], within: 0)
  }

  // MARK: Work on parameters alone

  /// y = x · e^w, z = Σ e^w
  private func folded() throws -> Graph {
    var graph = GraphBuilder()
    let x = try graph.placeholder("x", shape: [1, 6, 6, 16])
    let w = try graph.parameter("w", shape: [16, 3, 3, 16])
    let scale = try graph.parameter("scale", shape: [16, 1, 1, 1])
    let filter = try graph.multiply(w, graph.exponential(scale))
    let y = try graph.convolution(x, filter, window: Window2D(3))
    let total = try graph.sum(filter)
    return graph.graph(outputs: [y, total])
  }

  @Test func parameterWorkIsKeptUntilAParameterChanges() throws {
    let graph = try folded()
    var generator = SeededGenerator(seed: 1)
    var arrays: Arrays = [
      "w": .random([16, 3, 3, 16], using: &generator).roundedToFloat,
      "scale": .random([16, 1, 1, 1], using: &generator).roundedToFloat,
    ]
    let x: Arrays = ["x": .random([1, 6, 6, 16], using: &generator).roundedToFloat]
    let store = try store(arrays)
    let executable = try Executable(
      graph, parameters: store, options: .init(threads: 2, keepsParameterWork: true))
    func expectRight(_ what: String) throws {
      let expected = try ReferenceEvaluator.evaluate(graph, placeholders: x, parameters: arrays)
      for (index, array) in expected.enumerated() {
        let actual = ReferenceArray(executable.output(index))
        #expect(actual.mismatch(to: array, within: roundingTolerance) == nil, "\(what) \(index)")
      }
    }
    let known = executable.plan.parameterOnly
    let kept = executable.plan.kernels.indices.filter {
      executable.plan.kernels[$0].writes.allSatisfy(known.contains)
    }
    #expect(!kept.isEmpty)
    func times() -> [UInt64] { kept.map { executable.profile!.entries[$0].nanoseconds } }

    try executable.run(inputs(x, of: graph), profiling: true)
    try expectRight("first run")
    let first = times()
    try executable.run(inputs(x, of: graph), profiling: true)
    try expectRight("second run")
    #expect(times() == first, "work on unchanged parameters was done again")

    arrays["scale"] = ReferenceArray.random([16, 1, 1, 1], using: &generator).roundedToFloat
    store["scale"] = arrays["scale"]!.tensor
    try executable.run(inputs(x, of: graph), profiling: true)
    try expectRight("after a change")
    #expect(times() != first, "work on a changed parameter was not done")

    store.withValues(of: "w") { $0[5] = 3 }
    arrays["w"]!.values[5] = 3
    try executable.run(inputs(x, of: graph))
    try expectRight("after a change in place")
    try executable.run(inputs(x, of: graph))
    try expectRight("again")
  }

  // MARK: Errors

  private func expectError(
    _ text: String, sourceLocation: SourceLocation = #_sourceLocation, _ body: () throws -> Void
  ) {
    let error = #expect(throws: ExecutionError.self, sourceLocation: sourceLocation) { try body() }
    #expect(error?.description == text, sourceLocation: sourceLocation)
  }

  @Test func whatIsMissingOrMisshapenIsNamed() throws {
    var graph = GraphBuilder()
    let x = try graph.placeholder("x", shape: [2, 3])
    let w = try graph.parameter("w", shape: [3])
    let sum = try graph.add(x, w)
    let program = graph.graph(outputs: [sum])
    expectError("the program's parameter w is not in the store") {
      _ = try Executable(program, parameters: ParameterStore([]))
    }
    expectError("parameter w: the program has [3], the store [4]") {
      _ = try Executable(program, parameters: ParameterStore([("w", [4])]))
    }
    let executable = try Executable(program, parameters: ParameterStore([("w", [3])]))
    expectError("no value for x") { try executable.run() }
    expectError("x: 5 values for [2, 3], expected 6") {
      try executable.run(["x": .floats([1, 2, 3, 4, 5])])
    }
    expectError("x is float32, and is given int32") {
      try executable.run(["x": .indices([1, 2, 3, 4, 5, 6])])
    }
    try executable.run(["x": .floats([1, 2, 3, 4, 5, 6])])
    #expect(executable.output(0).values == [1, 2, 3, 4, 5, 6])
  }

  @Test func indicesAreNoNumbers() throws {
    var graph = GraphBuilder()
    let x = try graph.placeholder("x", shape: [2, 3])
    let best = try graph.argMax(x)
    let wrong = try graph.exponential(best)
    let program = graph.graph(outputs: [wrong])
    expectError("pointwise reads argmax [2], which is int32, as float32") {
      _ = try Executable(program, parameters: ParameterStore([]))
    }
    let row = try graph.oneHot(x, depth: 2)
    let rows = graph.graph(outputs: [row])
    expectError("one-hot reads placeholder x [2, 3], which is float32, as int32") {
      _ = try Executable(rows, parameters: ParameterStore([]))
    }
  }

  // MARK: The same numbers every time

  private func bits(_ executable: Executable) -> [[UInt32]] {
    executable.plan.graph.outputs.indices.map { executable.output($0).values.map(\.bitPattern) }
  }

  @Test(arguments: [1, 2, 3])
  func runsAndExecutablesAgreeBitByBit(threads: Int) throws {
    let network = ResidualNetwork(blocks: 2, channels: 32, extent: 16, batch: 4)
    let graph = try network.graph()
    var generator = SeededGenerator(seed: 8)
    let images = inputs(network.images(using: &generator), of: graph)
    let store = try store(network.parameters(of: graph, using: &generator))
    let options = Executable.Options(threads: threads)
    let first = try Executable(graph, parameters: store, options: options)
    try first.run(images)
    let expected = bits(first)
    try first.run(images)
    #expect(bits(first) == expected)
    // Another number of threads in between must not change how the next program divides its work.
    let other = try Executable(graph, parameters: store, options: .init(threads: 3 - threads % 2))
    try other.run(images)
    let second = try Executable(graph, parameters: store, options: options)
    try second.run(images)
    #expect(bits(second) == expected)
    #expect(second.plannedPeakBytes == first.plannedPeakBytes)
  }

  @Test func theNumberOfThreadsOfOneProgramIsNotTheDefaultOfTheNext() throws {
    let before = CPUExecutor.defaultThreads
    _ = try execute(
      folded(), ["x": ReferenceArray(repeating: 1, shape: [1, 6, 6, 16])],
      parameters: [
        "w": ReferenceArray(repeating: 1, shape: [16, 3, 3, 16]),
        "scale": ReferenceArray(repeating: 0, shape: [16, 1, 1, 1]),
      ], threads: before + 1)
    #expect(CPUExecutor.defaultThreads == before)
    #expect(before <= ProcessInfo.processInfo.activeProcessorCount)
  }

  /// Inside somebody else's parallel region the pool gives one thread, whatever is asked for.
  @Test func aPoolThatGivesFewerThreads() throws {
    typealias Body = @convention(c) (UnsafeMutableRawPointer?) -> Void
    typealias Parallel = @convention(c) (Body, UnsafeMutableRawPointer?, UInt32, UInt32) -> Void
    typealias Number = @convention(c) () -> Int32
    final class Call {
      let executable: Executable
      let number: Number
      let inputs: [String: Executable.Input]
      init(_ executable: Executable, _ number: @escaping Number, _ x: [Float]) {
        (self.executable, self.number, inputs) = (executable, number, ["x": .floats(x)])
      }
    }
    let parallel = unsafeBitCast(
      try #require(dlsym(nil, "GOMP_parallel")), to: Parallel.self)
    let number = unsafeBitCast(
      try #require(dlsym(nil, "omp_get_thread_num")), to: Number.self)
    var graph = GraphBuilder()
    let x = try graph.placeholder("x", shape: [300, 100])
    let sum = try graph.sum(graph.square(x), axes: [0])
    let executable = try Executable(
      graph.graph(outputs: [sum]), parameters: ParameterStore([]), options: .init(threads: 4))
    // The run outside leaves partial sums of four threads in the scratch memory.
    let call = Call(executable, number, [Float](repeating: 2, count: 30_000))
    try executable.run(call.inputs)
    #expect(executable.output(0).values == [Float](repeating: 1200, count: 100))
    parallel(
      { data in
        let call = Unmanaged<Call>.fromOpaque(data!).takeUnretainedValue()
        if call.number() == 0 { try! call.executable.run(call.inputs) }
      }, Unmanaged.passUnretained(call).toOpaque(), 2, 0)
    #expect(executable.output(0).values == [Float](repeating: 1200, count: 100))
  }
}
