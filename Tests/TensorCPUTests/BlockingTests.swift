import TensorCPU
import TensorCPUTestSupport
import TensorGraph
import TensorReference
import TensorTestSupport
import Testing

/// Programs whose activations are kept in blocks of channels compute what the reference does.
@Suite(.everyInstructionSet) struct BlockingTests {
  private func expectReference(
    _ graph: Graph, _ placeholders: Arrays, parameters: Arrays = [:], usesWinograd: Bool,
    within tolerance: Double, _ what: String
  ) throws {
    let expected = try ReferenceEvaluator.evaluate(
      graph, placeholders: placeholders, parameters: parameters)
    for threads in [1, 2] {
      let executable = try Executable(
        graph, parameters: store(parameters),
        options: .init(threads: threads, usesWinograd: usesWinograd, blocksChannels: true))
      #expect(!executable.plan.blocked.isEmpty, "\(what)")
      for _ in 0..<2 { try executable.run(inputs(placeholders, of: graph)) }
      for (index, array) in expected.enumerated() {
        let difference = ReferenceArray(executable.output(index))
          .mismatch(to: array, within: tolerance)
        #expect(difference == nil, "\(what), output \(index), \(threads) threads")
      }
    }
  }

  @Test(arguments: [16, 32, 48], [false, true])
  func networksRunAsTheReference(channels: Int, usesWinograd: Bool) throws {
    var generator = SeededGenerator(seed: UInt64(channels))
    let network = DensePoolNetwork(channels: channels)
    let graph = try network.graph()
    let placeholders = network.placeholders(using: &generator)
    let parameters = ResidualNetwork().parameters(of: graph, using: &generator)
    try expectReference(
      graph, placeholders, parameters: parameters, usesWinograd: usesWinograd, within: 1e-4,
      "\(channels) channels")
  }

  /// Images large enough for Winograd's algorithm, through convolutions that read and write blocks,
  /// add what stands there and cut at 0.
  @Test(arguments: [false, true]) func residualNetworksRunAsTheReference(winograd: Bool) throws {
    var generator = SeededGenerator(seed: 5)
    let network = ResidualNetwork(blocks: 2, channels: 32, extent: 24, batch: 1)
    let graph = try network.graph()
    let images = network.images(using: &generator)
    let parameters = network.parameters(of: graph, using: &generator)
    try expectReference(
      graph, images, parameters: parameters, usesWinograd: winograd, within: 1e-3, "residual")
  }

  /// Sums, largest and smallest elements of a blocked activation along every set of axes.
  @Test(arguments: 0..<16) func reductionsOfBlocksRunAsTheReference(axes: Int) throws {
    let reduced = (0..<4).filter { axes & 1 << $0 != 0 }
    var graph = GraphBuilder()
    let x = try graph.placeholder("x", shape: [2, 5, 3, 32])
    let w = try graph.placeholder("w", shape: [32, 3, 3, 32])
    let v = try graph.placeholder("v", shape: [32])
    let window = Window2D(3, padding: 1)
    let first = try graph.relu(graph.convolution(x, w, window: window))
    let y = try graph.relu(graph.convolution(first, w, window: window))
    let z = try graph.convolution(y, w, window: window)
    // A blocked activation, one that is not, and a vector.
    let used = try graph.add(graph.multiply(y, x), v)
    var outputs = [z]
    for function in [Reduction.Function.sum, .maximum, .minimum] {
      outputs.append(
        try graph.append(Reduction(function, axes: reduced), [used]))
    }
    let built = graph.graph(outputs: outputs)
    var generator = SeededGenerator(seed: UInt64(axes))
    let values = built.placeholders.mapValues { id in
      ReferenceArray.random(built.nodes[id].shape, using: &generator).roundedToFloat
    }
    try expectReference(built, values, usesWinograd: false, within: 2e-5, "axes \(reduced)")
  }

  /// Image and result of a convolution in different orders, all three kinds, with and without a
  /// stride.
  @Test(arguments: [1, 3], [1, 2]) func convolutionsBetweenTheOrders(size: Int, stride: Int) throws
  {
    var graph = GraphBuilder()
    let window = Window2D(size, stride: stride, padding: size / 2)
    let x = try graph.placeholder("x", shape: [2, 9, 7, 32])
    let w = try graph.placeholder("w", shape: [48, size, size, 32])
    let u = try graph.placeholder("u", shape: [32, 1, 1, 32])
    let t = try graph.placeholder("t", shape: [48, 1, 1, 48])
    let point = Window2D(1)
    let blocked = try graph.relu(graph.convolution(x, u, window: point))
    let y = try graph.convolution(blocked, w, window: window)
    let next = try graph.convolution(graph.relu(y), t, window: point)
    let loss = try graph.sum(graph.square(next))
    let gradients = try graph.gradient(of: loss, with: [x, w, u, t])
    let direct = try graph.relu(graph.convolution(x, w, window: window))
    let built = graph.graph(outputs: [next, direct] + gradients)
    var generator = SeededGenerator(seed: UInt64(10 * size + stride))
    let values = built.placeholders.mapValues { id in
      ReferenceArray.random(built.nodes[id].shape, using: &generator).roundedToFloat
    }
    try expectReference(built, values, usesWinograd: false, within: 5e-5, "\(size), \(stride)")
  }
}
