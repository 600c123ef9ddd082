import TensorGraph
import TensorPlan
import TensorTestSupport
import Testing

struct FusionTests {
  private func plan(
    simplifies: Bool = true, _ build: (inout GraphBuilder) throws -> [Value]
  ) throws -> ProgramPlan {
    var graph = GraphBuilder(simplifies: simplifies)
    let outputs = try build(&graph)
    let plan = ProgramPlan(graph.graph(outputs: outputs))
    expectSound(plan)
    return plan
  }

  @Test func convolutionBiasResidualAndReLUAreOneKernel() throws {
    let plan = try plan { graph in
      let x = try graph.placeholder("x", shape: [1, 4, 4, 2])
      let w = try graph.parameter("w", shape: [2, 3, 3, 2])
      let b = try graph.parameter("b", shape: [2])
      let y = try graph.convolution(x, w, window: Window2D(3, padding: 1))
      return [try graph.relu(graph.add(graph.add(y, b), x))]
    }
    #expect(plan.kernels.map(\.name) == ["convolution + bias + residual + relu"])
  }

  @Test func aReLUWithTwoReadersIsStillAbsorbedButNotWhatPrecedesAnOutput() throws {
    let plan = try plan { graph in
      let x = try graph.placeholder("x", shape: [1, 4, 4, 2])
      let w = try graph.parameter("w", shape: [2, 1, 1, 2])
      let y = try graph.relu(graph.convolution(x, w, window: Window2D(1)))
      let z = try graph.convolution(y, w, window: Window2D(1))
      return [y, try graph.sum(y), z, try graph.relu(z)]
    }
    #expect(
      plan.kernels.map(\.name).sorted() == [
        "convolution", "convolution + relu", "pointwise", "reduction",
      ])
  }

  @Test func aGradientInAnImageTakesResidualMaskAndSums() throws {
    func gradient(_ graph: inout GraphBuilder) throws -> (dx: Value, x: Value) {
      let x = try graph.placeholder("x", shape: [1, 4, 4, 2])
      let w = try graph.parameter("w", shape: [2, 3, 3, 2])
      let window = Window2D(3, padding: 1)
      let dx = try graph.append(
        ConvolutionInputGradient(window: window, inputShape: [1, 4, 4, 2]), [x, w])
      return (dx, x)
    }
    let taken = try plan { graph in
      let (dx, x) = try gradient(&graph)
      let masked = try graph.multiply(graph.add(dx, x), graph.isPositive(x))
      return [masked, try graph.sum(masked, axes: [0, 1, 2])]
    }
    #expect(taken.kernels.map(\.name) == ["convolution input gradient + residual + mask + sums"])
    let seen = try plan { graph in
      let (dx, x) = try gradient(&graph)
      let sum = try graph.add(dx, x)
      return [sum, try graph.multiply(sum, graph.isPositive(x)), try graph.sum(dx, axes: [1, 2])]
    }
    #expect(seen.kernels.map(\.name) == ["convolution input gradient", "pointwise + reduction"])
  }

  /// Filters with a number each are multiplied when convolutions pack them, unless somebody else reads
  /// the product or nobody asks for it.
  @Test func scaledFiltersAreLeftToConvolutions() throws {
    func graph(isSeen: Bool) throws -> Graph {
      var graph = GraphBuilder()
      let x = try graph.placeholder("x", shape: [1, 4, 4, 2])
      let w = try graph.parameter("w", shape: [3, 3, 3, 2])
      let scale = try graph.parameter("scale", shape: [3, 1, 1, 1])
      let scaled = try graph.multiply(w, graph.broadcast(scale, to: [3, 3, 3, 2]))
      let y = try graph.convolution(x, scaled, window: Window2D(3, padding: 1))
      let seen = try graph.relu(scaled)
      return graph.graph(outputs: [y] + (isSeen ? [seen] : []))
    }
    func names(isSeen: Bool, scalesFilters: Bool) throws -> [String] {
      let plan = ProgramPlan(
        try graph(isSeen: isSeen), for: BackendTraits(scalesFilters: scalesFilters))
      expectSound(plan)
      return plan.kernels.map(\.name)
    }
    #expect(try names(isSeen: false, scalesFilters: true) == ["convolution"])
    #expect(try names(isSeen: true, scalesFilters: true) == ["pointwise", "convolution"])
    #expect(try names(isSeen: false, scalesFilters: false) == ["pointwise", "convolution"])
  }

  /// A mask is a comparison of something that is stored anyway.
  @Test func masksOfReLUsAreNeverStored() throws {
    let plan = ProgramPlan(try ResidualNetwork(blocks: 4).graph())
    let stored = Set(plan.kernels.flatMap(\.writes))
    let masks = plan.graph.nodes.indices.filter {
      (plan.graph.nodes[$0].operation as? Unary)?.function == .isPositive
    }
    #expect(masks.count >= 9)
    #expect(masks.allSatisfy { !stored.contains($0) })
  }

  @Test func broadcastsSlicesAndTransposesInFrontOfAClusterAreNotStored() throws {
    let plan = try plan { graph in
      let x = try graph.placeholder("x", shape: [4, 6])
      let y = try graph.placeholder("y", shape: [6, 4])
      let b = try graph.placeholder("b", shape: [6])
      let part = try graph.slice(y, axis: 0, 1..<2)
      let sum = try graph.add(graph.add(x, graph.transpose(y, [1, 0])), b)
      return [try graph.multiply(sum, graph.transpose(part, [1, 0]))]
    }
    #expect(plan.kernels.map(\.name) == ["pointwise"])
  }

  @Test func aReductionRunsWithWhatItReads() throws {
    let plan = try plan { graph in
      let x = try graph.placeholder("x", shape: [4, 6])
      let y = try graph.exponential(graph.square(x))
      return [try graph.sum(y, axes: [0]), try graph.maximum(of: y, axes: [1])]
    }
    #expect(plan.kernels.map(\.name) == ["pointwise + reduction"])
    #expect(plan.kernels[0].writes.count == 2)
  }

  /// A value cannot be read through another view while it is being made.
  @Test(arguments: [true, false])
  func aViewOfAClusterMateIsReadAfterIt(simplifies: Bool) throws {
    let plan = try plan(simplifies: simplifies) { graph in
      let x = try graph.placeholder("x", shape: [5, 5])
      let a = try graph.exponential(x)
      let row = try graph.broadcast(graph.slice(a, axis: 0, 2..<3), to: [5, 5])
      return [
        try graph.divide(a, graph.transpose(a, [1, 0])), try graph.divide(a, row),
      ]
    }
    #expect(plan.kernels.count == 2)
  }

  @Test(arguments: 0..<20)
  func clustersStayBelowTheirLimits(seed: Int) throws {
    let plan = ProgramPlan(try randomGraph(seed: seed, steps: 400))
    for case .pointwise(let fused) in plan.kernels.map(\.work) {
      #expect(fused.registerCount <= 256)
    }
  }

  /// A chain longer than a fusion group may be, of operations that are not cheap to repeat, and one
  /// with more operands than an executor has registers.
  @Test func longChainsAreCut() throws {
    let chain = try plan { graph in
      var x = try graph.placeholder("x", shape: [4, 6])
      for _ in 0..<100 { x = try graph.sigmoid(x) }
      return [x]
    }
    #expect(chain.kernels.count == 3)
    for case .pointwise(let fused) in chain.kernels.map(\.work) {
      #expect(fused.instructions.count <= 48)
    }
    let wide = try plan { graph in
      var sum = try graph.placeholder("x", shape: [4, 6])
      func operand(_ name: String) throws -> Value { try graph.placeholder(name, shape: [6]) }
      for i in 0..<100 {
        let x = try graph.placeholder("x\(i)", shape: [4, 6])
        let scaled = try graph.multiply(graph.add(x, operand("a\(i)")), operand("b\(i)"))
        let a = try graph.add(scaled, operand("c\(i)"))
        let y = try graph.placeholder("y\(i)", shape: [4, 6])
        let shifted = try graph.multiply(graph.add(y, operand("d\(i)")), operand("e\(i)"))
        sum = try graph.select(a, graph.add(shifted, operand("f\(i)")), sum)
      }
      return [sum]
    }
    for case .pointwise(let fused) in wide.kernels.map(\.work) {
      #expect(fused.registerCount <= 256)
    }
  }

  @Test func findingTheTapOfAMaximumFindsItsValue() throws {
    let window = Window2D(2, stride: 2)
    let plan = try plan { graph in
      let x = try graph.placeholder("x", shape: [1, 5, 5, 2])
      let index = try graph.append(MaxPoolIndex(window: window), [x])
      return [
        try graph.append(MaxPoolSelect(window: Window2D(2, stride: 2, dilation: 2)), [x, index]),
        try graph.append(MaxPoolSelect(window: window), [x, index]),
      ]
    }
    #expect(plan.kernels.map(\.name) == ["max pool", "max-pool select"])
  }
}
