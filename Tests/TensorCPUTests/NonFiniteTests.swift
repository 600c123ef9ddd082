import TensorCPU
import TensorCPUTestSupport
import TensorGraph
import TensorRuntime
import Testing

/// The search for the first value that is not finite.
@Suite(.everyInstructionSet) struct NonFiniteTests {
  @Test(arguments: [1, 7, 4095, 4096, 4097, 70_000, 200_001])
  func everyPlaceIsLookedAt(count: Int) throws {
    let store = try ParameterStore([("w", [count])])
    store["w"] = Tensor(
      shape: [count], values: (0..<count).map { $0 % 2 == 0 ? .greatestFiniteMagnitude : -0.0 })
    #expect(store.isFinite("w", threads: 2))
    for place in Set([0, count / 2, count - 1]) {
      for value in [Float.nan, .infinity, -.infinity, -.nan, .signalingNaN] {
        let before = store["w"].values[place]
        store.withValues(of: "w") { $0[place] = value }
        #expect(!store.isFinite("w", threads: 2), "\(value) at \(place) of \(count)")
        #expect(store.firstNonFinite(threads: 2) == "w")
        store.withValues(of: "w") { $0[place] = before }
      }
    }
  }

  /// max(x, 0) at the end of oneDNN's convolutions gives 0 for what is not a number: the result is
  /// finite although its sums are not.
  @Test func convolutionIsNamedEvenWhereItsReLUHidesIt() throws {
    var graph = GraphBuilder()
    let x = try graph.placeholder("x", shape: [1, 4, 4, 16])
    let w = try graph.parameter("layer.weight", shape: [16, 1, 1, 16])
    let y = try graph.relu(
      graph.convolution(x, w, window: Window2D(1, stride: 1, padding: 0)))
    let z = try graph.sum(graph.square(y))
    let store = try ParameterStore([("layer.weight", [16, 1, 1, 16])])
    store["layer.weight"] = Tensor(
      shape: [16, 1, 1, 16], values: (0..<256).map { $0 % 2 == 0 ? 3e38 : -3e38 })
    let program = try Executable(graph.graph(outputs: [z]), parameters: store)
    let inputs: [String: Executable.Input] = [
      "x": .floats([Float](repeating: 100, count: 256))
    ]
    let found = try #require(try program.firstNonFinite(inputs))
    #expect(found.operation == "convolution" && found.parameter == "layer.weight")
    #expect(found.shape == [1, 4, 4, 16])
    let calm: [String: Executable.Input] = ["x": .floats([Float](repeating: 1e-30, count: 256))]
    #expect(try program.firstNonFinite(calm) == nil)
  }
}
