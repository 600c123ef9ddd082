import TensorCPU
import TensorCPUTestSupport
import TensorGraph
import TensorReference
import TensorTestSupport
import Testing

/// The gradient in an image of few channels is computed as a convolution of the cotangent whose results
/// are squares of pixels.
@Suite(.everyInstructionSet) struct FoldedGradientTests {
  struct Case: CustomTestStringConvertible {
    let height, width, channels, filters, window, stride, padding: Int
    var testDescription: String {
      "\(height)×\(width)×\(channels), \(window)×\(window) to \(filters), stride \(stride), "
        + "padding \(padding)"
    }
  }
  static let cases = [
    Case(height: 16, width: 16, channels: 3, filters: 64, window: 7, stride: 2, padding: 3),
    Case(height: 15, width: 18, channels: 3, filters: 32, window: 7, stride: 2, padding: 3),
    Case(height: 12, width: 11, channels: 3, filters: 16, window: 3, stride: 1, padding: 1),
    Case(height: 9, width: 9, channels: 3, filters: 24, window: 3, stride: 1, padding: 1),
    Case(height: 10, width: 7, channels: 1, filters: 16, window: 5, stride: 1, padding: 0),
    Case(height: 11, width: 11, channels: 4, filters: 16, window: 3, stride: 2, padding: 0),
    Case(height: 14, width: 14, channels: 2, filters: 48, window: 2, stride: 2, padding: 0),
    Case(height: 13, width: 13, channels: 3, filters: 16, window: 4, stride: 3, padding: 1),
  ]

  @Test(arguments: cases, [false, true])
  func agreesWithTheReference(size: Case, blocks: Bool) throws {
    var graph = GraphBuilder()
    let window = Window2D(size.window, stride: size.stride, padding: size.padding)
    func extent(_ pixels: Int) -> Int {
      (pixels + 2 * size.padding - size.window) / size.stride + 1
    }
    let image: Shape = [3, size.height, size.width, size.channels]
    let x = try graph.placeholder("x", shape: image)
    let w = try graph.placeholder(
      "w", shape: [size.filters, size.window, size.window, size.channels])
    let given = try graph.placeholder(
      "dy", shape: [3, extent(size.height), extent(size.width), size.filters])
    // Something between, so that the cotangent may stand in blocks.
    let y = try graph.append(Convolution(window: window), [x, w])
    let dy = try graph.multiply(graph.relu(y), given)
    let dx = try graph.append(ConvolutionInputGradient(window: window, inputShape: image), [dy, w])
    let built = graph.graph(outputs: [dx])
    let inputs = randomInputs(of: built, seed: UInt64(size.height))
    let expected = try sharedByInstructionSets(of: inputs) {
      try ReferenceEvaluator.evaluate(built, placeholders: inputs)
    }[0]
    let executable = try Executable(
      built, parameters: ParameterStore([]), options: .init(blocksChannels: blocks))
    try executable.run(inputs.mapValues { .floats($0.tensor.values) })
    let scale = expected.values.map(abs).max()!
    for (actual, exact) in zip(executable.output(0).values, expected.values) {
      #expect(abs(Double(actual) - exact) < 1e-5 * scale)
    }
  }
}
