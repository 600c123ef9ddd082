import TensorCPU
import TensorCPUTestSupport
import TensorGraph
import TensorReference
import TensorRuntime
import TensorTestSupport
import Testing

/// Programs that multiply in bfloat16, where the processor has such arithmetic.
@Suite(.enabled(if: CPUExecutor.hasBFloat16), .everyInstructionSet { $0.hasBFloat16 })
struct BFloat16Tests {
  private func executable(
    _ graph: Graph, _ parameters: Arrays = [:], threads: Int = 2, winograd: Bool = false
  ) throws -> Executable {
    try Executable(
      graph, parameters: store(parameters),
      options: .init(threads: threads, usesWinograd: winograd, precision: .bfloat16))
  }

  /// Whole numbers of at most 8 bits are bfloat16 themselves, and sums of their products are exact:
  /// whatever is read or written in a wrong order or kind shows.
  private func whole(_ shape: Shape, _ choices: [Float], seed: UInt64) -> ReferenceArray {
    var generator = SeededGenerator(seed: seed)
    let values = (0..<shape.count).map { _ in choices.randomElement(using: &generator)! }
    return ReferenceArray(Tensor(shape: shape, values: values))
  }

  @Test(arguments: [1, 2], [1, 3])
  func wholeNumbersAreExact(stride: Int, size: Int) throws {
    var graph = GraphBuilder()
    let x = try graph.placeholder("x", shape: [2, 9, 7, 32])
    let v = try graph.placeholder("v", shape: [32])
    let w = try (0..<3).map { try graph.placeholder("w\($0)", shape: [32, size, size, 32]) }
    let same = Window2D(size, padding: size / 2)
    let strided = Window2D(size, stride: stride, padding: size / 2)
    let first = try graph.relu(graph.add(graph.convolution(x, w[0], window: same), v))
    // Read by a cluster, pooled, added to by a convolution, and read again.
    let scaled = try graph.multiply(first, graph.scalar(0.5))
    let second = try graph.relu(graph.add(graph.convolution(scaled, w[1], window: same), first))
    let third = try graph.convolution(second, w[2], window: strided)
    let square = try graph.sum(graph.multiply(third, graph.isPositive(third)), axes: [0, 1, 2, 3])
    let gradients = try graph.gradient(of: square, with: [x, v] + w)
    let largest = try graph.maximum(of: second, axes: [0, 1, 2])
    let built = graph.graph(outputs: [third, square, largest] + gradients)

    var values: Arrays = [
      "x": whole([2, 9, 7, 32], [-2, 0, 0, 2], seed: 1), "v": whole([32], [-2, 0, 2], seed: 2),
    ]
    for index in 0..<3 {
      values["w\(index)"] = whole(
        [32, size, size, 32], [-1, 1] + [Float](repeating: 0, count: 40), seed: UInt64(3 + index))
    }
    let expected = try ReferenceEvaluator.evaluate(
      built, placeholders: values, parameters: [:])
    for threads in [1, 2] {
      let executable = try executable(built, threads: threads)
      #expect(executable.plan.rounded.count > 3)
      for _ in 0..<2 { try executable.run(inputs(values, of: built)) }
      for (index, array) in expected.enumerated() {
        let difference = ReferenceArray(executable.output(index)).mismatch(to: array, within: 0)
        #expect(difference == nil, "output \(index), \(threads) threads: \(difference ?? "")")
      }
    }
  }

  /// To nearest, ties to even, as an image is read and as a cluster writes one; what is infinite or
  /// not a number stays so.
  @Test func numbersAreRoundedToNearest() throws {
    let numbers: [(Float, Float)] = [
      (1 + 0x1p-8, 1), (1 + 0x3p-8, 1 + 0x1p-6), (1 + 0x1.8p-8, 1 + 0x1p-7),
      (-1 - 0x1p-8, -1), (0, 0), (3.14159, 3.140625), (1e-3, 0.00099945068359375),
      (65280, 65280), (0x1p-120, 0x1p-120), (Float.greatestFiniteMagnitude, .infinity),
      (.infinity, .infinity), (-.infinity, -.infinity), (.nan, .nan),
    ]
    for (given, expected) in numbers {
      for isClustered in [false, true] {
        var graph = GraphBuilder()
        let x = try graph.placeholder("x", shape: [1, 2, 2, 16])
        let identity = try graph.constant(
          Tensor(
            shape: [16, 1, 1, 16], values: (0..<256).map { $0 / 16 == $0 % 16 ? Float(1) : 0 }))
        let power = try graph.placeholder("p", shape: [1])
        var image = x
        if isClustered {
          // What a convolution has made, and a cluster doubles.
          let made = try graph.convolution(x, identity, window: Window2D(1))
          image = try graph.multiply(made, power)
        }
        let result = try graph.convolution(image, identity, window: Window2D(1))
        let built = graph.graph(outputs: [result])
        let executable = try executable(built)
        // One channel alone: 0 times what is infinite is not a number.
        var pixels = [Float](repeating: 0, count: 64)
        for pixel in 0..<4 { pixels[pixel * 16 + 5] = isClustered ? 1 : given }
        var inputs: [String: Executable.Input] = ["x": .floats(pixels)]
        if isClustered { inputs["p"] = .floats([given]) }
        if isClustered, !given.isFinite { continue }
        try executable.run(inputs)
        let actual = executable.output(0).values[5]
        #expect(
          actual == expected || actual.isNaN && expected.isNaN,
          "\(given), clustered \(isClustered): \(actual)")
      }
    }
  }

  /// Gradients of a whole network, as far from floats as 8 bits are.
  @Test(arguments: [false, true])
  func networksComeNearTheReference(winograd: Bool) throws {
    var generator = SeededGenerator(seed: 11)
    let network = ResidualNetwork(blocks: 2, channels: 32, extent: 24, batch: 2)
    let graph = try network.graph()
    let images = network.images(using: &generator)
    let parameters = network.parameters(of: graph, using: &generator)
    let expected = try ReferenceEvaluator.evaluate(
      graph, placeholders: images, parameters: parameters)
    let executable = try executable(graph, parameters, winograd: winograd)
    try executable.run(inputs(images, of: graph))
    for (index, array) in expected.enumerated() {
      let actual = ReferenceArray(executable.output(index))
      let size = array.values.reduce(0) { $0 + $1 * $1 }.squareRoot()
      let error = zip(actual.values, array.values).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
        .squareRoot()
      #expect(error <= 0.03 * size, "output \(index): \(error / size)")
      // It is not computed in floats after all.
      if !winograd, array.values.count > 1000 {
        #expect(error > 1e-4 * size, "output \(index): \(error / size)")
      }
    }
  }

  @Test func imagesTakeHalfTheMemory() throws {
    let network = ResidualNetwork(blocks: 3, channels: 32, extent: 40, batch: 4)
    let graph = try network.graph()
    var generator = SeededGenerator(seed: 3)
    let parameters = try store(network.parameters(of: graph, using: &generator))
    func bytes(_ precision: ExecutionPolicy.Precision) throws -> Int {
      try Executable(
        graph, parameters: parameters, options: .init(usesWinograd: false, precision: precision)
      ).plan.plannedBytes
    }
    let (floats, halves) = (try bytes(.float32), try bytes(.bfloat16))
    #expect(Double(halves) < 0.75 * Double(floats), "\(halves) of \(floats)")
  }

  /// Windows for which Winograd's algorithm is the faster stay in floats.
  @Test(.enabled(if: CPUExecutor.hasWinograd)) func largeWindowsStayInFloats() throws {
    var graph = GraphBuilder()
    let x = try graph.placeholder("x", shape: [4, 56, 56, 128])
    let w = try graph.placeholder("w", shape: [128, 3, 3, 128])
    let window = Window2D(3, padding: 1)
    let first = try graph.relu(graph.convolution(x, w, window: window))
    let second = try graph.convolution(first, w, window: window)
    let built = graph.graph(outputs: [second])
    #expect(try executable(built, winograd: true).plan.rounded.isEmpty)
    #expect(try !executable(built, winograd: false).plan.rounded.isEmpty)
  }
}

@Suite(.everyInstructionSet { !$0.hasBFloat16 }) struct MissingBFloat16Tests {
  @Test func missingArithmeticIsAnError() throws {
    var graph = GraphBuilder()
    let x = try graph.placeholder("x", shape: [2])
    let y = try graph.relu(x)
    let built = graph.graph(outputs: [y])
    #expect(throws: ExecutionError.self) {
      try Executable(built, parameters: store([:]), options: .init(precision: .bfloat16))
    }
  }
}
