import TensorCPU
import TensorGraph
import TensorReference
import TensorTestSupport
import Testing

/// Programs that compute again what they would keep: less memory, the same bits.
struct RecomputationTests {
  private func expectSameBits(
    _ graph: Graph, _ placeholders: Arrays, _ parameters: Arrays, share: Double, _ what: String
  ) throws {
    var options = [
      Executable.Options(), .init(threads: 1, blocksChannels: false), .init(usesWinograd: false),
    ]
    if Executable.hasBFloat16 { options.append(.init(precision: .bfloat16)) }
    for normal in options {
      var low = normal
      low.recomputes = true
      let store = try store(parameters)
      let kept = try Executable(graph, parameters: store, options: normal)
      let again = try Executable(graph, parameters: store, options: low)
      if share < 1 { #expect(again.plan.kernels.count > kept.plan.kernels.count, "\(what)") }
      let bytes = (again.plan.plannedBytes, kept.plan.plannedBytes)
      #expect(Double(bytes.0) <= share * Double(bytes.1), "\(what): \(bytes)")
      for executable in [kept, again] { try executable.run(inputs(placeholders, of: graph)) }
      for index in graph.outputs.indices {
        #expect(
          again.output(index).values.map(\.bitPattern)
            == kept.output(index).values.map(\.bitPattern),
          "\(what), output \(index)")
      }
    }
  }

  @Test func residualNetworks() throws {
    var generator = SeededGenerator(seed: 21)
    let network = ResidualNetwork(blocks: 4, channels: 32, extent: 32, batch: 2)
    let graph = try network.graph()
    let images = network.images(using: &generator)
    let parameters = network.parameters(of: graph, using: &generator)
    try expectSameBits(graph, images, parameters, share: 0.95, "residual")
  }

  @Test func denseNetworks() throws {
    var generator = SeededGenerator(seed: 22)
    let network = DensePoolNetwork(channels: 32)
    let graph = try network.graph()
    let placeholders = network.placeholders(using: &generator)
    let parameters = ResidualNetwork().parameters(of: graph, using: &generator)
    try expectSameBits(graph, placeholders, parameters, share: 1, "dense")
  }

  /// A chain keeps every other of its activations.
  @Test func chainsNeedMuchLess() throws {
    var graph = GraphBuilder()
    let x = try graph.placeholder("x", shape: [2, 24, 24, 32])
    var value = x
    var filters: [Value] = []
    for layer in 0..<12 {
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
    try expectSameBits(built, values, [:], share: 0.75, "chain")
  }
}
