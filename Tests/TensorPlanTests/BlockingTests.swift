import TensorGraph
import TensorPlan
import TensorTestSupport
import Testing

/// Which activations are kept in blocks of channels.
struct BlockingTests {
  private let window = Window2D(3, padding: 1)

  /// x → convolution → ReLU → convolution, and what `use` makes of the activation between.
  private func plan(
    channels: Int = 32, _ use: (inout GraphBuilder, Value) throws -> [Value] = { _, _ in [] }
  ) throws -> (plan: ProgramPlan, inner: Int) {
    var graph = GraphBuilder()
    let x = try graph.placeholder("x", shape: [2, 6, 5, channels])
    let w = try graph.parameter("w", shape: [channels, 3, 3, channels])
    let v = try graph.parameter("v", shape: [channels, 3, 3, channels])
    let inner = try graph.relu(graph.convolution(x, w, window: window))
    let further = try use(&graph, inner)
    let y = try graph.convolution(inner, v, window: window)
    let z = try graph.convolution(graph.relu(y), w, window: window)
    let plan = ProgramPlan(
      graph.graph(outputs: [z] + further), for: BackendTraits(blocksChannels: true))
    let first = plan.kernels.first { if case .convolution = $0.work { true } else { false } }
    return (plan, try #require(first).writes[0])
  }

  @Test func whatStandsBetweenConvolutionsIsBlocked() throws {
    let (plan, inner) = try plan()
    #expect(plan.blocked.contains(inner))
    let outer = plan.graph.outputs + plan.graph.parameters.values + plan.graph.placeholders.values
    for other in outer { #expect(!plan.blocked.contains(other), "an input, output or filter") }
  }

  @Test func nothingIsBlockedUnasked() throws {
    let graph = try DensePoolNetwork().graph()
    #expect(ProgramPlan(graph).blocked.isEmpty)
    #expect(!ProgramPlan(graph, for: BackendTraits(blocksChannels: true)).blocked.isEmpty)
  }

  @Test func channelsMustBeWholeBlocks() throws {
    #expect(try plan(channels: 24).plan.blocked.isEmpty)
  }

  @Test func anOutputStaysAsItIs() throws {
    let (plan, inner) = try plan { _, inner in [inner] }
    #expect(!plan.blocked.contains(inner))
  }

  @Test func rowsForAMatrixProductStayAsTheyAre() throws {
    let (plan, inner) = try plan { graph, inner in
      let rows = try graph.reshape(inner, to: [2, 6 * 5 * 32])
      let dense = try graph.parameter("dense", shape: [6 * 5 * 32, 4])
      return [try graph.matrixProduct(rows, dense)]
    }
    #expect(!plan.blocked.contains(inner))
  }

  @Test(arguments: [(16, 32, true), (8, 24, false)])
  func slicesOfWholeBlocksAreRead(start: Int, limit: Int, isBlocked: Bool) throws {
    let (plan, inner) = try plan { graph, inner in
      let slice = try graph.append(
        Slice(start: [0, 0, 0, start], limit: [2, 6, 5, limit], step: [1, 1, 1, 1]), [inner])
      return [try graph.sum(graph.multiply(slice, slice), axes: [1, 2, 3])]
    }
    #expect(plan.blocked.contains(inner) == isBlocked)
  }

  @Test func everySecondPixelIsNoSliceOfBlocks() throws {
    let (plan, inner) = try plan { graph, inner in
      let slice = try graph.append(
        Slice(start: [0, 0, 0, 0], limit: [2, 6, 5, 32], step: [1, 2, 2, 1]), [inner])
      return [try graph.sum(graph.multiply(slice, slice), axes: [1, 2, 3])]
    }
    #expect(!plan.blocked.contains(inner))
  }

  /// A softmax over all of an image: what it divides is stored, and no convolution reads it.
  @Test(arguments: [false, true]) func whatNoConvolutionTouchesFollows(isShown: Bool) throws {
    let (plan, inner) = try plan { graph, inner in
      let powers = try graph.exponential(inner)
      let total = try graph.sum(powers, axes: [1, 2, 3])
      let all = try graph.broadcast(
        graph.reshape(total, to: [2, 1, 1, 1]), to: [2, 6, 5, 32])
      let shares = try graph.divide(powers, all)
      return [try graph.sum(graph.square(shares), axes: [1, 2, 3])] + (isShown ? [powers] : [])
    }
    let shape = plan.graph.nodes[inner].shape
    let stored = plan.kernels.filter { $0.name.hasPrefix("pointwise") }.flatMap { $0.writes }
      .filter { plan.graph.nodes[$0].shape == shape }
    #expect(!stored.isEmpty)
    for storage in stored { #expect(plan.blocked.contains(storage) == !isShown) }
  }

  /// The order of a kernel's walk covers every element once, whatever it reads and writes.
  @Test func fusionGroupsStayWithinTheirOperands() throws {
    let plan = ProgramPlan(
      try DensePoolNetwork(channels: 32).graph(), for: BackendTraits(blocksChannels: true))
    for kernel in plan.kernels {
      guard case .pointwise(let fused) = kernel.work else { continue }
      for view in fused.inputs {
        let last = zip(view.strides, fused.shape.dimensions).reduce(view.offset) {
          $0 + $1.0 * ($1.1 - 1)
        }
        #expect(last < plan.graph.nodes[view.storage].shape.count, "\(kernel.name)")
      }
      for output in fused.outputs {
        #expect(plan.graph.nodes[output.storage].shape.count == fused.shape.count)
      }
      for reduction in fused.reductions {
        let last = zip(reduction.strides, fused.shape.dimensions).reduce(0) {
          $0 + $1.0 * ($1.1 - 1)
        }
        #expect(last == reduction.count - 1)
      }
    }
  }
}
