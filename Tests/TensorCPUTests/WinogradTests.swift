import TensorCPU
import TensorGraph
import TensorReference
import TensorTestSupport
import Testing

/// Large 3×3 convolutions may be computed by Winograd's algorithm in blocked copies. The numbers are
/// those of the plain sums up to rounding, and the same at every run.
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
    func outputs(usesWinograd: Bool) throws -> [Tensor] {
      let executable = try Executable(
        graph, parameters: ParameterStore([]),
        options: Executable.Options(usesWinograd: usesWinograd))
      try executable.run(values)
      let first = graph.outputs.indices.map { executable.output($0) }
      try executable.run(values)
      let second = graph.outputs.indices.map { executable.output($0) }
      #expect(first == second, "another run")
      return first
    }
    for usesWinograd in [false, true] {
      let outputs = try outputs(usesWinograd: usesWinograd)
      for (output, reference) in zip(outputs, expected) {
        var (difference, scale) = (0.0, 0.0)
        for (a, e) in zip(output.values, reference.values) {
          difference += (Double(a) - e) * (Double(a) - e)
          scale += e * e
        }
        let error = (difference / scale).squareRoot()
        #expect(error < (usesWinograd ? 1e-5 : 1e-6), "\(output.shape): \(error)")
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
