import TensorCPU
import TensorCPUTestSupport
import TensorGraph
import TensorReference
import TensorTestSupport
import Testing

@Suite(.everyInstructionSet) struct OperationTests {
  /// Value, gradient and gradient of gradient of every operation.
  @Test(arguments: OperationTable.cases)
  func everyOperationRunsAsTheReference(_ entry: OperationCase) throws {
    for simplifies in [true, false] {
      let program = try DerivativeProgram(entry, simplifies: simplifies, computesTaps: true)
      try expectReference(
        program.graph, program.placeholders, parameters: program.parameters,
        "simplifies: \(simplifies),")
    }
  }

  /// Shapes that fill vector registers and several threads, for the kinds whose kernels choose by
  /// size.
  @Test(arguments: [
    (Window2D(3, padding: 1), 16, 32, 1), (Window2D(3, stride: 2, padding: 1), 19, 33, 1),
    (Window2D(1), 64, 48, 1), (Window2D(7, stride: 2, padding: 3), 3, 64, 1),
    (Window2D(3, padding: 1), 32, 32, 4), (Window2D(3, padding: 1), 32, 32, 32),
    (Window2D(3, padding: 2, dilation: 2), 8, 24, 1),
  ])
  func convolutionsOfRealSizes(window: Window2D, channels: Int, filters: Int, groups: Int) throws {
    try check([
      "x": [2, 13, 17, channels], "w": [filters, window.height, window.width, channels / groups],
    ]) { graph, x in
      let y = try graph.convolution(x["x"]!, x["w"]!, window: window, groups: groups)
      let loss = try graph.sum(graph.square(y))
      return try [y] + graph.gradient(of: loss, with: [x["x"]!, x["w"]!])
    }
  }

  /// The last is one of a few rows and a large matrix.
  @Test(arguments: [(1, 1, 1), (5, 3, 2), (64, 10, 512), (33, 129, 65), (15, 1040, 1021)])
  func matrixProductsOfRealSizes(rows: Int, columns: Int, inner: Int) throws {
    try check(["a": [rows, inner], "b": [inner, columns]]) { graph, x in
      let y = try graph.matrixProduct(x["a"]!, x["b"]!)
      return try [y] + graph.gradient(of: graph.sum(graph.square(y)), with: [x["a"]!, x["b"]!])
    }
  }

  /// A row's product with a matrix is that of the plain sums, and does not depend on what other rows
  /// there are, nor on the number of threads: where programs are batch invariant, for any sizes.
  @Test(arguments: [false, true], [[1040, 1040], [10, 64], [37, 21]])
  func rowsAreIndependent(transposesRight: Bool, size: [Int]) throws {
    var generator = SeededGenerator(seed: 31)
    let matrix = ReferenceArray.random(Shape(size), using: &generator).roundedToFloat
    let (inner, columns) = transposesRight ? (size[1], size[0]) : (size[0], size[1])
    let rows = ReferenceArray.random([45, inner], using: &generator).roundedToFloat
    func product(_ count: Int, threads: Int) throws -> [Float] {
      var graph = GraphBuilder()
      let a = try graph.placeholder("a", shape: [count, inner])
      let b = try graph.placeholder("b", shape: Shape(size))
      let y = try graph.matrixProduct(a, b, transposesRight: transposesRight)
      let executable = try Executable(
        graph.graph(outputs: [y]), parameters: store([:]),
        options: .init(threads: threads, isBatchInvariant: true))
      try executable.run([
        "a": .floats(rows.values.prefix(count * inner).map(Float.init)),
        "b": .floats(matrix.values.map(Float.init)),
      ])
      return executable.output(0).values
    }
    let all = try product(45, threads: 2)
    for (count, threads) in [(1, 2), (6, 1), (13, 2), (45, 1)] {
      #expect(try product(count, threads: threads) == Array(all.prefix(count * columns)))
    }
    for row in [0, 7, 44] {
      for column in 0..<columns {
        let sum = (0..<inner).reduce(0.0) {
          let other = transposesRight ? column * inner + $1 : $1 * columns + column
          return $0 + rows.values[row * inner + $1] * matrix.values[other]
        }
        #expect(abs(Double(all[row * columns + column]) - sum) < 1e-4)
      }
    }
  }

  /// A product over nothing is zero.
  @Test func matrixProductWithoutInnerExtent() throws {
    try check(["a": [2, 3], "b": [3, 4]]) { graph, x in
      let a = try graph.slice(x["a"]!, axis: 1, 1..<1)
      let b = try graph.slice(x["b"]!, axis: 0, 1..<1)
      let none = try graph.slice(x["a"]!, axis: 0, 1..<1)
      return [try graph.matrixProduct(a, b), try graph.matrixProduct(none, x["b"]!)]
    }
  }

  private static let pools: [(Window2D, Shape)] = [
    (Window2D(3, stride: 2, padding: 1), [2, 15, 13, 70]),
    (Window2D(3), [1, 9, 8, 5]), (Window2D(5, stride: 2, padding: 2), [3, 11, 11, 17]),
  ]

  @Test(arguments: pools)
  func overlappingPoolsAndTheirGradients(window: Window2D, shape: Shape) throws {
    try check(["x": shape]) { graph, x in
      var outputs: [Value] = []
      for countsPadding in [true, false] {
        let mean = try graph.averagePool(x["x"]!, window: window, countsPadding: countsPadding)
        outputs += try [mean] + graph.gradient(of: graph.sum(graph.square(mean)), with: [x["x"]!])
      }
      let y = try graph.maxPool(x["x"]!, window: window)
      let gradient = try graph.gradient(of: graph.sum(graph.square(y)), with: [x["x"]!])[0]
      let second = try graph.gradient(of: graph.sum(graph.square(gradient)), with: [x["x"]!])
      return outputs + [y, gradient] + second
    }
  }

  /// Of equals the first wins; the index alone, and an index read by a pool of another window.
  @Test func maxPoolTiesAndForeignIndices() throws {
    var graph = GraphBuilder()
    let x = try graph.placeholder("x", shape: [1, 5, 5, 2])
    let window = Window2D(2, stride: 2)
    let index = try graph.append(MaxPoolIndex(window: window), [x])
    // As many windows, but their taps lie two apart.
    let spread = try graph.append(
      MaxPoolSelect(window: Window2D(2, stride: 2, dilation: 2)), [x, index])
    var generator = SeededGenerator(seed: 3)
    let values = ReferenceArray.randomIntegers([1, 5, 5, 2], in: 0...1, using: &generator)
    try expectReference(graph.graph(outputs: [spread]), ["x": values], within: 0)
    try expectReference(graph.graph(outputs: [index]), ["x": values], within: 0)
    let own = try graph.append(MaxPoolSelect(window: window), [x, index])
    try expectReference(graph.graph(outputs: [spread, own, index]), ["x": values], within: 0)
  }

  @Test func rowOperationsWithTiesAndRowsOfManyLengths() throws {
    var generator = SeededGenerator(seed: 9)
    for width in [1, 2, 7, 64, 257] {
      var graph = GraphBuilder()
      let x = try graph.placeholder("x", shape: [5, width])
      let labels = try graph.placeholder("labels", shape: [4], type: .int32)
      let best = try graph.argMax(x)
      var outputs = [best, try graph.oneHot(best, depth: width)]
      for count in Set([1, (width + 1) / 2, width]) {
        outputs.append(try graph.topKMask(x, count: count))
      }
      outputs.append(try graph.oneHot(labels, depth: width))
      try expectReference(
        graph.graph(outputs: outputs),
        [
          "x": .randomIntegers([5, width], in: -2...2, using: &generator),
          // Outside of the range a row is zero.
          "labels": ReferenceArray(shape: [4], values: [0, Double(width - 1), -1, Double(width)]),
        ], within: 0)
    }
  }
}
