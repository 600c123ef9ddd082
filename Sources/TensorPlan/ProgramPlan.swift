import TensorGraph

/// A graph turned into an ordered list of kernels over storages, before any backend is chosen.
public struct ProgramPlan: Sendable {
  public let graph: Graph
  public let kernels: [Kernel]
  /// For each node the node whose memory holds its value.
  public let storage: [Int]

  public init(_ graph: Graph) {
    let fusion = Fusion(graph)
    self.graph = graph
    kernels = fusion.kernels
    storage = fusion.storage
  }

  /// Arithmetic and traffic of one run.
  public var cost: Cost { kernels.reduce(.zero) { $0 + $1.cost(in: graph) } }

  /// The memory that results in between need, without a backend's own scratch and packed weights.
  public var plannedBytes: Int {
    let lifetimes = Lifetimes(self)
    return MemoryPlan(lifetimes.requests(for: graph)).peakBytes
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
