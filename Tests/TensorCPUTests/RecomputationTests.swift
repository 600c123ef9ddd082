import TensorCPU
import TensorCPUTestSupport
import TensorGraph
import TensorReference
import TensorTestSupport
import Testing

/// Programs that compute again what they would keep: less memory, the same results but for the
/// rounding of sums that a convolution adds to where they stand in one program and apart in the other.
@Suite(.everyInstructionSet) struct RecomputationTests {
  /// - Parameters:
  ///   - share: of the memory that is needed otherwise, at most.
  ///   - isExact: whether results must be the same to the last bit.
  private func expectSameResults(
    _ graph: Graph, _ placeholders: Arrays, _ parameters: Arrays, share: Double,
    isExact: Bool = false, _ what: String
  ) throws {
    var options = [
      Executable.Options(), .init(threads: 1, blocksChannels: false), .init(usesWinograd: false),
    ]
    if InstructionSet.current.hasBFloat16 { options.append(.init(precision: .bfloat16)) }
    for normal in options {
      var low = normal
      low.recomputes = true
      let store = try store(parameters)
      let kept = try Executable(graph, parameters: store, options: normal)
      let again = try Executable(graph, parameters: store, options: low)
      #expect(again.plan.kernels.count > kept.plan.kernels.count, "\(what)")
      let bytes = (again.plan.plannedBytes, kept.plan.plannedBytes)
      #expect(Double(bytes.0) <= share * Double(bytes.1), "\(what): \(bytes)")
      for executable in [kept, again] { try executable.run(inputs(placeholders, of: graph)) }
      let tolerance: Float = isExact ? 0 : normal.precision == .float32 ? 1e-5 : 3e-2
      for index in graph.outputs.indices {
        let (expected, values) = (kept.output(index).values, again.output(index).values)
        let largest = expected.reduce(0) { max($0, abs($1)) }
        let difference = zip(values, expected).reduce(0) { max($0, abs($1.0 - $1.1)) }
        #expect(
          difference <= tolerance * largest,
          "\(what), output \(index): \(difference) of \(largest)")
      }
    }
  }

  @Test func residualNetworks() throws {
    var generator = SeededGenerator(seed: 21)
    let network = ResidualNetwork(blocks: 4, channels: 32, extent: 32, batch: 2)
    let graph = try network.graph()
    let images = network.images(using: &generator)
    let parameters = network.parameters(of: graph, using: &generator)
    try expectSameResults(graph, images, parameters, share: 0.8, "residual")
  }

  @Test func denseNetworks() throws {
    var generator = SeededGenerator(seed: 22)
    let network = DensePoolNetwork(channels: 32)
    let graph = try network.graph()
    let placeholders = network.placeholders(using: &generator)
    let parameters = ResidualNetwork().parameters(of: graph, using: &generator)
    try expectSameResults(graph, placeholders, parameters, share: 0.98, "dense")
  }

  /// Of a chain, a few activations are kept.
  @Test func chainsNeedMuchLess() throws {
    var graph = GraphBuilder()
    let x = try graph.placeholder("x", shape: [2, 48, 48, 32])
    var value = x
    var filters: [Value] = []
    for layer in 0..<16 {
      let w = try graph.placeholder("w\(layer)", shape: [32, 3, 3, 32])
      filters.append(w)
      value = try graph.relu(graph.convolution(value, w, window: Window2D(3, padding: 1)))
    }
    let loss = try graph.sum(graph.square(value))
    let gradients = try graph.gradient(of: loss, with: filters)
    let built = graph.graph(outputs: gradients)
    var generator = SeededGenerator(seed: 23)
    let values = built.placeholders.mapValues { id in
      ReferenceArray.random(built.nodes[id].shape, using: &generator).roundedToFloat
    }
    try expectSameResults(built, values, [:], share: 0.6, isExact: true, "chain")
  }
}
