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
    let memory = MemoryPlan(Lifetimes(plan).requests(for: plan.graph))
    #expect(Double(memory.peakBytes) <= 1.3 * Double(memory.lowerBound))
    #expect(plan.plannedBytes == memory.peakBytes)
    // Far below what keeping every result takes.
    let all = plan.kernels.flatMap(\.writes).reduce(0) { $0 + plan.graph.nodes[$1].byteCount }
    #expect(memory.peakBytes < all)
  }
}
