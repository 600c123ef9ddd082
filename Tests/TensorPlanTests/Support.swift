import TensorGraph
import TensorPlan
import TensorReference
import TensorTestSupport
import Testing

/// A random program with several outputs and the gradient of their sum.
func randomGraph(seed: Int, steps: Int = 20) throws -> Graph {
  var generator = SeededGenerator(seed: UInt64(seed))
  var builder = GraphBuilder(simplifies: seed % 3 != 0)
  let shapes: [[Shape]] = [
    [[2, 3], [2, 3], [3], [2, 1], []], [[3, 3], [3, 3], [3], [1, 3], [3, 1]],
  ]
  var variables: [Value] = []
  for (position, shape) in shapes[seed % 2].enumerated() {
    variables.append(
      position == 1
        ? try builder.parameter("w", shape: shape)
        : try builder.placeholder("\(position)", shape: shape))
  }
  let kind: RandomExpression.Kind = Bool.random(using: &generator) ? .smooth : .whole
  var recipe = RandomExpression(generator: generator, kind: kind)
  let pool = try recipe.values(from: variables, steps: steps, in: &builder)
  let loss = try builder.add(builder.sum(pool.last!), builder.sum(pool[pool.count - 3]))
  let gradients = try builder.gradient(of: loss, with: variables)
  return builder.graph(outputs: [loss, pool[pool.count - 5]] + gradients)
}

/// Expects that kernels read only what is a source or was written before, that every storage is
/// written once, that outputs are produced, and that nothing is overwritten while it is yet to be
/// read.
func expectSound(
  _ plan: ProgramPlan, _ what: String = "", sourceLocation: SourceLocation = #_sourceLocation
) {
  func expect(_ condition: Bool, _ message: @autoclosure () -> String) {
    if !condition { Issue.record("\(what): \(message())", sourceLocation: sourceLocation) }
  }
  let graph = plan.graph
  let sources = Set(
    graph.nodes.indices.filter {
      switch graph.nodes[$0].operation {
      case is Placeholder, is Parameter, is Constant, is Scalar: true
      default: false
      }
    })
  var known = sources
  for (step, kernel) in plan.kernels.enumerated() {
    expect(kernel.reads.count == kernel.readShapes.count, "\(kernel.name) has other shapes")
    expect(kernel.writes.count == kernel.writeShapes.count, "\(kernel.name) has other shapes")
    for storage in kernel.reads {
      expect(known.contains(storage), "\(kernel.name) at \(step) reads %\(storage) unwritten")
    }
    for storage in kernel.writes {
      expect(known.insert(storage).inserted, "%\(storage) is written twice")
    }
    guard case .pointwise(let fused) = kernel.work else { continue }
    expect(Set(fused.inputs.map(\.storage)) == Set(kernel.reads), "reads of a fusion group")
    for input in fused.inputs {
      // The farthest element that the view reads lies within its storage.
      var (low, high) = (input.offset, input.offset)
      for (extent, stride) in zip(fused.shape.dimensions, input.strides) where extent > 0 {
        low += min(0, (extent - 1) * stride)
        high += max(0, (extent - 1) * stride)
      }
      let count = graph.nodes[input.storage].shape.count
      expect(fused.shape.count == 0 || (low >= 0 && high < count), "a view leaves %\(input)")
    }
  }
  for output in graph.outputs {
    expect(known.contains(plan.storage[output]), "output %\(output) is not produced")
  }

  let lifetimes = Lifetimes(plan)
  var lastRead: [Int: Int] = [:]
  for (step, kernel) in plan.kernels.enumerated() {
    for storage in kernel.reads { lastRead[storage] = step }
  }
  for output in graph.outputs { lastRead[plan.storage[output]] = plan.kernels.count }
  // Which storage each buffer holds as the program runs.
  var held: [Int: Int] = [:]
  for (step, kernel) in plan.kernels.enumerated() {
    for storage in kernel.reads where !sources.contains(storage) {
      let buffer = lifetimes.place[storage] ?? -1
      expect(held[buffer] == storage, "%\(storage) is gone from its buffer at \(step)")
      expect(lifetimes.spans[buffer]?.contains(step) == true, "%\(storage) is not alive at \(step)")
    }
    for storage in kernel.writes {
      let buffer = lifetimes.place[storage] ?? -1
      expect(lifetimes.spans[buffer]?.contains(step) == true, "%\(storage) is not alive at \(step)")
      expect(
        graph.nodes[buffer].byteCount >= graph.nodes[storage].byteCount,
        "%\(storage) does not fit its buffer")
      if let old = held[buffer] {
        expect(
          (lastRead[old] ?? 0) <= step, "%\(storage) overwrites %\(old), which is yet to be read")
        expect(!kernel.writes.contains(old), "two results of one kernel in one place")
      }
      held[buffer] = storage
    }
  }
  for output in graph.outputs where !sources.contains(plan.storage[output]) {
    let storage = plan.storage[output]
    expect(held[lifetimes.place[storage] ?? -1] == storage, "output %\(output) was overwritten")
  }
}
