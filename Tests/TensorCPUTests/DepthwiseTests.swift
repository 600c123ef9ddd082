import TensorCPU
import TensorCPUTestSupport
import TensorGraph
import TensorReference
import TensorTestSupport
import Testing

/// One filter for each channel: forward, both gradients and their derivatives, in both orders of images.
@Suite(.everyInstructionSet) struct DepthwiseTests {
  struct Case: CustomTestStringConvertible {
    var window: Window2D
    var height: Int
    var width: Int
    var channels = 32
    var testDescription: String {
      "\(window.height)×\(window.width) by \(window.strideY), \(window.strideX) over "
        + "\(height)×\(width)×\(channels)"
    }
    var filter: Shape { [channels, window.height, window.width, 1] }
  }

  static let cases = [
    Case(window: Window2D(3, padding: 1), height: 13, width: 21),
    Case(window: Window2D(3, stride: 2, padding: 1), height: 14, width: 13, channels: 48),
    Case(window: Window2D(5, padding: 2), height: 9, width: 19, channels: 16),
    Case(window: Window2D(5, stride: 2, padding: 2), height: 7, width: 7),
    Case(window: Window2D(7, padding: 3), height: 7, width: 5),
    // TensorFlow's "same" of even images: all padding at the end.
    Case(
      window: Window2D(height: 3, width: 3, strideY: 2, strideX: 2, bottom: 1, right: 1),
      height: 12, width: 16),
    Case(
      window: Window2D(height: 2, width: 3, strideY: 1, strideX: 3, top: 1, right: 2), height: 5,
      width: 11),
    // Windows larger than the image, and pixels that no window reads.
    Case(window: Window2D(5, padding: 2), height: 2, width: 3),
    Case(window: Window2D(1, stride: 3), height: 8, width: 7),
  ]

  /// By itself, images are [N, H, W, C].
  @Test(arguments: cases)
  func matchesTheReference(_ entry: Case) throws {
    try check(["x": [2, entry.height, entry.width, entry.channels], "w": entry.filter]) {
      graph, x in
      let y = try graph.convolution(
        x["x"]!, x["w"]!, window: entry.window, groups: entry.channels)
      let first = try graph.gradient(of: graph.sum(graph.square(y)), with: [x["x"]!, x["w"]!])
      let second = try graph.gradient(
        of: graph.sum(graph.square(first[0])), with: [x["x"]!, x["w"]!])
      return [y] + first + second
    }
  }

  /// Between pointwise convolutions images are in blocks of channels: an inverted residual with folded
  /// scales, biases, ReLU and ReLU6, its gradients, and gradients of these.
  @Test(arguments: cases, [false, true])
  func matchesTheReferenceBetweenPointwiseConvolutions(_ entry: Case, isClipped: Bool) throws {
    let channels = entry.channels
    let graph = try check(
      [
        "x": [2, entry.height, entry.width, 16], "w": entry.filter, "scale": [channels, 1, 1, 1],
        "bias": [channels], "expand": [channels, 1, 1, 16], "project": [16, 1, 1, channels],
      ], within: 5e-5
    ) { graph, x in
      let point = Window2D(1)
      func rectified(_ value: Value) throws -> Value {
        let relu = try graph.relu(value)
        return isClipped
          ? try graph.minimum(graph.constant(0.5, shape: relu.shape), relu) : relu
      }
      let wide = try rectified(graph.convolution(x["x"]!, x["expand"]!, window: point))
      let filter = try graph.multiply(x["w"]!, x["scale"]!)
      let sums = try graph.convolution(wide, filter, window: entry.window, groups: channels)
      let deep = try rectified(graph.add(sums, x["bias"]!))
      let y = try graph.convolution(deep, x["project"]!, window: point)
      let variables = ["x", "w", "scale", "bias", "expand", "project"].map { x[$0]! }
      let first = try graph.gradient(of: graph.sum(graph.square(y)), with: variables)
      let second = try graph.gradient(of: graph.sum(graph.square(first[0])), with: variables)
      return [y] + first + second
    }
    #expect(graph.outputs.count == 13)
  }

  /// An image's result does not depend on the batch, to the last bit.
  @Test func imagesAreIndependent() throws {
    func run(_ count: Int) throws -> [Float] {
      var graph = GraphBuilder()
      let x = try graph.placeholder("x", shape: [count, 11, 9, 32])
      let w = try graph.placeholder("w", shape: [32, 3, 3, 1])
      let y = try graph.convolution(x, w, window: Window2D(3, padding: 1), groups: 32)
      let executable = try Executable(
        graph.graph(outputs: [y]), parameters: store([:]),
        options: .init(threads: 2, isBatchInvariant: true))
      var generator = SeededGenerator(seed: 9)
      let images = ReferenceArray.random([3, 11, 9, 32], using: &generator)
      let filters = ReferenceArray.random([32, 3, 3, 1], using: &generator)
      try executable.run([
        "x": .floats(images.values.prefix(count * 11 * 9 * 32).map(Float.init)),
        "w": .floats(filters.values.map(Float.init)),
      ])
      return executable.output(0).values
    }
    let three = try run(3)
    #expect(try run(1) == Array(three.prefix(11 * 9 * 32)))
  }
}
