import TensorPlan

/// Where the time of a program goes.
public struct Profile: Sendable {
  public struct Entry: Sendable {
    public let name: String
    public let detail: String
    /// Of one run.
    public let cost: Cost
    public fileprivate(set) var nanoseconds: UInt64 = 0
  }
  /// One per kernel, in the order of execution.
  public private(set) var entries: [Entry]
  public internal(set) var runs = 0

  init(_ plan: ProgramPlan) {
    entries = plan.kernels.map { kernel in
      let reads = kernel.reads.map { plan.graph.nodes[$0].shape.description }
      let writes = kernel.writes.map { plan.graph.nodes[$0].shape.description }
      return Entry(
        name: kernel.name,
        detail: reads.joined(separator: " ") + " → " + writes.joined(separator: " "),
        cost: plan.cost(kernel))
    }
  }

  mutating func add(_ kernel: Int, nanoseconds: UInt64) {
    entries[kernel].nanoseconds += nanoseconds
  }

  /// Milliseconds of one run.
  public var milliseconds: Double {
    Double(entries.reduce(0) { $0 + $1.nanoseconds }) / 1e6 / Double(max(runs, 1))
  }
}
