import TensorGraph
import TensorPlan
import TensorTestSupport
import Testing

struct CostModelTests {
  private func costs(_ build: (inout GraphBuilder) throws -> [Value]) throws -> [Cost] {
    var graph = GraphBuilder()
    let outputs = try build(&graph)
    let plan = ProgramPlan(graph.graph(outputs: outputs))
    #expect(plan.cost == plan.kernels.reduce(.zero) { $0 + plan.cost($1) })
    return plan.kernels.map(plan.cost)
  }

  /// [2, 8, 8, 4] by [6, 3, 3, 4] with padding 1: 2·8·8·6 results of 36 multiply-adds each.
  @Test func convolutionWithItsGradients() throws {
    let work = 2 * 8 * 8 * 6 * 36 * 2
    let (x, w, y) = (2 * 8 * 8 * 4 * 4, 6 * 36 * 4, 2 * 8 * 8 * 6 * 4)
    let costs = try costs { graph in
      let x = try graph.placeholder("x", shape: [2, 8, 8, 4])
      let w = try graph.parameter("w", shape: [6, 3, 3, 4])
      let dy = try graph.placeholder("dy", shape: [2, 8, 8, 6])
      let y = try graph.convolution(x, w, window: Window2D(3, padding: 1))
      return try [y] + graph.gradient(of: y, with: [x, w], seed: dy)
    }
    #expect(costs.count == 3)
    #expect(costs.allSatisfy { $0 == Cost(flops: work, bytes: x + w + y) })
  }

  /// An epilogue adds one operation an element for each of its parts; a group reads its share of
  /// the channels.
  @Test func epiloguesAndGroups() throws {
    let costs = try costs { graph in
      let x = try graph.placeholder("x", shape: [1, 5, 5, 4])
      let w = try graph.parameter("w", shape: [6, 1, 1, 2])
      let b = try graph.parameter("b", shape: [6])
      let y = try graph.convolution(x, w, window: Window2D(1), groups: 2)
      return [try graph.relu(graph.add(y, b))]
    }
    let results = 5 * 5 * 6
    #expect(
      costs == [
        Cost(flops: results * 2 * 2 + results * 2, bytes: 4 * (100 + 12 + 6 + results))
      ])
  }

  @Test(arguments: [false, true])
  func matrixProduct(transposed: Bool) throws {
    let costs = try costs { graph in
      let a = try graph.placeholder("a", shape: transposed ? [7, 3] : [3, 7])
      let b = try graph.placeholder("b", shape: [7, 5])
      return [try graph.matrixProduct(a, b, transposesLeft: transposed)]
    }
    #expect(costs == [Cost(flops: 2 * 3 * 5 * 7, bytes: 4 * (21 + 35 + 15))])
  }

  @Test func poolingAndPointwise() throws {
    let pools = try costs { graph in
      let x = try graph.placeholder("x", shape: [1, 4, 4, 3])
      return [try graph.maxPool(x, window: Window2D(2, stride: 2))]
    }
    // One byte for each index of a winner.
    #expect(pools == [Cost(flops: 12 * 4, bytes: 48 * 4 + 12 * 4 + 12)])
    let sums = try costs { graph in
      let x = try graph.placeholder("x", shape: [4, 3])
      return [try graph.sum(graph.exponential(x), axes: [0])]
    }
    #expect(sums == [Cost(flops: 24, bytes: 4 * (12 + 3))])
  }
}
