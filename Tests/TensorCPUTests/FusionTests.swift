import TensorCPU
import TensorCPUTestSupport
import TensorGraph
import TensorPlan
import TensorReference
import TensorTestSupport
import Testing

/// What fusion and reuse of memory could get wrong, one hazard at a time.
@Suite(.everyInstructionSet) struct FusionTests {
  private static let shapes: [String: Shape] = [
    "x": [2, 6, 5, 8], "w": [8, 3, 3, 8], "v": [8, 3, 3, 8], "b": [8], "r": [2, 6, 5, 8],
  ]

  /// Names of the kernels of a program that ran as the reference does.
  @discardableResult
  private func kernels(
    simplifies: Bool = true, sourceLocation: SourceLocation = #_sourceLocation,
    _ build: (inout GraphBuilder, [String: Value]) throws -> [Value]
  ) throws -> [String] {
    ProgramPlan(
      try check(
        Self.shapes, simplifies: simplifies, sourceLocation: sourceLocation, build)
    ).kernels.map(\.name)
  }

  private func convolution(
    _ graph: inout GraphBuilder, _ x: Value, _ w: Value
  ) throws -> Value {
    try graph.convolution(x, w, window: Window2D(3, padding: 1))
  }

  @Test func biasResidualAndReLUAreOneKernel() throws {
    let names = try kernels { graph, x in
      let sums = try graph.add(convolution(&graph, x["x"]!, x["w"]!), x["b"]!)
      return [try graph.relu(graph.add(sums, x["r"]!))]
    }
    #expect(names == ["convolution + bias + residual + relu"])
  }

  /// ReLU6 and its like. A limit that is not above 0, or that is the second operand, stays apart.
  @Test func theLimitOfAReLUBelongsToIt() throws {
    let names = try kernels { graph, x in
      let sums = try graph.add(convolution(&graph, x["x"]!, x["w"]!), x["b"]!)
      let y = try graph.relu(graph.add(sums, x["r"]!))
      return [try graph.minimum(graph.constant(0.75, shape: y.shape), y)]
    }
    #expect(names == ["convolution + bias + residual + relu + limit"])
    for (limit, isFirst) in [(0.0, true), (0.75, false)] {
      let names = try kernels { graph, x in
        let y = try graph.relu(convolution(&graph, x["x"]!, x["w"]!))
        let number = try graph.constant(limit, shape: y.shape)
        return [try isFirst ? graph.minimum(number, y) : graph.minimum(y, number)]
      }
      #expect(names == ["convolution + relu", "pointwise"])
    }
  }

  /// What is no number passes the limit wherever it passes the ReLU; not every ReLU of oneDNN's lets it pass.
  @Test(arguments: [(3, 1, 1), (1, 1, 1), (3, 1, 32), (3, 2, 1)])
  func theLimitOfAReLUKeepsWhatIsNoNumber(
    _ entry: (size: Int, stride: Int, groups: Int)
  ) throws {
    func result(isLimited: Bool) throws -> [Float] {
      var graph = GraphBuilder()
      let x = try graph.placeholder("x", shape: [1, 12, 12, 32])
      let w = try graph.placeholder("w", shape: [32, entry.size, entry.size, 32 / entry.groups])
      var y = try graph.relu(
        graph.convolution(
          x, w, window: Window2D(entry.size, stride: entry.stride, padding: entry.size / 2),
          groups: entry.groups))
      if isLimited { y = try graph.minimum(graph.constant(0.25, shape: y.shape), y) }
      let built = graph.graph(outputs: [y])
      var inputs: [String: [Float]] = [:]
      for (name, id) in built.placeholders {
        inputs[name] = [Float](repeating: 0.5, count: built.nodes[id].shape.count)
      }
      inputs["x"]![inputs["x"]!.count / 2] = .nan
      let executable = try Executable(built, parameters: ParameterStore([]))
      try executable.run(inputs.mapValues { .floats($0) })
      return executable.output(0).values
    }
    let (limited, free) = (try result(isLimited: true), try result(isLimited: false))
    #expect(limited.map(\.isNaN) == free.map(\.isNaN))
    #expect(limited.filter { !$0.isNaN }.allSatisfy { $0 == 0.25 || $0 == 0 })
  }

  /// The residual is computed, and nobody reads it after the convolution: it may be overwritten.
  @Test func aResidualThatDies() throws {
    let names = try kernels { graph, x in
      let r = try graph.exponential(x["r"]!)
      let sums = try graph.add(convolution(&graph, x["x"]!, x["w"]!), x["b"]!)
      return [try graph.relu(graph.add(r, sums))]
    }
    #expect(names.contains("convolution + bias + residual + relu"))
  }

  @Test func aResidualThatIsReadAgain() throws {
    try kernels { graph, x in
      let r = try graph.exponential(x["r"]!)
      let y = try graph.relu(graph.add(convolution(&graph, x["x"]!, x["w"]!), r))
      let z = try convolution(&graph, y, x["v"]!)
      return [y, try graph.add(z, r), try graph.sum(r, axes: [0, 1, 2])]
    }
  }

  @Test func aResidualThatIsTheConvolutionsInput() throws {
    try kernels { graph, x in
      let h = try graph.exponential(x["x"]!)
      return [try graph.relu(graph.add(convolution(&graph, h, x["w"]!), h))]
    }
  }

  /// A residual that is an output, an input of the program, or the same memory by another name.
  @Test func residualsThatMustStay() throws {
    try kernels { graph, x in
      let r = try graph.exponential(x["r"]!)
      let y = try graph.add(convolution(&graph, x["x"]!, x["w"]!), r)
      let z = try graph.add(convolution(&graph, x["x"]!, x["v"]!), x["r"]!)
      let alias = try graph.stopGradient(y)
      let again = try graph.add(convolution(&graph, y, x["v"]!), alias)
      return [r, y, z, again]
    }
  }

  @Test func aResidualMadeAfterTheConvolution() throws {
    try kernels { graph, x in
      let y = try convolution(&graph, x["x"]!, x["w"]!)
      let r = try graph.exponential(x["r"]!)
      return [try graph.relu(graph.add(y, r))]
    }
  }

  @Test func twoConvolutionsAdded() throws {
    try kernels { graph, x in
      let a = try convolution(&graph, x["x"]!, x["w"]!)
      let b = try convolution(&graph, x["x"]!, x["v"]!)
      return [
        try graph.relu(graph.add(graph.add(a, x["b"]!), graph.add(b, x["b"]!))),
        try graph.add(a, a),
      ]
    }
  }

  @Test func aBiasUsedTwice() throws {
    try kernels { graph, x in
      let y = try graph.add(convolution(&graph, x["x"]!, x["w"]!), x["b"]!)
      let z = try graph.add(convolution(&graph, graph.relu(y), x["v"]!), x["b"]!)
      return [try graph.add(z, x["b"]!), try graph.sum(x["b"]!)]
    }
  }

  @Test func aComputedBiasAndOneOfFourAxes() throws {
    try kernels { graph, x in
      let mean = try graph.mean(x["r"]!, axes: [0, 1, 2])
      let y = try graph.add(convolution(&graph, x["x"]!, x["w"]!), mean)
      let scaled = try graph.multiply(x["b"]!, 3)
      return [try graph.relu(graph.add(convolution(&graph, y, x["v"]!), scaled))]
    }
  }

  /// A bias that is a slice, and a scalar added to a convolution.
  @Test(arguments: [true, false])
  func biasesThatAreViewsOrNumbers(simplifies: Bool) throws {
    try kernels(simplifies: simplifies) { graph, x in
      let line = try graph.reshape(x["r"]!, to: [480])
      let part = try graph.slice(line, axis: 0, 3..<11)
      let y = try graph.add(convolution(&graph, x["x"]!, x["w"]!), part)
      let constant = try graph.constant(0.5, shape: [8])
      let z = try graph.add(convolution(&graph, y, x["v"]!), constant)
      return [try graph.relu(graph.add(z, 0.25))]
    }
  }

  @Test func intermediateValuesThatAreOutputs() throws {
    let names = try kernels { graph, x in
      let sums = try graph.add(convolution(&graph, x["x"]!, x["w"]!), x["b"]!)
      return [sums, try graph.relu(sums), try graph.exponential(sums)]
    }
    #expect(names.contains("convolution + bias"))
  }

  @Test func anIntermediateValueReadByAMask() throws {
    try kernels { graph, x in
      let sums = try graph.add(convolution(&graph, x["x"]!, x["w"]!), x["b"]!)
      return [try graph.relu(sums), try graph.multiply(x["r"]!, graph.isPositive(sums))]
    }
  }

  @Test(arguments: [true, false])
  func clustersWithManyResults(simplifies: Bool) throws {
    let names = ProgramPlan(
      try check(["x": [7, 31, 13], "y": [13]], simplifies: simplifies) { graph, x in
        let a = try graph.multiply(x["x"]!, x["y"]!)
        let b = try graph.exponential(a)
        let c = try graph.divide(b, graph.add(graph.square(a), 1))
        return [
          a, b, c, try graph.sum(c, axes: [0]), try graph.maximum(of: c, axes: [1, 2]),
          try graph.sum(graph.multiply(a, b)), try graph.minimum(of: b, axes: [2]),
        ]
      }
    ).kernels.map(\.name)
    #expect(names.filter { $0 == "pointwise + reduction" }.count == 1)
  }

  /// The cluster's first result could take the place of an operand that its second still reads.
  @Test func aResultBeforeTheLastReadOfAnOperand() throws {
    try check(["x": [40, 50], "y": [40, 50]]) { graph, x in
      let a = try graph.exponential(x["x"]!)
      let fence = try graph.sum(a, axes: [0])
      let b = try graph.exponential(graph.subtract(a, fence))
      let c = try graph.sigmoid(graph.multiply(b, a))
      let d = try graph.divide(a, graph.add(c, 1))
      return [b, d, try graph.sum(a, axes: [1])]
    }
  }

  /// One storage read as it is and transposed, sliced or repeated, by what could overwrite it.
  @Test(arguments: [true, false])
  func twoViewsOfOneStorage(simplifies: Bool) throws {
    try check(["x": [9, 9], "y": [9, 9]], simplifies: simplifies) { graph, x in
      let a = try graph.exponential(x["x"]!)
      let flipped = try graph.transpose(a, [1, 0])
      let b = try graph.exponential(x["y"]!)
      let row = try graph.broadcast(graph.slice(b, axis: 0, 4..<5), to: [9, 9])
      let c = try graph.sigmoid(x["y"]!)
      let twice = try graph.subtract(c, graph.transpose(graph.negate(c), [1, 0]))
      return [try graph.subtract(a, flipped), try graph.divide(b, row), twice]
    }
  }

  /// A view of a value that is made by the very cluster that would read it.
  @Test(arguments: [true, false])
  func viewsOfASquareValueAsResults(simplifies: Bool) throws {
    try check(["x": [5, 5]], simplifies: simplifies) { graph, x in
      let a = try graph.exponential(x["x"]!)
      let last = try graph.broadcast(graph.slice(a, axis: 1, 4..<5), to: [5, 5])
      return [try graph.transpose(a, [1, 0]), last, try graph.sum(graph.subtract(a, last))]
    }
  }

  /// More operands than the evaluator has registers.
  @Test func manyOperands() throws {
    var shapes: [String: Shape] = [:]
    for i in 0..<400 { shapes["x\(i)"] = [3, 5] }
    for i in 0..<400 { shapes["s\(i)"] = [5] }
    try check(shapes) { graph, x in
      var sum = try graph.constant(0, shape: [3, 5])
      for i in stride(from: 0, to: 400, by: 2) {
        let a = try graph.add(graph.multiply(x["x\(i)"]!, x["s\(i)"]!), x["s\(i + 1)"]!)
        sum = try graph.add(graph.multiply(sum, 0.5), graph.select(a, x["x\(i + 1)"]!, a))
      }
      return [sum]
    }
  }

  @Test func onePlaceholderForManyKernels() throws {
    try kernels { graph, x in
      let (x, w) = (x["x"]!, x["w"]!)
      let y = try convolution(&graph, x, w)
      let pool = try graph.maxPool(x, window: Window2D(2, stride: 2))
      let flat = try graph.reshape(x, to: [2, 240])
      return try [
        y, pool, graph.matrixProduct(flat, flat, transposesRight: true),
        graph.sum(graph.multiply(x, graph.reshape(flat, to: x.shape)), axes: [3]),
      ] + graph.gradient(of: graph.sum(graph.square(y)), with: [x, w])
    }
  }
}
