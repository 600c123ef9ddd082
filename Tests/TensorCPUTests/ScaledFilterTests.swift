import TensorCPU
import TensorCPUTestSupport
import TensorGraph
import TensorReference
import TensorTestSupport
import Testing

/// Filters that are multiplied with a number each (a folded batch norm) are multiplied when they are
/// packed. The numbers are those of the operations one by one, to the last bit where the same kernels
/// run.
@Suite(.everyInstructionSet) struct ScaledFilterTests {
  struct Case: CustomTestStringConvertible {
    let size, channels, filters, side: Int
    var stride = 1
    var groups = 1
    var testDescription: String {
      "\(size)×\(size)×\(channels), \(side)×\(side) by \(stride) to \(filters), \(groups) groups"
    }
  }
  static let cases = [
    Case(size: 14, channels: 128, filters: 64, side: 1),  // the inner product
    Case(size: 19, channels: 128, filters: 144, side: 3, stride: 2),
    Case(size: 7, channels: 256, filters: 528, side: 1),  // filters as they are, of few pixels
    Case(size: 13, channels: 272, filters: 256, side: 1, stride: 2),
    Case(size: 18, channels: 64, filters: 48, side: 3),  // tiles
    Case(size: 7, channels: 128, filters: 144, side: 3),  // and few tiles
    Case(size: 16, channels: 3, filters: 32, side: 7, stride: 2),  // a folded gradient
    Case(size: 48, channels: 3, filters: 48, side: 7, stride: 2),  // and windows of long rows
    Case(size: 9, channels: 24, filters: 40, side: 3),  // oneDNN, in an order of its own
    Case(size: 8, channels: 5, filters: 6, side: 2),
    Case(size: 8, channels: 32, filters: 64, side: 3, groups: 4),
  ]

  /// A convolution and the gradient in its image by filters w · scale.
  private func program(_ size: Case, isShown: Bool) throws -> Graph {
    var graph = GraphBuilder()
    let window = Window2D(size.side, stride: size.stride, padding: size.side / 2)
    let image: Shape = [3, size.size, size.size, size.channels]
    let x = try graph.placeholder("x", shape: image)
    let shape: Shape = [size.filters, size.side, size.side, size.channels / size.groups]
    let w = try graph.parameter("w", shape: shape)
    let gamma = try graph.parameter("gamma", shape: [size.filters])
    let scale = try graph.reshape(graph.square(gamma), to: [size.filters, 1, 1, 1])
    let scaled = try graph.multiply(w, graph.broadcast(scale, to: shape))
    let y = try graph.append(Convolution(window: window, groups: size.groups), [x, scaled])
    let dx = try graph.append(
      ConvolutionInputGradient(window: window, groups: size.groups, inputShape: image), [y, scaled])
    return graph.graph(outputs: [y, dx] + (isShown ? [scaled] : []))
  }

  private func parameters(_ graph: Graph, seed: UInt64) -> Arrays {
    var generator = SeededGenerator(seed: seed)
    var values: Arrays = [:]
    for node in graph.nodes {
      guard let parameter = node.operation as? Parameter else { continue }
      values[parameter.label] =
        ReferenceArray.random(parameter.shape, using: &generator).roundedToFloat
    }
    return values
  }

  @Test(arguments: cases)
  func isTheSameAsMultipliedBefore(size: Case) throws {
    let (taken, shown) = try (program(size, isShown: false), program(size, isShown: true))
    let placeholders = randomInputs(of: taken, seed: 5)
    let ways: [Executable.Options] = [
      .init(), .init(threads: 1), .init(keepsParameterWork: true, isBatchInvariant: true),
      .init(recomputes: true),
    ]
    for options in ways {
      let store = try store(parameters(taken, seed: 1))
      let executables = try [taken, shown].map {
        try Executable($0, parameters: store, options: options)
      }
      if InstructionSet.current.hasWideVectors {
        let counts = executables.map { executable in
          executable.plan.kernels.filter { $0.name.hasPrefix("pointwise") }.count
        }
        #expect(counts[0] == counts[1] - 1, "the product is omitted")
      }
      // Twice, with other parameters the second time.
      for seed in [UInt64(1), 2] {
        let next = parameters(taken, seed: seed)
        for (name, array) in next { store[name] = array.tensor }
        for executable in executables { try executable.run(inputs(placeholders, of: taken)) }
        for output in 0..<2 {
          #expect(executables[0].output(output) == executables[1].output(output), "\(output)")
        }
        let expected = try ReferenceEvaluator.evaluate(
          taken, placeholders: placeholders, parameters: next)
        for output in 0..<2 {
          let scale = expected[output].values.map(abs).max()!
          for (actual, exact) in zip(executables[0].output(output).values, expected[output].values)
          {
            #expect(abs(Double(actual) - exact) < 1e-5 * scale)
          }
        }
      }
    }
  }
}
