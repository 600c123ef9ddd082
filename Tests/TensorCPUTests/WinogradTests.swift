import TensorCPU
import TensorGraph
import TensorReference
import TensorTestSupport
import Testing

/// 3×3 convolutions may be computed by Winograd's algorithm, by our own kernels or by oneDNN in blocked
/// copies. The numbers are those of the plain sums up to rounding, and the same at every run.
struct WinogradTests {
  /// Images, height, width, channels in and out: sizes for which the algorithm pays, multiples of
  /// its tiles or not.
  struct Case: CustomTestStringConvertible {
    let images, height, width, channels, filters: Int
    var testDescription: String { "\(images)×\(height)×\(width), \(channels) to \(filters)" }
  }
  static let cases = [
    Case(images: 2, height: 20, width: 20, channels: 64, filters: 64),
    Case(images: 1, height: 30, width: 17, channels: 48, filters: 80),
    Case(images: 3, height: 9, width: 23, channels: 32, filters: 64),
    // Small images of few channels, and filters so large that gradients in them are left to oneDNN.
    Case(images: 5, height: 8, width: 8, channels: 16, filters: 16),
    Case(images: 7, height: 7, width: 5, channels: 80, filters: 48),
    Case(images: 2, height: 14, width: 13, channels: 160, filters: 144),
    // Few tiles of large filters, an odd number of blocks.
    Case(images: 4, height: 8, width: 7, channels: 272, filters: 304),
  ]

  private func program(_ size: Case) throws -> Graph {
    var graph = GraphBuilder()
    let image: Shape = [size.images, size.height, size.width, size.channels]
    let filter: Shape = [size.filters, 3, 3, size.channels]
    let result: Shape = [size.images, size.height, size.width, size.filters]
    let x = try graph.placeholder("x", shape: image)
    let w = try graph.placeholder("w", shape: filter)
    let dy = try graph.placeholder("dy", shape: result)
    let bias = try graph.placeholder("bias", shape: [size.filters])
    let window = Window2D(3, stride: 1, padding: 1)
    let sums = try graph.append(Convolution(window: window), [x, w])
    let spread = try graph.broadcast(bias, to: result)
    // The same convolution plain, and with all that may follow it.
    let twice = try graph.append(Convolution(window: window), [graph.multiply(x, 2), w])
    let followed = try graph.relu(graph.add(graph.add(twice, spread), dy))
    let dx = try graph.append(
      ConvolutionInputGradient(window: window, inputShape: image), [dy, w])
    let dw = try graph.append(ConvolutionFilterGradient(window: window), [x, dy])
    return graph.graph(outputs: [sums, followed, dx, dw])
  }

  @Test(arguments: cases)
  func allThreeAgreeWithPlainSums(size: Case) throws {
    let graph = try program(size)
    var generator = SeededGenerator(seed: UInt64(size.channels))
    var inputs: [String: ReferenceArray] = [:]
    for (name, id) in graph.placeholders.sorted(by: { $0.key < $1.key }) {
      inputs[name] =
        ReferenceArray.random(graph.nodes[id].shape, using: &generator).roundedToFloat
    }
    let expected = try ReferenceEvaluator.evaluate(graph, placeholders: inputs)
    let values = inputs.mapValues { Executable.Input.floats($0.tensor.values) }
    func outputs(_ options: Executable.Options) throws -> [Tensor] {
      let executable = try Executable(graph, parameters: ParameterStore([]), options: options)
      try executable.run(values)
      let first = graph.outputs.indices.map { executable.output($0) }
      try executable.run(values)
      let second = graph.outputs.indices.map { executable.output($0) }
      #expect(first == second, "another run")
      return first
    }
    let ways: [Executable.Options] = [
      .init(usesWinograd: false), .init(), .init(threads: 1), .init(threads: 3),
      .init(isBatchInvariant: true), .init(blocksChannels: false),
    ]
    for options in ways {
      let outputs = try outputs(options)
      for (output, reference) in zip(outputs, expected) {
        var (difference, scale) = (0.0, 0.0)
        for (a, e) in zip(output.values, reference.values) {
          difference += (Double(a) - e) * (Double(a) - e)
          scale += e * e
        }
        let error = (difference / scale).squareRoot()
        #expect(error < (options.usesWinograd ? 1e-5 : 1e-6), "\(output.shape): \(error)")
      }
    }
  }

  /// What a processor has of it is used: not a single test result may be the plain one in disguise.
  @Test func roundingDiffersWhereItIsUsed() throws {
    guard Executable.hasWinograd else { return }
    let graph = try program(Self.cases[0])
    var generator = SeededGenerator(seed: 1)
    let inputs = graph.placeholders.mapValues { id in
      ReferenceArray.random(graph.nodes[id].shape, using: &generator).tensor.values
    }
    let outputs = try [false, true].map { usesWinograd in
      let executable = try Executable(
        graph, parameters: ParameterStore([]),
        options: Executable.Options(usesWinograd: usesWinograd))
      try executable.run(inputs.mapValues { .floats($0) })
      return graph.outputs.indices.map { executable.output($0) }
    }
    for (plain, winograd) in zip(outputs[0], outputs[1]) { #expect(plain != winograd) }
  }

  /// Three layers and back, of one image alone and in a batch: the same bits, where that is asked for.
  @Test func imagesDoNotDependOnTheirBatch() throws {
    func program(images: Int) throws -> Graph {
      var graph = GraphBuilder()
      let image: Shape = [images, 12, 12, 32]
      let x = try graph.placeholder("x", shape: image)
      let window = Window2D(3, stride: 1, padding: 1)
      let filters = try [[48, 3, 3, 32], [512, 3, 3, 48], [32, 3, 3, 512]].enumerated().map {
        try graph.placeholder("w\($0)", shape: Shape($1))
      }
      var y = x
      for filter in filters {
        y = try graph.relu(graph.append(Convolution(window: window), [y, filter]))
      }
      let dx = try graph.append(
        ConvolutionInputGradient(window: window, inputShape: [images, 12, 12, 512]),
        [y, filters[2]])
      return graph.graph(outputs: [y, dx])
    }
    var generator = SeededGenerator(seed: 3)
    func random(_ shape: Shape) -> [Float] {
      ReferenceArray.random(shape, using: &generator).tensor.values
    }
    let images = (0..<5).map { _ in random([12, 12, 32]) }
    let filters: [String: Executable.Input] = [
      "w0": .floats(random([48, 3, 3, 32])), "w1": .floats(random([512, 3, 3, 48])),
      "w2": .floats(random([32, 3, 3, 512])),
    ]
    func outputs(_ rows: ArraySlice<[Float]>, threads: Int) throws -> [[Float]] {
      let executable = try Executable(
        program(images: rows.count), parameters: ParameterStore([]),
        options: .init(threads: threads, isBatchInvariant: true))
      try executable.run(filters.merging(["x": .floats(Array(rows.joined()))]) { $1 })
      return (0..<2).map { executable.output($0).values }
    }
    let together = try outputs(images[...], threads: 2)
    for row in images.indices {
      let alone = try outputs(images[row...row], threads: row % 2 + 1)
      for (own, all) in zip(alone, together) {
        #expect(own == Array(all[(row * own.count)..<((row + 1) * own.count)]), "image \(row)")
      }
    }
  }

  /// What is not a number stays visible in sums and filter gradients.
  @Test(arguments: [false, true]) func notANumberIsKept(usesWinograd: Bool) throws {
    let size = Self.cases[0]
    let graph = try program(size)
    var inputs: [String: Executable.Input] = [:]
    for (name, id) in graph.placeholders {
      var values = [Float](repeating: 0.5, count: graph.nodes[id].shape.count)
      if name == "x" { values[values.count / 2] = .nan }
      inputs[name] = .floats(values)
    }
    let executable = try Executable(
      graph, parameters: ParameterStore([]),
      options: Executable.Options(usesWinograd: usesWinograd))
    try executable.run(inputs)
    for output in [0, 3] {
      let isThere = executable.output(output).values.contains { $0.isNaN }
      #expect(isThere, "output \(output)")
    }
  }
}
