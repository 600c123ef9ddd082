import TensorPlan
import TensorRuntime

extension ProgramProfile {
  /// No time yet for the kernels of a plan.
  init(_ plan: ProgramPlan) {
    self.init(
      plan.kernels.map { kernel in
        let reads = kernel.reads.map { plan.graph.nodes[$0].shape.description }
        let writes = kernel.writes.map { plan.graph.nodes[$0].shape.description }
        let cost = plan.cost(kernel)
        return Entry(
          name: kernel.name,
          detail: reads.joined(separator: " ") + " → " + writes.joined(separator: " "),
          flops: cost.flops, bytes: cost.bytes)
      })
  }
}
