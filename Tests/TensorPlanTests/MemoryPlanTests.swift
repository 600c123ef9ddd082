import TensorGraph
import TensorPlan
import TensorTestSupport
import Testing

/// Invariants, never offsets.
struct MemoryPlanTests {
  private func requests(_ generator: inout SeededGenerator) -> [MemoryPlan.Request] {
    let steps = Int.random(in: 1...60, using: &generator)
    return (0..<Int.random(in: 0...120, using: &generator)).map { _ in
      let first = Int.random(in: 0..<steps, using: &generator)
      let length = Int.random(in: 0...max(1, steps / 4), using: &generator)
      let bytes =
        Bool.random(using: &generator)
        ? Int.random(in: 0...300, using: &generator)
        : Int.random(in: 0...100_000, using: &generator)
      return .init(bytes: bytes, first: first, last: first + length)
    }
  }

  @Test(arguments: 0..<400)
  func buffersAliveTogetherNeverOverlap(seed: Int) {
    var generator = SeededGenerator(seed: UInt64(seed))
    let requests = requests(&generator)
    let plan = MemoryPlan(requests)
    #expect(plan.offsets.count == requests.count)
    #expect(plan.peakBytes >= plan.lowerBound)
    for (i, a) in requests.enumerated() where a.bytes > 0 {
      #expect(plan.offsets[i] % MemoryPlan.alignment == 0 && plan.offsets[i] >= 0)
      #expect(plan.offsets[i] + a.bytes <= plan.peakBytes)
      for (j, b) in requests.enumerated().dropFirst(i + 1)
      where b.bytes > 0 && a.first <= b.last && b.first <= a.last {
        #expect(
          plan.offsets[i] + a.bytes <= plan.offsets[j]
            || plan.offsets[j] + b.bytes <= plan.offsets[i],
          "\(a) at \(plan.offsets[i]), \(b) at \(plan.offsets[j])")
      }
    }
    let most = (0...80).map { step in
      requests.filter { ($0.first...$0.last).contains(step) }.reduce(0) { $0 + $1.bytes }
    }.max()!
    #expect(plan.lowerBound >= most)
  }

  @Test func nothingAndEmptyBuffersNeedNoMemory() {
    #expect(MemoryPlan([]).peakBytes == 0)
    #expect(MemoryPlan([.init(bytes: 0, first: 0, last: 9)]).peakBytes == 0)
  }

  /// Fragmentation costs less than a third.
  @Test(arguments: [1, 2, 4, 9])
  func networksComeCloseToTheLowerBound(blocks: Int) throws {
    let plan = ProgramPlan(try ResidualNetwork(blocks: blocks, channels: 16, extent: 16).graph())
    let memory = MemoryPlan(Lifetimes(plan).requests(for: plan))
    #expect(Double(memory.peakBytes) <= 1.3 * Double(memory.lowerBound))
    #expect(plan.plannedBytes == memory.peakBytes)
    // Far below what keeping every result takes.
    let all = plan.kernels.flatMap(\.writes).reduce(0) { $0 + plan.graph.nodes[$1].byteCount }
    #expect(memory.peakBytes < all)
  }

  /// A dense layer's gradient is made after the backward pass of the convolutions before it, so that
  /// it never stands beside their activations.
  @Test func largeGradientsOfLittleComeLast() throws {
    var graph = GraphBuilder()
    let x = try graph.placeholder("x", shape: [2, 16, 16, 3])
    let w = try graph.parameter("w", shape: [8, 3, 3, 3])
    let dense = try graph.parameter("dense", shape: [2048, 512])
    let y = try graph.relu(graph.convolution(x, w, window: Window2D(3, padding: 1)))
    let rows = try graph.reshape(y, to: [2, 2048])
    let z = try graph.relu(graph.matrixProduct(rows, dense))
    // Used twice, so its gradient is a sum.
    let again = try graph.matrixProduct(graph.square(rows), dense)
    let loss = try graph.add(graph.sum(graph.square(z)), graph.sum(graph.square(again)))
    let gradients = try graph.gradient(of: loss, with: [dense, w])
    let plan = ProgramPlan(graph.graph(outputs: [loss] + gradients))
    let (large, small) = (plan.graph.outputs[1], plan.graph.outputs[2])
    let written = Dictionary(
      uniqueKeysWithValues: plan.kernels.enumerated().flatMap { index, kernel in
        kernel.writes.map { ($0, index) }
      })
    #expect(try #require(written[large]) > #require(written[small]))
    let firstLarge = plan.kernels.firstIndex { kernel in
      kernel.writes.contains { plan.graph.nodes[$0].shape == [2048, 512] }
    }
    #expect(try #require(firstLarge) > #require(written[small]))
  }
}
