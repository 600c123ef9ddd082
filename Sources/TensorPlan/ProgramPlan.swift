import TensorGraph

/// A graph turned into an ordered list of kernels over storages, before any backend is chosen.
public struct ProgramPlan: Sendable {
  public let graph: Graph
  public let kernels: [Kernel]
  /// For each node the node whose memory holds its value.
  public let storage: [Int]

  /// Storages of activations that are kept as [N, C/16, H, W, 16] instead of [N, H, W, C].
  public let blocked: Set<Int>

  /// Storages of activations that are kept in bfloat16 instead of single precision.
  public let rounded: Set<Int>

  /// - Parameters:
  ///   - given: all that is computed.
  ///   - traits: what the backend can do.
  ///   - recomputes: compute again what would be kept for long, where that makes the peak smaller.
  public init(
    _ given: Graph, for traits: BackendTraits = BackendTraits(), recomputes: Bool = false
  ) {
    let fusion = Fusion(given, scalesFilters: traits.scalesFilters)
    var (graph, fused, storage) = (given, fusion.kernels, fusion.storage)
    if recomputes {
      let again = Recomputation(fused, graph, storage: storage)
      (graph, fused) = (again.graph, again.kernels)
      storage += storage.count..<graph.nodes.count
    }
    (self.graph, self.storage) = (graph, storage)
    rounded =
      traits.multipliesInBFloat16.map {
        Rounding(fused, graph, storage: storage, isRounded: $0).rounded
      } ?? []
    guard traits.blocksChannels else {
      (kernels, blocked) = (fused, [])
      return
    }
    let blocking = Blocking(fused, graph, storage: storage)
    kernels = fused.map(blocking.rewritten)
    blocked = blocking.blocked
  }

  /// Memory of a storage.
  public func byteCount(_ storage: Int) -> Int {
    let node = graph.nodes[storage]
    return rounded.contains(storage) ? node.shape.count * 2 : node.byteCount
  }

  /// Arithmetic and traffic of one run.
  public var cost: Cost { kernels.reduce(.zero) { $0 + cost($1) } }

  /// Arithmetic and traffic of one kernel.
  public func cost(_ kernel: Kernel) -> Cost {
    kernel.cost(in: graph, traffic: (kernel.reads + kernel.writes).reduce(0) { $0 + byteCount($1) })
  }

  /// The memory that results in between need, without a backend's own scratch and packed weights.
  public var plannedBytes: Int {
    let lifetimes = Lifetimes(self)
    return MemoryPlan(lifetimes.requests(for: self)).peakBytes
  }

  /// Storages that depend on parameters and constants alone: they stay valid until a parameter
  /// changes.
  public var parameterOnly: Set<Int> {
    var known: Set<Int> = []
    for (id, node) in graph.nodes.enumerated() {
      switch node.operation {
      case is Parameter, is Constant, is Scalar: known.insert(id)
      default: break
      }
    }
    for kernel in kernels where kernel.reads.allSatisfy(known.contains) {
      known.formUnion(kernel.writes)
    }
    return known
  }
}
